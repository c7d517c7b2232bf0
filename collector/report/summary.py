"""What a report says of each station, from its hourly and daily roll-ups. Pure, given a store.

A report is made to be sent, so it is as public as a page: hours with fewer than five vehicles are masked and the others
told in tens, and alerts on traffic are told as the public page tells them, without a value that may be one vehicle's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from collector.alerts import points
from collector.numbers.windows import HOURS, by_place, valid_means
from collector.rules.rule import Rule
from collector.stations.station_query import station_days
from collector.stores.store import Select, Store
from collector.web.privacy import FEW, WINDOW_MS, tens
from measures.averages import mean_of
from wire.times import HOUR_MS

AIR: Final = ("pm25_ugm3", "pm10_ugm3", "no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3", "co2_ppm", "noise_db")
_TOLD: Final = ("state", "value", "limit", "rule", "severity")
_NO_RULES: Final[Mapping[str, Rule]] = MappingProxyType({})

Points = list[tuple[int, float]]
Change = tuple[str | None, str | None, dict[str, Any]]
"""Node and key of an alert, and what is told of it."""


@dataclass(slots=True)
class Hours:
    """One line of a chart: hourly values, and how the span looks as a whole.

    The hours are valid ones, of which days are made too; all, where a sensor reports too seldom for any.
    """

    label: str
    points: Points
    quantity: str = "pm25_ugm3"

    @property
    def mean(self) -> float:
        """As the quantity is averaged: sound adds up as energy."""
        return mean_of(self.quantity, [value for _, value in self.points]) or 0.0

    def figure(self, value: float) -> str:
        """A value as it is shown: particles that a correction takes below zero, as in clean humid air, are none."""
        return f"{max(value, 0.0) if self.quantity.startswith('pm') else value:z.1f}"

    @property
    def highest(self) -> tuple[int, float]:
        """When, and how much."""
        return max(self.points, key=lambda point: point[1])


@dataclass(slots=True)
class Index:
    """The index of one day; `value` is None where it is published as NA."""

    day_ms: int
    standard: str
    edition: str
    value: int | None
    category: str
    primary: str
    level: int | None = None


class Done(NamedTuple):
    """What was done at a station: a word of collector.web.desk.reports.CHANGES, and more in Chinese and English."""

    time_ms: int
    what: str
    zh: str
    en: str


@dataclass(slots=True)
class StationReport:
    """One station over the span. `vehicles` are those an hour, by the time that was watched, None where it is masked;
    `vehicles_total` were counted in the hours that are shown.

    `share` is how much of the span there is air of, of traffic where there is no air, 0 to 1: an hour that is not there
    counts as none.
    """

    node: str
    share: float | None = None
    air: dict[str, list[Hours]] = field(default_factory=dict)
    vehicles: list[tuple[int, int | None]] = field(default_factory=list)
    vehicles_total: int = 0
    speed: Points = field(default_factory=list)
    completeness: Points = field(default_factory=list)
    indices: list[Index] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Done] = field(default_factory=list)

    @property
    def pm25(self) -> Hours | None:
        """Of the sensor with the highest mean."""
        return max(self.air.get("pm25_ugm3", []), key=lambda hours: hours.mean, default=None)

    @property
    def fired(self) -> int:
        """How many alerts did."""
        return sum(alert["state"] == "firing" for alert in self.alerts)

    @property
    def percent(self) -> int | None:
        """The share in whole percents that are full: what lacks an hour is not 100 % complete."""
        return None if self.share is None else int(100 * self.share + 1e-6)


def summarise(
    store: Store,
    nodes: Sequence[str],
    since_ms: int,
    until_ms: int,
    traffic_rules: Container[str] = (),
    rules: Mapping[str, Rule] = _NO_RULES,
) -> list[StationReport]:
    """Reports of the stations that have anything, by name; of alerts on traffic those of `traffic_rules` are told.

    `rules` are those in force, by name. Raises StoreDown.
    """
    reports = {node: StationReport(node) for node in nodes}
    where: dict[str, str | tuple[str, ...]] = {"node": tuple(nodes)}
    _air(store, reports, where, since_ms, until_ms)
    _traffic(store, reports, where, since_ms, until_ms)
    _indices(store, reports, since_ms, until_ms)
    _alerts(store, reports, since_ms, until_ms, traffic_rules, rules)
    return [reports[node] for node in sorted(reports)]


def _air(store: Store, reports: dict[str, StationReport], where: dict[str, Any], since_ms: int, until_ms: int) -> None:
    columns = (*(f"{name}_{stat}" for name in AIR for stat in ("mean", "n")), "completeness")
    shares: dict[str, dict[int, float]] = defaultdict(dict)
    question = Select("air_quality" + HOURS, columns, since_ms, until_ms, where, ("node", "sensor"))
    for series in store.select(question):
        report = reports[series.tags["node"]]
        hours = [(time_ms, dict(zip(columns, cells, strict=True))) for time_ms, *cells in series.rows]
        for name in AIR:
            points = valid_means((time_ms, hour[name + "_mean"], hour[name + "_n"]) for time_ms, hour in hours)
            if points:
                report.air.setdefault(name, []).append(Hours(series.tags["sensor"], points, name))
        for (time_ms, *_, part), _, share in by_place(series.rows):
            if part is not None:
                seen = shares[report.node]
                seen[time_ms] = max(seen.get(time_ms, 0.0), share)
    for report in reports.values():
        report.air = {name: report.air[name] for name in AIR if name in report.air}
    for node, by_hour in shares.items():
        reports[node].completeness = sorted(by_hour.items())
        reports[node].share = sum(by_hour.values()) * HOUR_MS / (until_ms - since_ms)


@dataclass(slots=True)
class _Hour:
    """The lanes of a station in one hour side by side."""

    count: int = 0
    flow_vph: float = 0.0
    timed: int = 0  # vehicles with a speed
    speeds_kmh: float = 0.0  # of all of these together
    share: float = 0.0


def _traffic(
    store: Store, reports: dict[str, StationReport], where: dict[str, Any], since_ms: int, until_ms: int
) -> None:
    columns = ("count_sum", "flow_vph_mean", "speed_tms_kmh_mean", "speed_tms_kmh_n", "completeness")
    lanes = ("node", "sensor", "lane", "direction")
    hours: dict[tuple[str, int], _Hour] = defaultdict(_Hour)
    for series in store.select(Select("traffic_flow" + HOURS, columns, since_ms, until_ms, where, lanes)):
        for (time_ms, count, flow, speed, timed, _), weight, share in by_place(series.rows):
            if count is not None:
                hour = hours[series.tags["node"], time_ms]
                hour.count += count
                hour.flow_vph += count if flow is None else flow * weight
                hour.share = max(hour.share, share)
                if speed is not None and timed:
                    hour.timed += timed
                    hour.speeds_kmh += timed * speed
    watched: dict[str, float] = defaultdict(float)
    for node, time_ms in sorted(hours):
        report, hour = reports[node], hours[node, time_ms]
        watched[node] += hour.share
        report.vehicles.append((time_ms, tens(hour.flow_vph) if hour.count >= FEW else None))
        report.vehicles_total += tens(hour.count) if hour.count >= FEW else 0
        if hour.timed >= FEW:
            report.speed.append((time_ms, round(hour.speeds_kmh / hour.timed)))
    for node, share in watched.items():
        if reports[node].share is None:
            reports[node].share = share * HOUR_MS / (until_ms - since_ms)


def _indices(store: Store, reports: dict[str, StationReport], since_ms: int, until_ms: int) -> None:
    for node, report in reports.items():
        report.indices = [
            Index(r.time_ms, r.standard, r.edition, r.value, r.category, r.primary, r.level)
            for r in station_days(store, node, since_ms, until_ms)
        ]


def _alerts(
    store: Store,
    reports: dict[str, StationReport],
    since_ms: int,
    until_ms: int,
    traffic_rules: Container[str],
    rules: Mapping[str, Rule],
) -> None:
    """What began or ended within the span, and what fired already when it began, with the time of then."""
    firing = [each for each in points.firing(store, dict(rules), since_ms) if not each.late]
    found: list[Change] = [
        (each.labels.get("node"), each.key, {name: getattr(each, name) for name in _TOLD} | {"time_ms": each.event_ms})
        for each in firing
    ]
    found += _changes(store, since_ms, until_ms, {each.key for each in firing})
    for node, key, told in found:
        if node not in reports:
            continue
        if "|traffic_flow" in (key or ""):  # the series in the key begins with its kind
            if told["rule"] not in traffic_rules:
                continue
            told |= {"time_ms": told["time_ms"] // WINDOW_MS * WINDOW_MS, "value": None}
        reports[node].alerts.append(told)
    for report in reports.values():
        report.alerts.sort(key=lambda alert: alert["time_ms"])


def _changes(store: Store, since_ms: int, until_ms: int, heard: set[str]) -> list[Change]:
    """Each change of an alert; none of what was taken back, and of history the end of what people have heard of alone,
    such as the episodes `heard`.
    """
    columns = ("node", "state", "value", "threshold", "late", "dedup_key", "void", "said_ms")
    found = store.select(Select("alerts", columns, since_ms, until_ms, {}, ("rule", "severity")))
    standing = [(series.tags, points.not_taken_back(series.rows, -3, -2, -1)) for series in found]
    news = heard | {row[-3] for _, rows in standing for row in rows if not row[-4]}
    return [
        (node, key, {"time_ms": time_ms, "state": state, "value": value, "limit": limit, **tags})
        for tags, rows in standing
        for time_ms, node, state, value, limit, late, key, _, _ in rows
        if not late or (state == "resolved" and key in news)
    ]
