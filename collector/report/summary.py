"""What a report says of each station, from its hourly and daily roll-ups. Pure, given a store.

Hours with fewer than five vehicles are masked, and the others told in tens, as everywhere that the public may look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import DAYS, HOURS
from collector.stores.store import Select, Store
from collector.web.privacy import FEW, tens

HOUR_MS: Final = 3_600_000
AIR: Final = ("pm25_ugm3", "pm10_ugm3", "no2_ugm3", "o3_ugm3")

Points = list[tuple[int, float]]


@dataclass(slots=True)
class Hours:
    """One line of a chart: hourly values, and how the span looks as a whole."""

    label: str
    points: Points

    @property
    def mean(self) -> float:
        return sum(value for _, value in self.points) / len(self.points)

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


@dataclass(slots=True)
class StationReport:
    """One station over the span. `vehicles` has None for an hour that is masked."""

    node: str
    air: dict[str, list[Hours]] = field(default_factory=dict)
    vehicles: list[tuple[int, int | None]] = field(default_factory=list)
    speed: Points = field(default_factory=list)
    completeness: Points = field(default_factory=list)
    indices: list[Index] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def share(self) -> float | None:
        """Mean completeness of the hours that there are, 0 to 1."""
        return sum(value for _, value in self.completeness) / len(self.completeness) if self.completeness else None

    @property
    def vehicles_total(self) -> int:
        """Vehicles of the hours that are shown."""
        return sum(count for _, count in self.vehicles if count is not None)


def summarise(store: Store, nodes: Sequence[str], since_ms: int, until_ms: int) -> list[StationReport]:
    """Reports of the stations that have anything, by name. Raises StoreDown."""
    reports = {node: StationReport(node) for node in nodes}
    where: dict[str, str | tuple[str, ...]] = {"node": tuple(nodes)}
    _air(store, reports, where, since_ms, until_ms)
    _traffic(store, reports, where, since_ms, until_ms)
    _indices(store, reports, where, since_ms, until_ms)
    _alerts(store, reports, since_ms, until_ms)
    return [reports[node] for node in sorted(reports)]


def _air(store: Store, reports: dict[str, StationReport], where: dict[str, Any], since_ms: int, until_ms: int) -> None:
    columns = (*(f"{name}_mean" for name in AIR), "completeness")
    shares: dict[str, dict[int, float]] = defaultdict(dict)
    question = Select("air_quality" + HOURS, columns, since_ms, until_ms, where, ("node", "sensor"))
    for series in store.select(question):
        report = reports[series.tags["node"]]
        for at, name in enumerate(AIR, start=1):
            points = [(row[0], row[at]) for row in series.rows if row[at] is not None]
            if points:
                report.air.setdefault(name, []).append(Hours(series.tags["sensor"], points))
        for row in series.rows:
            if row[-1] is not None:
                seen = shares[report.node]
                seen[row[0]] = max(seen.get(row[0], 0.0), row[-1])
    for node, by_hour in shares.items():
        reports[node].completeness = sorted(by_hour.items())


def _traffic(
    store: Store, reports: dict[str, StationReport], where: dict[str, Any], since_ms: int, until_ms: int
) -> None:
    columns = ("count_sum", "speed_tms_kmh_mean")
    lanes = ("node", "sensor", "lane", "direction")
    sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for series in store.select(Select("traffic_flow" + HOURS, columns, since_ms, until_ms, where, lanes)):
        for time_ms, count, speed in series.rows:
            if count is not None:
                total = sums[series.tags["node"], time_ms]
                total[0] += count
                total[1] += count * (speed or 0.0)
    for (node, time_ms), (count, weighted) in sorted(sums.items()):
        shown = count >= FEW
        reports[node].vehicles.append((time_ms, tens(count) if shown else None))
        if shown and weighted:
            reports[node].speed.append((time_ms, round(weighted / count)))


def _indices(
    store: Store, reports: dict[str, StationReport], where: dict[str, Any], since_ms: int, until_ms: int
) -> None:
    columns = ("value", "category", "primary")
    of_days = where | {"period": DAYS[1:]}
    question = Select(INDEX, columns, since_ms, until_ms, of_days, ("node", "standard", "edition"))
    for series in store.select(question):
        tags = series.tags
        for time_ms, value, category, primary in series.rows:
            found = Index(time_ms, tags["standard"], tags["edition"], value, category or "", primary or "-")
            reports[tags["node"]].indices.append(found)
    for report in reports.values():
        report.indices.sort(key=lambda index: (index.day_ms, index.standard))


def _alerts(store: Store, reports: dict[str, StationReport], since_ms: int, until_ms: int) -> None:
    columns = ("node", "state", "value", "threshold", "late")
    for series in store.select(Select("alerts", columns, since_ms, until_ms, {}, ("rule", "severity"))):
        for time_ms, node, state, value, limit, late in series.rows:
            if node in reports and not late:
                told = {"time_ms": time_ms, "state": state, "value": value, "limit": limit, **series.tags}
                reports[node].alerts.append(told)
    for report in reports.values():
        report.alerts.sort(key=lambda alert: alert["time_ms"])
