"""What the database holds of windows, and what is made of it: hours of readings, days of hours, indices of both.

Reads only; every answer is a table for somebody else to write. Each question may raise StoreDown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from functools import lru_cache
from typing import Any, Final

from collector.numbers import flags, indices
from collector.numbers.flow import THINNED, Flow
from collector.numbers.hour_means import LOOK_BACK_MS
from collector.numbers.means import stat_fields
from collector.numbers.open_windows import Windows, hour_fields, without_failed
from collector.numbers.pollutants import POLLUTANTS
from collector.numbers.quality import Quality
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import Key
from collector.numbers.windows import (
    DAYS,
    HOURS,
    MINUTES,
    day,
    day_of,
    field_names,
    fold,
    is_whole,
    minute,
    possible,
    read,
    rolled,
)
from collector.stores.store import Select, Store, Table, Tags
from wire.quantities import KINDS
from wire.times import HOUR_MS, MINUTE_MS

AIR: Final = "air_quality"
INDEX: Final = "air_index"
EIGHT_HOURS_MS: Final = 8 * HOUR_MS
Stations = dict[Tags, dict[str, Windows]]
"""Hours by station and sensor."""


class StoredWindows:
    """The windows of one database; `reporting` says what a node's station reports."""

    def __init__(self, store: Store, reporting: ReportingOf, quality: Quality) -> None:
        self._store = store
        self._reporting = reporting
        self._quality = quality
        looked_at = {*quality.limits, *POLLUTANTS} & set(rolled(AIR))
        self._judged = (*(field for name in sorted(looked_at) for field in stat_fields(name)), flags.COLUMN)

    def hour(self, key: Key, hour_ms: int) -> tuple[Windows, dict[str, Any]]:
        """The minutes and the hour as the database's readings have them; minutes that were thinned stay as they are."""
        kind = key[0]
        wanted = (*read(kind), "qc", flags.COLUMN)
        found = self._select(key, "", wanted, hour_ms, hour_ms + HOUR_MS)
        times = [row[0] for row in found]
        every = {name: [row[n] for row in found] for n, name in enumerate(wanted, start=1)}
        columns = without_failed({name: column for name, column in every.items() if any(v is not None for v in column)})
        hour = fold(kind)
        if isinstance(hour, Flow):
            hour.readings(columns, 0, len(times))
            counted = {time_ms // MINUTE_MS for time_ms in times}
            for time_ms, *cells in self._select(key, MINUTES, THINNED, hour_ms, hour_ms + HOUR_MS):
                if time_ms // MINUTE_MS not in counted:
                    hour.thinned(possible(dict(zip(THINNED, cells, strict=True))))
            return {}, hour_fields(kind, hour) if hour.n else {}
        parts: Windows = {}
        first = 0
        while first < len(times):
            minute_ms = times[first] - times[first] % MINUTE_MS
            end = bisect_left(times, minute_ms + MINUTE_MS, first)
            window = minute(kind)
            window.readings(columns, first, end)
            parts[minute_ms] = window.fields()
            first = end
        stored = self._windows(key, MINUTES, hour_ms, hour_ms + HOUR_MS)
        sound = {time_ms: told for time_ms, fields in stored.items() if (told := possible(fields))}
        for _, fields in sorted((sound | parts).items()):
            hour.below(fields)
        return parts, hour_fields(kind, hour) if hour.n else {}

    def around(self, new: dict[Key, Windows]) -> Stations:
        """By station and sensor: hours about to be stored, and the stored ones within reach of their indices."""
        found: Stations = defaultdict(lambda: defaultdict(dict))
        spans: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
        for key, windows in new.items():
            if key[0] == AIR:
                reach = (min(windows) - LOOK_BACK_MS, max(windows) + LOOK_BACK_MS)
                spans[reach][node_of(key)] = None
        for (since_ms, until_ms), nodes in spans.items():
            where: dict[str, str | tuple[str, ...]] = {"node": tuple(nodes)}
            groups = ("node", "sensor", "site")
            for series in self._store.select(Select(AIR + HOURS, self._judged, since_ms, until_ms, where, groups)):
                key = (AIR, series.identity)
                found[_place(key)][series.tags["sensor"]].update(_by_time(self._judged, series.rows))
        for key, windows in new.items():
            if key[0] == AIR:
                found[_place(key)][dict(key[1])["sensor"]].update(windows)
        return found

    def hours(self, key: Key, windows: Windows, stations: Stations) -> list[Table]:
        """Hours, what is doubted of them, and the indices of these hours and of those after that look back at them."""
        if key[0] != AIR:
            return [table_of(key, HOURS, windows)]
        reporting = self._reporting(node_of(key))
        around = stations[_place(key)]
        hours = around[dict(key[1])["sensor"]]
        looking = [
            time_ms
            for time_ms in sorted(hours)
            if any(hour_ms <= time_ms < hour_ms + LOOK_BACK_MS for hour_ms in windows)
        ]
        tables = self._doubted(key, around, windows, looking)
        scores = {s: {t: indices.hourly(s, reporting, hours, t) for t in looking} for s in reporting.standards}
        return tables + _index_tables(key[1], "1h", scores)

    def day(self, key: Key, start_ms: int) -> list[Table]:
        """A day and its indices, from its hours."""
        kind, tags = key[0].removesuffix(DAYS), key[1]
        reporting = self._reporting(node_of(key))
        span = day_of(start_ms, reporting.zone)
        hours = self._windows((kind, tags), HOURS, span[0] - EIGHT_HOURS_MS, span[1] + EIGHT_HOURS_MS)
        inside = [hours[time_ms] for time_ms in sorted(hours) if span[0] <= time_ms < span[1]]
        fields = day(kind, inside, span[1] - span[0])
        tables = [table_of((kind, tags), DAYS, {span[0]: fields})] if fields else []
        if kind == AIR:
            scores = {s: {span[0]: indices.daily(s, reporting, hours, span)} for s in reporting.standards}
            tables += _index_tables(tags, "1d", scores)
        return tables

    def _doubted(self, key: Key, around: dict[str, Windows], windows: Windows, looking: list[int]) -> list[Table]:
        """The hours with their codes; and others whose code changes by them: later ones, and the neighbours' own."""
        own = dict(key[1])["sensor"]
        tables = []
        for sensor, hours in around.items():
            changed: Windows = {}
            for time_ms in looking if sensor == own else windows:
                if time_ms not in hours:
                    continue
                beside = [other[time_ms] for name, other in around.items() if name != sensor and time_ms in other]
                code = self._quality.hour_code(hours, time_ms, beside)
                if sensor == own and time_ms in windows:
                    changed[time_ms] = windows[time_ms] | {flags.COLUMN: code}
                elif code != hours[time_ms].get(flags.COLUMN, ""):
                    changed[time_ms] = {flags.COLUMN: code}
            if changed:
                tags = tuple((name, sensor if name == "sensor" else value) for name, value in key[1])
                tables.append(table_of((key[0], tags), HOURS, changed))
        return tables

    def _windows(self, key: Key, suffix: str, since_ms: int, until_ms: int) -> Windows:
        names = field_names(key[0])
        return _by_time(names, self._select(key, suffix, names, since_ms, until_ms))

    def _select(self, key: Key, suffix: str, columns: tuple[str, ...], since_ms: int, until_ms: int) -> list[list[Any]]:
        untold: dict[str, str | tuple[str, ...]] = dict.fromkeys(KINDS[key[0]].tags, "")
        where = untold | dict(key[1])  # a series without a lane is not all lanes together
        found = self._store.select(Select(key[0] + suffix, columns, since_ms, until_ms, where))
        return [row for series in found for row in series.rows]


def node_of(key: Key) -> str:
    """The node of a series."""
    return dict(key[1])["node"]


def _place(key: Key) -> Tags:
    """The tags that the sensors of one node share."""
    return tuple((name, value) for name, value in key[1] if name != "sensor")


def _by_time(names: tuple[str, ...], rows: list[list[Any]]) -> Windows:
    return {row[0]: {name: v for name, v in zip(names, row[1:], strict=True) if v is not None} for row in rows}


def table_of(key: Key, suffix: str, windows: Windows) -> Table:
    """Windows of one series as rows, by time."""
    times = sorted(windows)
    if len(times) == 1:
        columns = {name: [value] for name, value in windows[times[0]].items()}
    else:
        names = dict.fromkeys(name for fields in windows.values() for name in fields)
        columns = {name: [windows[time_ms].get(name) for time_ms in times] for name in names}
    return Table(key[0] + suffix, key[1], times, columns, _whole(tuple(columns)))


@lru_cache(1024)
def _whole(names: tuple[str, ...]) -> frozenset[str]:
    """Those of the fields that hold whole numbers; thousands of minutes share their fields."""
    return frozenset(filter(is_whole, names))


def _index_tables(tags: Tags, period: str, scores: dict[Any, dict[int, indices.Scored | None]]) -> list[Table]:
    """Rows of the indices that there are, by standard and edition."""
    found: dict[Tags, Windows] = defaultdict(dict)
    for by_time in scores.values():
        for time_ms, score in by_time.items():
            if score is not None:
                own = {"standard": score.standard, "edition": score.edition, "period": period}
                found[tuple(sorted({**dict(tags), **own}.items()))][time_ms] = score.fields()
    return [table_of((INDEX, own), "", windows)._replace(whole=indices.WHOLE) for own, windows in found.items()]
