"""Channels as the settings name them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from zoneinfo import ZoneInfo

from collector.alerts.alerting import Alerting, Telling
from collector.alerts.book import Book
from collector.alerts.settings import AlertmanagerChannel, AppriseChannel, Channel
from collector.config import Config
from collector.notify.addresses import NONE, Inner
from collector.notify.alertmanager import Alertmanager
from collector.notify.apprise_channel import Apprise, addresses
from collector.notify.channel import Channel as Way
from collector.notify.grant import Grants
from collector.notify.message import Place, Writer
from collector.notify.teller import Teller
from collector.notify.webhook import Webhook
from collector.rules.outbox import Route
from collector.rules.policy import Policy, Step
from collector.stations.names import Names
from common.settings import secret


def telling(config: Config) -> Telling:
    """How much people hear, and by which routes. Raises BadAddress."""
    wants = config.alerts
    policy = Policy(
        repeat_ms=wants.repeat,
        group_ms=wants.group,
        flap_changes=wants.flap_changes,
        flap_ms=wants.flap_within,
        steps=tuple(sorted(Step(step.after, tuple(step.notify), step.severity) for step in wants.escalate)),
        receivers=tuple(channel.name for channel in wants.channels),
    )
    routes = {}
    for each in wants.channels:
        first, *more = _names(each)
        routes[each.name] = Route(first, each.second, each.second_after, tuple(more))
    return Telling(policy, routes)


def grants(config: Config) -> Grants | None:
    """By which links in messages are signed; None without an address of the pages, or when none are wanted."""
    if config.alerts.link is None or not config.alerts.act_within:
        return None
    if config.signing_key_file is not None:  # the standby has it too: the link holds after it has taken over
        secret = hashlib.sha256(b"lamppost grants|" + config.signing_key_file.read_bytes()).digest()
    else:
        with closing(Book.open(config.state_file)) as book:
            secret = book.grant_secret()
    return Grants(secret, config.alerts.act_within)


def writer(config: Config, granted: Grants | None = None) -> Writer:
    """Who writes messages: stations by the names that people know."""
    zones = {station.node: station.time_zone for station in config.stations}
    names = Names(config)

    def place(node: str) -> Place:
        zone = ZoneInfo(zones.get(node) or config.web.time_zone)
        return Place(*(names.of(node) or (node, node)), zone)

    return Writer(place, config.alerts.link, granted)


def teller(config: Config, alerting: Alerting, now_ms: Callable[[], int]) -> Teller:
    """The tellers of an alerting. Raises BadAddress, Failure."""
    words = writer(config, grants(config))
    inner = Inner(config.alerts.inner)
    ways = [way for each in config.alerts.channels for way in channels(each, words, alerting, now_ms, inner)]
    made = Teller(alerting.outbox, ways, alerting.save_outbox, now_ms)
    alerting.tell_by(made)
    return made


def channels(
    wants: Channel, words: Writer, alerting: Alerting | None, now_ms: Callable[[], int], inner: Inner = NONE
) -> list[Way]:
    """A channel as the settings name it, each address of its file apart; without an alerting it repeats nothing.

    Raises BadAddress, and Failure for a secret that cannot be read.
    """
    if isinstance(wants, AppriseChannel):
        names = enumerate(_names(wants))
        return [Apprise(name, wants.urls_file, words, wants.language, number) for number, name in names]
    if isinstance(wants, AlertmanagerChannel):
        standing = partial(alerting.standing, wants.name) if alerting is not None else list
        return [Alertmanager(wants.name, wants.url, words, standing, now_ms, inner)]
    return [Webhook(wants.name, wants.url, secret(wants.secret_file), words, inner=inner)]


def _names(wants: Channel) -> list[str]:
    """The channel's own name, and for the second address of its file NAME:2, and so on."""
    count = len(addresses(wants.urls_file)) if isinstance(wants, AppriseChannel) else 1
    return [wants.name, *(f"{wants.name}:{number}" for number in range(2, count + 1))]
