"""The collector's knowledge as the pages want it: stations and alerts behind one `Site`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, Final, NamedTuple

from collector.alerts.on_duty import OnDuty
from collector.clock import wall_ms
from collector.collector import Collector
from collector.config import Config
from collector.config import Station as Named
from collector.delivery.gap_facts import from_state
from collector.delivery.gaps import gaps
from collector.delivery.registry import Node, Registry
from collector.health import canary
from collector.notify.setup import grants
from collector.rules.rule import Rule
from collector.stations.asking import ask
from collector.stations.names import Names
from collector.web.backdrop import Backdrop, BadBackdrop
from collector.web.backdrop import load as load_backdrop
from collector.web.feed import Feed
from collector.web.site import Sensor, Site, Station, Watched
from common.strict_yaml import NotUsable
from device_profiles.catalogue import Catalogue, UnknownProfile
from device_profiles.catalogue import load as load_catalogue
from wire.exits import Exit, Failure

ASK_S: Final = 25.0
KEPT_S: Final = 0.5
KEPT_S_MOST: Final = 5.0
METRES_PER_DEGREE = 111_320
PROFILES_MAX: Final = 1024
"""That are remembered: a node may call its sensors' models as it likes, and another way in each birth."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Made(NamedTuple):
    """A station, and what it was made of."""

    node: Node | None
    called: tuple[str, str] | None
    station: Station


class StationList:
    """All stations, listed twice a second at most: a page asks several times, and there may be ten thousand.

    One of which nothing new was heard is not made again. A twentieth of the time at most is spent on the list: each
    second some of a large city say something.
    """

    def __init__(self, config: Config, registry: Registry) -> None:
        self._known = {station.node: station for station in config.stations}
        self._names, self._registry = Names(config), registry
        self._made: dict[str, Made] = {}
        self._kept: tuple[float, list[Station]] = (-math.inf, [])

    def of_now(self) -> list[Station]:
        """May be called from any thread."""
        now_s = time.monotonic()
        if now_s > self._kept[0]:
            listed, done_s = self._listed(), time.monotonic()
            self._kept = done_s + min(KEPT_S_MOST, max(KEPT_S, 20 * (done_s - now_s))), listed
        return self._kept[1]

    def _listed(self) -> list[Station]:
        heard = {node.birth.node: node for node in self._registry.nodes() if node.birth.site != canary.SITE}
        order = sorted(self._known) + sorted(heard.keys() - self._known.keys())  # unnamed ones do not come first
        self._made = {name: self._of(name, heard.get(name)) for name in order}
        return [each.station for each in self._made.values()]

    def _of(self, name: str, node: Node | None) -> Made:
        called, made = self._names.of(name), self._made.get(name)
        if made is not None and made.node is node and made.called == called:
            return made
        return Made(node, called, _station(name, node, self._known.get(name), called or (name, name)))


def site(collector: Collector, duty: OnDuty, feed: Feed) -> Site:
    """What the pages need; each callable is quick and safe to call from any thread."""
    config, store, catalogue = collector.config, collector.store, load_catalogue()
    return Site(
        store=store,
        stations=StationList(config, collector.registry).of_now,
        alerts=collector.alerting.current,
        grants=grants(config),
        duty=duty,
        now_ms=wall_ms,
        feed=feed,
        health=collector.health,
        time_zone=config.web.time_zone,
        title_zh=config.web.title_zh,
        title_en=config.web.title_en,
        contact=config.web.contact,
        source_url=config.web.source_url,
        desk=config.desk_file,
        reporting=config.reporting(),
        watched=watched(collector.alerting.watch.rules.values()),
        corrections=lambda node: collector.calibrations.of_node(node, wall_ms()),
        titles=titles(catalogue),
        warm_up_s=warm_ups(catalogue),
        gaps=lambda node, since_ms: gaps(store, since_ms, wall_ms(), *from_state(config), node),
        ask=asker(config),
        backdrop=_backdrop(config),
        hosts=(*LOOPBACK, config.web.host, *config.web.hosts),
    )


def _backdrop(config: Config) -> Backdrop | None:
    """The map's own ground. Raises Failure, exit code 3, when the file cannot be used."""
    wants = config.web.map
    if wants is None:
        return None
    try:
        return load_backdrop(wants.file, wants.attribution)
    except (BadBackdrop, OSError) as error:
        cure = "GeoJSON in degrees; docs/pages.md tells how to make it"
        raise Failure(Exit.CONFIGURATION, "map-unusable", str(error), cure) from error


def watched(rules: Collection[Rule]) -> Callable[[str], list[Watched]]:
    """The levels of means and newest values of air that are watched upwards, by node; those of all series of a node."""

    def of(node: str) -> list[Watched]:
        return [
            Watched(rule.spec.quantity, rule.limit.level, rule.clear_limit.level, rule.alert)
            for rule in rules
            if rule.kind == "air_quality" and rule.spec is not None and rule.spec.stat in ("mean", "last")
            if rule.limit.above and not rule.limit.percent and not rule.joined and not rule.scope.labels
            if rule.scope.model_copy(update={"site": (), "sensor": ()}).holds({"node": node}, {})
        ]

    return of


def titles(catalogue: Catalogue) -> Callable[[str], tuple[str, str]]:
    """Names of sensor models by profile, such as `plantower-pms5003@1`."""

    @lru_cache(PROFILES_MAX)
    def of(profile: str) -> tuple[str, str]:
        try:
            title = catalogue.get(profile).title
        except (UnknownProfile, NotUsable):
            return profile, profile
        return title.zh, title.en

    return of


def warm_ups(catalogue: Catalogue) -> Callable[[str], float]:
    """How long sensors of a profile warm up."""

    @lru_cache(PROFILES_MAX)
    def of(profile: str) -> float:
        try:
            return catalogue.get(profile).warm_up_s
        except (UnknownProfile, NotUsable):
            return 0.0

    return of


def asker(config: Config) -> Callable[[str, str, dict[str, Any]], dict[str, Any]]:
    """Asks nodes over the broker; who does not answer in time has said so."""

    def ask_node(node: str, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return ask(config, node, verb, arguments, ASK_S)
        except Failure as error:
            return {"ok": False, "error": error.line()}

    return ask_node


def _station(name: str, node: Node | None, label: Named | None, called: tuple[str, str]) -> Station:
    zh, en = called
    if label is not None and label.push is not None:
        zh, en = f"{zh}（市民）", f"{en} (citizen)"
    lat_deg, lon_deg = (None, None) if label is None else _place(label)
    if node is None:
        return Station(name, "", zh, en, lat_deg=lat_deg, lon_deg=lon_deg)
    birth = node.birth
    return Station(
        node=name,
        site=birth.site,
        name_zh=zh,
        name_en=en,
        sensors=tuple(Sensor(sensor.name, sensor.profile) for sensor in birth.sensors),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        online=node.online,
        since_ms=node.since_ms,
        clock=birth.clock,
        oldest_unsent_ms=birth.oldest_ms,
        version=birth.version,
        vitals=birth.vitals,
    )


def _place(label: Named) -> tuple[float | None, float | None]:
    """Where the public sees it: on a grid of `within_m`, when its owner wants no more to be known."""
    lat, lon = label.lat, label.lon
    if lat is None or lon is None or label.within_m is None:
        return lat, lon
    step = label.within_m / METRES_PER_DEGREE
    seen = round(lat / step) * step
    across = step / max(
        math.cos(math.radians(seen)), 0.01
    )  # by the rounded place: the exact one must not shine through
    return round(seen, 6), round(round(lon / across) * across, 6)
