"""Roll-ups: what the database holds by the reading becomes minutes, hours, days and indices in the database.

    observe: committed readings > open minute and hour of their series, in memory (open_windows.py)
    step:    closed minutes and hours > *_1m, *_1h > indices of the hours (air_index)
             days that are over > *_1d, indices of the days; read back from the hours

An hour whose readings all came in order, to a collector that saw it begin, is closed from memory. Any other - after a
restart, with late, repeated or backfilled readings - is computed from the database, minutes and all, and so are its
day and the indices that look at it. Both roads give the same numbers. Nothing is remembered but which hours and days
are still to be done, and those stand in the book (window_book.py).
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.numbers import flags, indices
from collector.numbers.open_windows import GRACE_MS, SETTLE_MS, OpenWindows, Windows, hour_fields, without_failed
from collector.numbers.quality import Quality
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import Key, WindowBook
from collector.numbers.windows import (
    DAYS,
    HOUR_MS,
    HOURS,
    MINUTE_MS,
    MINUTES,
    ROLLED,
    STATS,
    THINNED,
    Flow,
    day,
    day_of,
    field_names,
    fold,
    is_whole,
    minute,
    read,
    rolled,
)
from collector.stores.store import Answer, Aside, Refused, Row, Select, Store, Stored, StoreDown, Table, Tags, at_once
from wire.quantities import KINDS

log = logging.getLogger("lamppost.rollups")

RETRY_MS: Final = 10_000
LOOK_EVERY_MS: Final = 5_000
LOOK_BACK_MS: Final = 3 * HOUR_MS
"""How far back another collector may have left hours open: it works on while it lives."""
DUE_PER_STEP: Final = 8
SPEND_S: Final = 0.25
"""Hours and days computed from the database in one step, and for how long: the next batch is not kept waiting."""
HOURS_PER_STEP: Final = 100
"""Closed hours stored in one step: at the turn of an hour a city has thousands, and one question serves so many."""
ROWS_PER_WRITE: Final = 5_000
"""A minute of a large city in one piece would be more than a database takes (InfluxDB: 25 MB)."""
MINUTES_EVERY_MS: Final = 1_000
AIR: Final = "air_quality"
INDEX: Final = "air_index"
_EIGHT_HOURS_MS: Final = 8 * HOUR_MS


class Beside(NamedTuple):
    """Minutes that the store is at."""

    minutes: dict[Key, Windows]
    tables: list[Table]
    began_ms: int
    answer: Future[Answer]


class Rollups:
    """All windows of one collector. Used by the ingest thread alone; `reporting` says what a node's station reports.

    Set `aside` to have minutes stored in another thread.
    """

    def __init__(self, store: Store, book: WindowBook, reporting: ReportingOf, quality: Quality | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._book = book
        self._reporting = reporting
        self._quality = quality or Quality()
        looked_at = {*self._quality.limits, *indices.POLLUTANTS} & set(rolled(AIR))
        self._judged = (*(f"{name}_{end}" for name in sorted(looked_at) for end in STATS), flags.COLUMN)
        self._open = OpenWindows(self._zone)
        self._told_ms: dict[Key, int] = {}
        self._looked_ms = 0
        self.aside: Aside = at_once
        self._beside: Beside | None = None
        self._began_ms = 0

    def observe(self, tables: Iterable[Table], now_ms: int) -> None:
        """Take readings that are in the database. Call `step` before their batch is acknowledged."""
        for table in tables:
            if table.measurement in ROLLED:
                self._open.take(table, now_ms)
            elif table.measurement.removesuffix(MINUTES) in ROLLED:  # thinned by an agent: minutes that are done
                self._open.late((table.measurement.removesuffix(MINUTES), table.tags), table.times_ms, now_ms)

    def again(self, key: Key, times_ms: Iterable[int], now_ms: int) -> None:
        """The stored readings of these times have changed: compute their windows anew."""
        self._open.late(key, times_ms, now_ms - SETTLE_MS)

    def look_up(self, now_ms: int) -> None:
        """Another collector has written meanwhile: the hours it may have left open are due from the database."""
        self._open = OpenWindows(self._zone)
        self._book.nothing_is_live()
        for kind in ROLLED:
            groups = ("site", "node", "sensor", *KINDS[kind].tags)
            question = Select(
                kind, ("cq",), now_ms - LOOK_BACK_MS, group_by=groups, aggregate="count", every_ms=HOUR_MS
            )
            try:
                found = self._store.select(question)
            except StoreDown as error:
                log.warning("roll-ups of %s may lack an hour: %s", kind, error)
                continue
            for series in found:
                key = (kind, tuple(sorted(series.tags.items())))
                if not self._book.is_ours(key):
                    continue
                times = [time_ms + part for time_ms, n in series.rows if n for part in (0, HOUR_MS - 1)]
                self._open.late(key, times, now_ms - SETTLE_MS)

    def waiting(self, now_ms: int) -> int:
        """How many hours and days are due and not yet in the database."""
        return self._book.waiting(now_ms)

    def step(self, now_ms: int) -> list[Table]:
        """Store what is closed and due; returns the rows that are new in the database, for the rules to see."""
        if now_ms - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = now_ms
            for key in self._open.close_idle(now_ms):
                self._forget(key)
        self._enter_due()
        new = self._take_beside()
        hours = self._closed_hours()
        rebuilt: dict[Key, Windows] = defaultdict(dict)
        days = self._compute_due(rebuilt, hours, now_ms)
        if rebuilt or hours or days:
            new += self._take_beside(wait=True)  # older minutes must not overtake those that are made anew
            minutes = self._closed_minutes()
            for key, windows in rebuilt.items():
                minutes[key].update(windows)
            stored = self._store_all(minutes, hours, days, now_ms)
            if stored is None:
                self._put_off(minutes, hours, days, now_ms)
            new += stored or []
        self._store_beside(now_ms)
        new += self._take_beside()
        self._enter_due()
        return [told for table in new if (told := self._not_told(table)) is not None]

    # -- minutes, stored beside the next batches ------------------------------------------------------------------

    def _store_beside(self, now_ms: int) -> None:
        """Begin to store the minutes that are closed: once a second, and one write at a time."""
        if self._beside is None and self._open.minutes and now_ms - self._began_ms >= MINUTES_EVERY_MS:
            self._began_ms = now_ms
            minutes = self._closed_minutes()
            tables = [_table(key, MINUTES, windows) for key, windows in minutes.items()]
            self._beside = Beside(minutes, tables, now_ms, self.aside(partial(self._write_rows, self._rows(tables))))

    def _take_beside(self, wait: bool = False) -> list[Table]:
        """The minutes that have been stored since the last call."""
        beside = self._beside
        if beside is None or not (wait or beside.answer.done()):
            return []
        self._beside = None
        if self._is_done(beside.answer.result()):
            return beside.tables
        self._put_off(beside.minutes, {}, [], beside.began_ms)
        return []

    def _closed_minutes(self) -> dict[Key, Windows]:
        minutes, self._open.minutes = self._open.minutes, defaultdict(dict)
        return minutes

    def _closed_hours(self) -> dict[Key, Windows]:
        closed = self._open.hours
        return defaultdict(dict, {key: closed.pop(key) for key in list(islice(closed, HOURS_PER_STEP))})

    # -- what is due ----------------------------------------------------------------------------------------------

    def _enter_due(self) -> None:
        for (key, start_ms), due_ms in self._open.due.items():
            self._book.enter(key, start_ms, due_ms)
        self._open.due.clear()
        self._book.commit()

    def _compute_due(
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], now_ms: int
    ) -> list[tuple[Key, int]]:
        """Compute due hours from the readings in the database; returns the days that are due."""
        days = []
        until_s = time.monotonic() + SPEND_S
        for key, start_ms in self._book.due(now_ms, DUE_PER_STEP):
            if time.monotonic() > until_s:
                break  # what is left is due in the next step
            if key[0].endswith(DAYS):
                days.append((key, start_ms))
                continue
            try:
                parts, fields = self._read(key, start_ms)
            except StoreDown as error:
                log.info("windows wait: %s", error)
                self._book.enter(key, start_ms, now_ms + RETRY_MS)
                continue
            self.counts["rebuilt_hours"] += 1
            if parts:
                minutes[key].update(parts)
            self._open.spoil(key, start_ms)
            if now_ms < start_ms + HOUR_MS + GRACE_MS:
                self._book.enter(key, start_ms, start_ms + HOUR_MS + GRACE_MS)  # more is to come
            elif fields:
                hours[key][start_ms] = fields
            else:
                self._book.strike(key, start_ms)
        return days

    def _read(self, key: Key, hour_ms: int) -> tuple[Windows, dict[str, Any]]:
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
                    hour.thinned(dict(zip(THINNED, cells, strict=True)))
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
        for _, fields in sorted((stored | parts).items()):
            hour.below(fields)
        return parts, hour_fields(kind, hour) if hour.n else {}

    # -- what is stored -------------------------------------------------------------------------------------------

    def _store_all(
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], days: list[tuple[Key, int]], now_ms: int
    ) -> list[Table] | None:
        """Minutes and hours with their indices, then days; None when the database will not have them."""
        tables = [_table(key, MINUTES, windows) for key, windows in minutes.items()]
        try:
            around = self._around(hours)
            for key, windows in hours.items():
                tables += self._hours(key, windows, around)
            if not self._write(tables):
                return None
            above = [table for key, start_ms in days for table in self._day(key, start_ms)]
            if not self._write(above):
                return None
        except StoreDown as error:
            log.info("windows wait: %s", error)
            return None
        for key, windows in hours.items():
            for hour_ms in windows:
                self._book.strike(key, hour_ms)
                self._enter_days(key, hour_ms, now_ms)
        for key, start_ms in days:
            self._book.strike(key, start_ms)
        self.counts["hours"] += sum(map(len, hours.values()))
        return [*tables, *above]

    def _put_off(
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], days: list[tuple[Key, int]], now_ms: int
    ) -> None:
        """The database would not take them now: all of it will be computed from it when it is back."""
        for windows_of in (minutes, hours):
            for key, windows in windows_of.items():
                self._open.late(key, windows, now_ms + RETRY_MS)
        for key, start_ms in days:
            self._book.enter(key, start_ms, now_ms + RETRY_MS)

    def _enter_days(self, key: Key, hour_ms: int, now_ms: int) -> None:
        """An hour is new: its day is due when it is over; in the US a day's ozone reaches into the next morning."""
        reporting = self._reporting(_node(key))
        starts = {day_of(hour_ms, reporting.zone)}
        if "us" in reporting.standards and key[0] == AIR:
            starts.add(day_of(hour_ms - _EIGHT_HOURS_MS, reporting.zone))
        for start_ms, end_ms in starts:
            self._book.enter((key[0] + DAYS, key[1]), start_ms, max(end_ms + GRACE_MS, now_ms))

    def _hours(self, key: Key, windows: Windows, stations: dict[Tags, dict[str, Windows]]) -> list[Table]:
        """Hours, what is doubted of them, and the indices of these hours and of those after that look back at them."""
        if key[0] != AIR:
            return [_table(key, HOURS, windows)]
        reporting = self._reporting(_node(key))
        around = stations[_place(key)]
        hours = around[dict(key[1])["sensor"]]
        looking = [
            time_ms
            for time_ms in sorted(hours)
            if any(hour_ms <= time_ms < hour_ms + indices.LOOK_BACK_MS for hour_ms in windows)
        ]
        tables = self._doubted(key, around, windows, looking)
        scores = {s: {t: indices.hourly(s, reporting, hours, t) for t in looking} for s in reporting.standards}
        return tables + _index_tables(key[1], "1h", scores)

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
                tables.append(_table((key[0], tags), HOURS, changed))
        return tables

    def _day(self, key: Key, start_ms: int) -> list[Table]:
        """A day and its indices, from its hours."""
        kind, tags = key[0].removesuffix(DAYS), key[1]
        reporting = self._reporting(_node(key))
        span = day_of(start_ms, reporting.zone)
        hours = self._windows((kind, tags), HOURS, span[0], span[1] + _EIGHT_HOURS_MS)
        inside = [hours[time_ms] for time_ms in sorted(hours) if span[0] <= time_ms < span[1]]
        fields = day(kind, inside, span[1] - span[0])
        tables = [_table((kind, tags), DAYS, {span[0]: fields})] if fields else []
        if kind == AIR:
            scores = {s: {span[0]: indices.daily(s, reporting, hours, span)} for s in reporting.standards}
            tables += _index_tables(tags, "1d", scores)
        return tables

    # -- the database ---------------------------------------------------------------------------------------------

    def _windows(self, key: Key, suffix: str, since_ms: int, until_ms: int) -> Windows:
        names = field_names(key[0])
        return _by_time(names, self._select(key, suffix, names, since_ms, until_ms))

    def _around(self, new: dict[Key, Windows]) -> dict[Tags, dict[str, Windows]]:
        """By station and sensor: hours about to be stored, and the stored ones within reach of their indices."""
        found: dict[Tags, dict[str, Windows]] = defaultdict(lambda: defaultdict(dict))
        spans: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
        for key, windows in new.items():
            if key[0] == AIR:
                reach = (min(windows) - indices.LOOK_BACK_MS, max(windows) + indices.LOOK_BACK_MS)
                spans[reach][_node(key)] = None
        for (since_ms, until_ms), nodes in spans.items():
            where: dict[str, str | tuple[str, ...]] = {"node": tuple(nodes)}
            groups = ("node", "sensor", "site")
            for series in self._store.select(Select(AIR + HOURS, self._judged, since_ms, until_ms, where, groups)):
                key = (AIR, tuple((name, value) for name, value in series.tags.items() if value))
                found[_place(key)][series.tags["sensor"]].update(_by_time(self._judged, series.rows))
        for key, windows in new.items():
            if key[0] == AIR:
                found[_place(key)][dict(key[1])["sensor"]].update(windows)
        return found

    def _select(self, key: Key, suffix: str, columns: tuple[str, ...], since_ms: int, until_ms: int) -> list[list[Any]]:
        where: dict[str, str | tuple[str, ...]] = dict(key[1])
        found = self._store.select(Select(key[0] + suffix, columns, since_ms, until_ms, where))
        return [row for series in found for row in series.rows]

    def _write(self, tables: list[Table]) -> bool:
        rows = self._rows(tables)
        return not rows or self._is_done(self._write_rows(rows))

    def _write_rows(self, rows: list[Row]) -> Answer:
        """Write them in parts; a part that is refused does not keep the others from being stored."""
        refused: Answer | None = None
        for first in range(0, len(rows), ROWS_PER_WRITE):
            answer = self._store.write(rows[first : first + ROWS_PER_WRITE])
            if isinstance(answer, Refused):
                refused = answer
            elif not isinstance(answer, Stored):
                return answer
        return refused or Stored()

    def _rows(self, tables: list[Table]) -> list[Row]:
        return [row for table in tables for row in self._store.render(table)]

    def _is_done(self, answer: Answer) -> bool:
        if isinstance(answer, Refused):  # ours, not an agent's: nobody to answer, and it must not block the rest
            log.error("the database refuses windows: %s", answer.reason)
            self.counts["refused"] += 1
            return True
        return isinstance(answer, Stored)

    # -- telling --------------------------------------------------------------------------------------------------

    def _not_told(self, table: Table) -> Table | None:
        """The rows newer than any told before: the rules take each row once, and late ones are history."""
        key = (table.measurement, table.tags)
        first = bisect_right(table.times_ms, self._told_ms.get(key, 0))
        if first == len(table.times_ms):
            return None
        self._told_ms[key] = table.times_ms[-1]
        if not first:
            return table
        columns = {name: column[first:] for name, column in table.columns.items()}
        return table._replace(times_ms=table.times_ms[first:], columns=columns)

    def _forget(self, key: Key) -> None:
        for suffix in (MINUTES, HOURS, DAYS):
            self._told_ms.pop((key[0] + suffix, key[1]), None)

    def _zone(self, key: Key) -> ZoneInfo:
        return self._reporting(_node(key)).zone


def _node(key: Key) -> str:
    return dict(key[1])["node"]


def _place(key: Key) -> Tags:
    """The tags that the sensors of one node share."""
    return tuple((name, value) for name, value in key[1] if name != "sensor")


def _by_time(names: tuple[str, ...], rows: list[list[Any]]) -> Windows:
    return {row[0]: {name: v for name, v in zip(names, row[1:], strict=True) if v is not None} for row in rows}


def _table(key: Key, suffix: str, windows: Windows) -> Table:
    """Windows of one series as rows, by time."""
    times = sorted(windows)
    if len(times) == 1:
        columns = {name: [value] for name, value in windows[times[0]].items()}
    else:
        names = dict.fromkeys(name for fields in windows.values() for name in fields)
        columns = {name: [windows[time_ms].get(name) for time_ms in times] for name in names}
    return Table(key[0] + suffix, key[1], times, columns, frozenset(filter(is_whole, columns)))


def _index_tables(tags: Tags, period: str, scores: dict[Any, dict[int, indices.Scored | None]]) -> list[Table]:
    """Rows of the indices that there are, by standard and edition."""
    found: dict[Tags, Windows] = defaultdict(dict)
    for by_time in scores.values():
        for time_ms, score in by_time.items():
            if score is not None:
                own = {"standard": score.standard, "edition": score.edition, "period": period}
                found[tuple(sorted({**dict(tags), **own}.items()))][time_ms] = score.fields()
    return [_table((INDEX, own), "", windows)._replace(whole=indices.WHOLE) for own, windows in found.items()]
