"""A day, a week, a month or a year of a station's air and traffic, out of roll-ups: cheap at any length."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from collector.numbers.index_china import edition_day
from collector.numbers.reporting import Reporting, is_of
from collector.numbers.windows import DAYS, HOURS, MINUTES, VALID_MINUTES, by_place, day_of, valid_means
from collector.stations.station_query import station_days
from collector.stores.store import Select, Series, Store
from collector.web import chart
from collector.web.levels import Judgement, stored
from collector.web.privacy import FEW, mask, rough
from collector.web.site import Site, Watched
from collector.web.speeds import Speeds, speeds
from collector.web.vehicles import summed
from collector.zones import midnight, week_before
from measures import china_aqi
from measures.completeness import EU_DAY, GB_DAY, Rule
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

Length = Literal["day", "week", "month", "year"]


class Span(NamedTuple):
    """One length of the past: which roll-up it is made of, and how far its points stand apart."""

    name: Length
    length_ms: int
    suffix: str
    every_ms: int
    flow_suffix: str
    flow_ms: int


SPANS: Final[dict[str, Span]] = {
    span.name: span
    for span in (
        Span("day", DAY_MS, MINUTES, 10 * MINUTE_MS, HOURS, HOUR_MS),
        Span("week", 7 * DAY_MS, HOURS, HOUR_MS, HOURS, HOUR_MS),
        Span("month", 30 * DAY_MS, HOURS, HOUR_MS, DAYS, DAY_MS),
        Span("year", 365 * DAY_MS, DAYS, DAY_MS, DAYS, DAY_MS),
    )
}


class Flow(NamedTuple):
    """Traffic of all lanes in one window; None where it is hidden. Vehicles an hour in tens, mean speed."""

    start_ms: int
    flow_vph: float | None
    speed_kmh: float | None


class Trend(NamedTuple):
    """What is shown of a span. `before` is the same span a week earlier, moved here, for a day only."""

    span: Span
    since_ms: int
    until_ms: int
    air: list[tuple[str, list[tuple[int, float]]]]
    flow: list[Flow]
    before: list[tuple[int, float]]
    flow_since_ms: int

    def rows(self) -> list[tuple[Any, ...]]:
        """The table behind the chart of air: time and each sensor's value or None, newest first."""
        columns = [dict(points) for _, points in self.air]
        times = sorted({time_ms for column in columns for time_ms in column}, reverse=True)
        return [(time_ms, *(column.get(time_ms) for column in columns)) for time_ms in times]


class Month(NamedTuple):
    """One row of the year's calendar: the index of each day, None where there is none."""

    label: str
    days: list[Judgement | None]


@dataclass(frozen=True, slots=True)
class Past:
    """A trend and how it is drawn: `levels` is where each level of the axis ends, `watched` what a rule watches."""

    trend: Trend
    zone: ZoneInfo
    levels: tuple[float, ...] = ()
    watched: Watched | None = None
    months: list[Month] = field(default_factory=list)
    speeds: Speeds | None = None

    def air(self, box: chart.Box) -> chart.Chart:
        """PM2.5 of every sensor over the span."""
        trend, watched = self.trend, self.watched
        gap_ms = int(2.5 * trend.span.every_ms)
        raise_at, clear_at = (None, None) if watched is None else (watched.raise_at, watched.clear_at)
        return chart.lines(trend.air, self._frame(box), gap_ms, raise_at, clear_at, self.levels)

    def flow(self, box: chart.Box) -> chart.Chart:
        """Vehicles an hour by windows; hidden ones as high as they can be; a week before as a line."""
        trend = self.trend
        windows = [(one.start_ms, one.flow_vph) for one in trend.flow]
        width_ms = trend.span.flow_ms
        under_way = {one.start_ms for one in trend.flow if one.start_ms + width_ms > trend.until_ms}
        return chart.bars(windows, width_ms, self._frame(box), FEW - 1, under_way, trend.before)

    def _frame(self, box: chart.Box) -> chart.Frame:
        trend = self.trend
        return chart.Frame(trend.since_ms, trend.until_ms, box, _ticks(trend, self.zone, box))


def past_of(site: Site, node: str, length: str, watched: Watched | None = None) -> Past:
    """What a page shows of a station's past; a year comes with its calendar. Raises StoreDown."""
    now_ms, reporting, span = site.now_ms(), site.reporting(node), SPANS[length]
    trend = look_back(site.store, node, span, now_ms, reporting)
    first, levels = reporting.standards[0], tuple[int, ...]()
    if first.startswith("china"):
        levels = china_aqi.level_tops("PM2.5", "24h", edition_day(first, reporting, now_ms))
    months = calendar(site.store, node, first, now_ms, reporting.zone) if length == "year" else []
    driven = speeds(site.store, node, span.flow_suffix, trend.flow_since_ms, now_ms, first) if trend.flow else None
    return Past(trend, reporting.zone, tuple(map(float, levels)), watched, months, driven)


def look_back(store: Store, node: str, span: Span, now_ms: int, reporting: Reporting) -> Trend:
    """Air and traffic of a span that ends now; of hours and days those with enough data. Raises StoreDown."""
    zone = reporting.zone
    since_ms = now_ms - span.length_ms
    since_ms = day_of(since_ms, zone)[0] if span.every_ms == DAY_MS else since_ms // span.every_ms * span.every_ms
    flow_since_ms = day_of(since_ms, zone)[0] if span.flow_ms == DAY_MS else since_ms // HOUR_MS * HOUR_MS
    before: list[tuple[int, float]] = []
    week_ms = now_ms - week_before(now_ms, zone)
    driven = _of_flow(node, span, flow_since_ms, now_ms)
    questions = [_of_air(node, span, since_ms, now_ms), driven]
    if span.name == "day":
        questions.append(replace(driven, since_ms=flow_since_ms - week_ms, until_ms=now_ms - week_ms))
    air, flow, *past = store.select_all(questions)
    for week_ago in past:
        before = [(one.start_ms + week_ms, one.flow_vph) for one in _flow(week_ago) if one.flow_vph is not None]
    needed = {HOURS: VALID_MINUTES, DAYS: _day_rule(reporting).required}.get(span.suffix, 0)
    found = ((one.tags["sensor"], valid_means(map(tuple, one.rows), needed)) for one in air)
    measured = [(sensor, points) for sensor, points in found if points]
    return Trend(span, since_ms, now_ms, measured, _flow(flow), before, flow_since_ms)


def _of_air(node: str, span: Span, since_ms: int, now_ms: int) -> Select:
    columns = ("pm25_ugm3_mean", "pm25_ugm3_n")
    question = Select("air_quality" + span.suffix, columns, since_ms, now_ms, {"node": node}, ("sensor",))
    if span.suffix == MINUTES:
        return replace(question, aggregate="mean", every_ms=span.every_ms)
    return question


def _day_rule(reporting: Reporting) -> Rule:
    """How many valid hours make a daily mean of particles."""
    return GB_DAY if reporting.standards[0].startswith("china") else EU_DAY


def _of_flow(node: str, span: Span, since_ms: int, until_ms: int) -> Select:
    columns = ("count_sum", "heavy_count_sum", "speed_tms_kmh_mean", "flow_vph_mean", "completeness")
    lanes = ("sensor", "lane", "direction")
    return Select("traffic_flow" + span.flow_suffix, columns, since_ms, until_ms, {"node": node}, lanes)


def _flow(answer: list[Series]) -> list[Flow]:
    """The lanes of each window side by side: their flows add up, each over the time in which it was watched."""
    by_time: dict[int, list[list[Any]]] = defaultdict(list)
    for series in answer:
        for (*row, flow, _), weight, _ in by_place(series.rows):
            if row[1] is not None:
                by_time[row[0]].append([*row, None if flow is None else flow * weight])
    found = []
    for start_ms, rows in sorted(by_time.items()):
        lanes = [row[4] for row in rows if row[4] is not None]
        whole = summed([[*row[:4], None] for row in rows]) | {"flow_vph": sum(lanes) if lanes else None}
        flow = rough(mask(whole)).values
        found.append(Flow(start_ms, flow["flow_vph"], flow["speed_tms_kmh"]))
    return found


def _ticks(trend: Trend, zone: ZoneInfo, box: chart.Box) -> list[tuple[int, str]]:
    """Local midnights, months, or round hours, as many as the box has room for."""
    few = box.width < chart.WIDE.width
    first = datetime.fromtimestamp(trend.since_ms / 1000, zone).replace(minute=0, second=0, microsecond=0)
    name = trend.span.name
    step = {"day": 6 if few else 3, "week": 48 if few else 24, "month": 168 if few else 96, "year": 24}[name]
    form = {"day": "%H:%M", "year": "%Y-%m"}.get(name, "%m-%d")
    moment = first if name == "day" else first.replace(hour=0)
    found, months = [], 0
    while (time_ms := round(moment.timestamp() * 1000)) <= trend.until_ms:
        if name == "year":
            months += moment.day == 1
            if moment.day == 1 and months % (4 if few else 2) == 1:
                found.append((time_ms, moment.strftime(form)))
            moment += timedelta(days=1)
            continue
        if name != "day" or moment.hour % step == 0:
            found.append((time_ms, moment.strftime(form)))
        moment += timedelta(hours=1 if name == "day" else step)
    return found


def calendar(store: Store, node: str, standard: str, now_ms: int, zone: ZoneInfo) -> list[Month]:
    """The index of each day of the last twelve months, a row a month, the worst of the sensors. Raises StoreDown."""
    today = midnight(now_ms, zone)
    first = today.replace(day=1)
    firsts = [first := (first - timedelta(days=1)).replace(day=1) if n else first for n in range(12)][::-1]
    worst: dict[tuple[int, int, int], Judgement] = {}
    for row in station_days(store, node, round(firsts[0].timestamp() * 1000), now_ms):
        told = stored(row) if is_of(standard, row.standard, row.edition) else None
        day = datetime.fromtimestamp(row.time_ms / 1000, zone)
        known = worst.get((day.year, day.month, day.day))
        if told is not None and (known is None or told.number > known.number):
            worst[day.year, day.month, day.day] = told
    months = []
    for start in firsts:
        length = ((start + timedelta(days=32)).replace(day=1) - timedelta(days=1)).day
        days = [worst.get((start.year, start.month, n)) for n in range(1, length + 1)]
        months.append(Month(start.strftime("%Y-%m"), days))
    return months if worst else []
