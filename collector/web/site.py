"""What the pages need to know, as plain values and callables: the collector fills in one `Site`, tests another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from collector.delivery.gaps import Hour
from collector.health.health import Health
from collector.notify.grant import Grants
from collector.numbers.calibration import Record
from collector.numbers.reporting import ReportingOf, reports_as_china
from collector.stores.store import Store
from collector.web.backdrop import Backdrop
from collector.web.duty import Duty
from collector.web.feed import Feed

AlertState = Literal["pending", "firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as its node announced it; `profile` such as `plantower-pms5003@1`."""

    name: str
    profile: str


@dataclass(frozen=True, slots=True)
class Station:
    """One lamppost. Link and data are two facts: `online` is what the broker says, `last_ms` what the store has.

    `since_ms` is when `online` last changed. Times are UTC milliseconds.
    """

    node: str
    site: str
    name_zh: str
    name_en: str
    sensors: tuple[Sensor, ...] = ()
    lat_deg: float | None = None
    lon_deg: float | None = None
    height_m: float | None = None
    online: bool | None = None
    since_ms: int | None = None
    last_ms: int | None = None
    clock: str | None = None
    oldest_unsent_ms: int | None = None
    version: str | None = None
    vitals: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertView:
    """One episode of a rule at a station, as people see it: the words of the rule, and what they go on to say."""

    fingerprint: str
    state: AlertState
    severity: str
    rule: str
    text_zh: str
    text_en: str
    node: str
    since_ms: int
    quantity: str | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str = ""
    acked_by: str | None = None
    acked_note: str = ""
    acked_ms: int | None = None
    acked_until_ms: int | None = None
    silenced_until_ms: int | None = None
    key: str = ""
    """Names the episode."""
    follows: bool = False
    """Whether another alert that fires, such as that of its node, speaks for it."""
    kind: str = ""
    """The measurement that its rule looks at."""
    detail_zh: str = ""
    detail_en: str = ""
    """What stands behind the text, with its colon: quantity, value and limit, or for how long there is no data."""

    @property
    def attention(self) -> str:
        """Of what fires: `open` while it waits for somebody, `acked`, or `silenced`; empty for the rest."""
        if self.state != "firing":
            return ""
        if self.acked_by:
            return "acked"
        return "silenced" if self.silenced_until_ms or self.follows else "open"


class Watched(NamedTuple):
    """A level that a rule watches at a station: above `raise_at` it raises, below `clear_at` it clears."""

    quantity: str
    raise_at: float
    clear_at: float
    rule: str


def _nothing(_: str) -> list[Any]:
    return []


def _itself(profile: str) -> tuple[str, str]:
    return profile, profile


def _at_once(_: str) -> float:
    return 0.0


class ByNode:
    """Stations by their node: worked out once for each list, since every page asks and there may be ten thousand."""

    def __init__(self) -> None:
        self._worked_out: tuple[list[Station], dict[str, Station]] = ([], {})

    def of(self, stations: list[Station]) -> dict[str, Station]:
        listed, found = self._worked_out
        if listed is not stations:
            found = {station.node: station for station in stations}
            self._worked_out = stations, found
        return found


@dataclass(frozen=True, slots=True)
class Site:
    """The city as the pages see it. The callables are quick and safe to call from any thread."""

    store: Store
    stations: Callable[[], list[Station]]
    alerts: Callable[[], list[AlertView]]
    now_ms: Callable[[], int]
    feed: Feed
    desk: Path
    """File of reports, accounts and the trail."""
    duty: Duty
    """Where alerts are handled."""
    gaps: Callable[[str, int], list[Hour]]
    """The hours of a node since a time, with the cause of every hole. Raises StoreDown."""
    ask: Callable[[str, str, dict[str, Any]], dict[str, Any]]
    """Ask a node something and wait for its answer: `ok`, or `error` with the reason."""
    time_zone: str = "Asia/Shanghai"
    title_zh: str = "城市街道感知"
    title_en: str = "Street sensing"
    contact: str = ""
    source_url: str = ""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    reporting: ReportingOf = reports_as_china
    watched: Callable[[str], list[Watched]] = _nothing
    """The levels that rules watch at a node's air."""
    corrections: Callable[[str], list[Record]] = _nothing
    """The calibrations of a node that are in force."""
    titles: Callable[[str], tuple[str, str]] = _itself
    """What a sensor's profile is called, in Chinese and English."""
    warm_up_s: Callable[[str], float] = _at_once
    """How long after its start a sensor of a profile says nothing."""
    grants: Grants | None = None
    """By which messages' links may be used at the duty desk."""
    health: Callable[[], Health] = lambda: Health(True, "active", {})
    backdrop: Backdrop | None = None
    """What lies under the stations on the map."""
    _by_node: ByNode = field(default_factory=ByNode, repr=False)

    def by_node(self) -> Mapping[str, Station]:
        """All stations."""
        return self._by_node.of(self.stations())

    def station(self, node: str) -> Station | None:
        """The station of that node."""
        return self.by_node().get(node)

    def alert(self, fingerprint: str) -> AlertView | None:
        """The alert of that fingerprint: it stands, or ended within a day."""
        return next((alert for alert in self.alerts() if alert.fingerprint == fingerprint), None)
