"""Channels as the settings name them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from collector.alerts.alerting import Alerting, Telling
from collector.alerts.settings import AlertmanagerChannel, AppriseChannel, Channel
from collector.config import Config
from collector.notify.alertmanager import Alertmanager
from collector.notify.channel import Channel as Way
from collector.notify.message import Place, Writer
from collector.notify.teller import Teller
from collector.notify.webhook import Webhook
from collector.rules.desk import Policy, Step
from collector.rules.outbox import Route
from device_profiles.settings import secret


def telling(config: Config) -> Telling:
    """How much people hear, and by which routes."""
    wants = config.alerts
    policy = Policy(
        repeat_ms=wants.repeat,
        group_ms=wants.group,
        flap_changes=wants.flap_changes,
        flap_ms=wants.flap_within,
        steps=tuple(Step(step.after, tuple(step.notify), step.severity) for step in wants.escalate),
        receivers=tuple(channel.name for channel in wants.channels),
    )
    routes = {each.name: Route(each.name, each.second, each.second_after) for each in wants.channels}
    return Telling(policy, routes)


def writer(config: Config) -> Writer:
    """Who writes messages: stations by the names that people know."""
    known = {station.node: station for station in config.stations}

    def place(node: str) -> Place:
        station = known.get(node)
        zone = ZoneInfo((station and station.time_zone) or config.web.time_zone)
        return Place(node, node, zone) if station is None else Place(station.zh, station.en, zone)

    return Writer(place, config.alerts.link)


def teller(config: Config, alerting: Alerting, now_ms: Callable[[], int]) -> Teller:
    """The tellers of an alerting. Raises BadAddress, OSError, ModuleNotFoundError."""
    words = writer(config)
    ways = [channel(each, words, alerting, now_ms) for each in config.alerts.channels]
    made = Teller(alerting.outbox, ways, alerting.save_outbox, now_ms)
    alerting.tell_by(made)
    return made


def channel(wants: Channel, words: Writer, alerting: Alerting | None, now_ms: Callable[[], int]) -> Way:
    """One channel; without an alerting it can be tried, but repeats nothing."""
    if isinstance(wants, AppriseChannel):
        from collector.notify.apprise_channel import Apprise

        return Apprise(wants.name, wants.urls_file, words, wants.language)
    if isinstance(wants, AlertmanagerChannel):
        standing = alerting.standing if alerting is not None else list
        return Alertmanager(wants.name, wants.url, words, standing, now_ms)
    return Webhook(wants.name, wants.url, secret(wants.secret_file), words)
