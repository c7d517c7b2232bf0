"""From stored readings to what a page says of a station: its last hour, latest values, means and their completeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise
from statistics import fmean, median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from collector.numbers.flags import failed
from collector.numbers.reporting import Reporting, ReportingOf, is_of, reports_as_china
from collector.numbers.windows import MINUTES
from collector.stations.station_query import IndexRow
from collector.stores.store import Select, Store
from collector.web.air import PM, Air
from collector.web.heard import FLOW_ASKED, LEADING, Heard, Other, hear, sound_counts
from collector.web.judging import INDEX_AGE_MS, judged
from collector.web.levels import Judgement
from collector.web.privacy import Masked, told_until
from collector.web.site import Station
from collector.web.vehicles import Traffic, by_window, hour, traffic
from collector.zones import week_before
from wire.times import HOUR_MS, MINUTE_MS

WEEK_MS = 7 * 24 * HOUR_MS
YOUNG_MS = 10 * MINUTE_MS
STALE_MS = 3 * MINUTE_MS
STALE_PACES = 2.5
OTHERS_MS = 5 * MINUTE_MS
"""The pace of what is no particles and no traffic: many a weather station tells as often."""
HUMID_PCT = 70  # above it water swells particles, and optical sensors count the water


@dataclass(frozen=True)
class View:
    """A station as a card shows it."""

    station: Station
    since_ms: int
    now_ms: int
    pm25: list[Air]
    pm10: list[Air]
    others: list[Other]
    traffic: Traffic | None
    judgement: Judgement | None
    indices: list[IndexRow] = field(default_factory=list)
    """Stored indices of the last full hour, of the standards that the station reports."""
    traffic_soon: bool = False
    """Whether vehicles were counted, and no window of them is over yet."""
    air_ms: int | None = None
    """The newest reading of air within the hour, whether it passed its tests or not."""
    doubt: str = ""
    """What the newest readings of air did not pass, as collector.numbers.flags writes it."""
    recalled: bool = False
    """Told from memory, since the database does not answer: it may have newer readings."""

    @property
    def out_of_range(self) -> bool:
        """Whether a sensor of air says what cannot be."""
        return ":range" in self.doubt

    @property
    def particles_failed(self) -> bool:
        """Whether the newest particle readings are not used."""
        return not failed(self.doubt).isdisjoint(PM)

    @property
    def humid(self) -> bool:
        """Whether particle readings may be too high because the air is moist."""
        return any(other.quantity.name == "rh_pct" and other.value > HUMID_PCT for other in self.others)

    @cached_property
    def latest_ms(self) -> int | None:
        """The newest reading we know of."""
        times = [self.air_ms, self.traffic.latest_ms if self.traffic else None, self.station.last_ms]
        return max((time_ms for time_ms in times if time_ms is not None), default=None)

    def behind(self, time_ms: int) -> bool:
        """Whether a reading needs an age of its own: what the station says of its data is another sensor's."""
        return (self.latest_ms or self.now_ms) - time_ms > STALE_MS

    @cached_property
    def freshness(self) -> str:
        """`live`, `stale` or `none`: of the data alone, whatever the link says.

        Nobody looks for readings of more than a week ago; who has gone offline without any since is not new, though.
        """
        latest_ms = self.latest_ms
        if latest_ms is None:
            return "stale" if self.station.online is False else "none"
        age_ms = self.now_ms - latest_ms
        return "live" if age_ms <= STALE_MS or age_ms <= STALE_PACES * self.pace_ms else "stale"

    @property
    def pace_ms(self) -> float:
        """How far apart its readings come, by those of the last hour; 0 where that is not known."""
        if self.air_ms is None and self.traffic is None:
            return OTHERS_MS
        minutes = [minute for minute, _ in (self.pm25 or self.pm10)[0].by_minute] if self.pm25 or self.pm10 else []
        gaps = [later - earlier for earlier, later in pairwise(minutes)]
        paces = [median(gaps)] if len(gaps) >= 3 else []
        paces += [self.traffic.interval_ms] if self.traffic else []
        return min(paces, default=0)

    def rows(self) -> list[tuple[float | None, ...]]:
        """The table behind the chart: [minute, PM2.5 of each sensor or None], newest first."""
        columns = [dict(air.by_minute) for air in self.pm25]
        minutes = sorted({minute for column in columns for minute in column}, reverse=True)
        return [(minute, *(column.get(minute) for column in columns)) for minute in minutes]


def look(
    store: Store, stations: Sequence[Station], now_ms: int, reporting: ReportingOf = reports_as_china
) -> list[View]:
    """The last hour of each station, in the order given. One request, however many they are. Raises StoreDown."""
    if not stations:
        return []
    since_ms = now_ms // MINUTE_MS * MINUTE_MS - 59 * MINUTE_MS
    heard = hear(store, [station.node for station in stations], since_ms, now_ms)
    return [_view(station, heard[station.node], since_ms, now_ms, reporting(station.node)) for station in stations]


def _view(station: Station, heard: Heard, since_ms: int, now_ms: int, reports: Reporting) -> View:
    pm25 = [air for air in heard.air if air.quantity.name.startswith("pm25")]
    pm10 = [air for air in heard.air if air.quantity.name.startswith("pm10")]
    told = [row for row in heard.indices if any(is_of(one, row.standard, row.edition) for one in reports.standards)]
    means = {name: some[0].mean for name, some in (("PM2.5", pm25), ("PM10", pm10)) if some}
    counted = traffic(heard.flow, now_ms)
    return View(
        station,
        _began(heard, since_ms, now_ms),
        now_ms,
        pm25,
        pm10,
        heard.others,
        counted,
        judged(means, told, heard.measured, reports, now_ms),
        _newest([row for row in told if row.time_ms >= now_ms - INDEX_AGE_MS]),
        traffic_soon=counted is None and any(row[1] is not None for row in heard.flow),
        air_ms=max((row[0] for row in heard.newest), default=None),
        doubt=",".join(row[-1] for row in heard.newest if row[-1]),
    )


def _began(heard: Heard, since_ms: int, now_ms: int) -> int:
    """Where the charts begin: an hour ago, or ten minutes for a station that has just begun."""
    started_ms = min((air.fine[0][0] for air in heard.air), default=since_ms)
    if heard.flow and not heard.air:
        started_ms = heard.flow[0][0]
    if now_ms - started_ms < YOUNG_MS - MINUTE_MS:
        return now_ms // MINUTE_MS * MINUTE_MS - YOUNG_MS + MINUTE_MS
    return since_ms


def _newest(rows: list[IndexRow]) -> list[IndexRow]:
    hour_ms = max((row.time_ms for row in rows), default=0)
    return sorted((row for row in rows if row.time_ms == hour_ms), key=lambda row: (row.standard, row.sensor))


class LastWeek(NamedTuple):
    """The same 60 minutes a week ago: mean PM2.5 of the first sensor, vehicles fit for the public."""

    pm25_ugm3: float | None
    traffic: Masked | None


def hour_last_week(store: Store, node: str, now_ms: int, zone: ZoneInfo) -> LastWeek:
    """How it was a week ago when the clock said what it says now. Raises StoreDown."""
    until_ms = week_before(now_ms, zone)
    minutes = Select(
        "air_quality" + MINUTES, ("pm25_ugm3_mean",), until_ms - HOUR_MS, until_ms, {"node": node}, ("sensor",)
    )
    told_ms = week_before(told_until(now_ms), zone)
    question = Select("traffic_flow", FLOW_ASKED, told_ms - HOUR_MS, told_ms, {"node": node}, ("node",))
    driven, air = store.select_all([question, minutes])
    rows = [row for series in driven for row in sound_counts(series.rows)]
    means = [[row[1] for row in one.rows if row[1] is not None] for one in air]
    return LastWeek(fmean(means[0]) if means and means[0] else None, hour(by_window(rows)) if rows else None)


def last_heard(
    store: Store, nodes: Sequence[str], now_ms: int, what: Mapping[str, tuple[str, ...]] = LEADING
) -> dict[str, int]:
    """When stations that are silent were heard last of `what`, in ms, of those within a week. Raises StoreDown."""
    question = Select("", (), now_ms - WEEK_MS, now_ms, {"node": tuple(nodes)}, ("node",), latest=True)
    questions = [replace(question, measurement=kind, columns=names) for kind, names in what.items()]
    heard: dict[str, int] = {}
    for one in chain.from_iterable(store.select_all(questions)):
        node = one.tags["node"]
        heard[node] = max(one.rows[0][0], heard.get(node, 0))
    return heard
