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
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.numbers.open_windows import GRACE_MS, SETTLE_MS, OpenWindows, Windows
from collector.numbers.quality import Quality
from collector.numbers.reporting import ReportingOf
from collector.numbers.stored_windows import AIR, EIGHT_HOURS_MS, StoredWindows, node_of, table_of
from collector.numbers.window_book import Key, WindowBook
from collector.numbers.windows import (
    DAYS,
    HOUR_MS,
    HOURS,
    MINUTES,
    ROLLED,
    day_of,
)
from collector.stores.store import Answer, Aside, Refused, Row, Select, Store, Stored, StoreDown, Table, at_once
from collector.timers import passed
from wire.quantities import KINDS

log = logging.getLogger("lamppost.rollups")

RETRY_MS: Final = 10_000
LOOK_EVERY_MS: Final = 5_000
LOOK_BACK_MS: Final = 3 * HOUR_MS
"""How far back another collector may have left hours open: it works on while it lives."""
DUE_PER_STEP: Final = 8
SPEND_S: Final = 0.25
"""Hours and days computed from the database in one step, and for how long: the next batch is not kept waiting."""
BUSY_SHARE: Final = 4
"""While batches wait, one at a time, and no more than a fourth of the time."""
HOURS_PER_STEP: Final = 100
"""Closed hours stored in one step: at the turn of an hour a city has thousands, and one question serves so many."""
ROWS_PER_WRITE: Final = 5_000
"""A minute of a large city in one piece would be more than a database takes (InfluxDB: 25 MB)."""
MINUTES_EVERY_MS: Final = 1_000


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
        self._stored = StoredWindows(store, reporting, quality or Quality())
        self._open = OpenWindows(self._zone)
        self._told_ms: dict[Key, int] = {}
        self._looked_ms = 0
        self.aside: Aside = at_once
        self._beside: Beside | None = None
        self._began_ms = 0
        self._rests_until_s = 0.0

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

    def step(self, now_ms: int, busy: bool = False) -> list[Table]:
        """Store what is closed and due; returns the rows that are new in the database, for the rules to see.

        `busy`: batches wait, so what can wait is done in small portions.
        """
        if passed(now_ms, self._looked_ms, LOOK_EVERY_MS):
            self._looked_ms = now_ms
            for key in self._open.close_idle(now_ms):
                self._forget(key)
        self._enter_due()
        new = self._take_beside()
        hours = self._closed_hours()
        rebuilt: dict[Key, Windows] = defaultdict(dict)
        began_s = time.monotonic()
        days = self._compute_due(rebuilt, hours, now_ms, busy)
        if rebuilt or hours or days:
            new += self._take_beside(wait=True)  # older minutes must not overtake those that are made anew
            minutes = self._closed_minutes()
            for key, windows in rebuilt.items():
                minutes[key].update(windows)
            stored = self._store_all(minutes, hours, days, now_ms)
            if stored is None:
                self._put_off(minutes, hours, days, now_ms)
            new += stored or []
            now_s = time.monotonic()
            self._rests_until_s = now_s + (BUSY_SHARE - 1) * (now_s - began_s)
        self._store_beside(now_ms)
        new += self._take_beside()
        self._enter_due()
        return [told for table in new if (told := self._not_told(table)) is not None]

    # -- minutes, stored beside the next batches ------------------------------------------------------------------

    def _store_beside(self, now_ms: int) -> None:
        """Begin to store the minutes that are closed: once a second, and one write at a time."""
        if self._beside is None and self._open.minutes and passed(now_ms, self._began_ms, MINUTES_EVERY_MS):
            self._began_ms = now_ms
            minutes = self._closed_minutes()
            tables = [table_of(key, MINUTES, windows) for key, windows in minutes.items()]
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
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], now_ms: int, busy: bool
    ) -> list[tuple[Key, int]]:
        """Compute due hours from the readings in the database; returns the days that are due."""
        days: list[tuple[Key, int]] = []
        now_s = time.monotonic()
        if busy and now_s < self._rests_until_s:
            return days
        until_s = now_s + SPEND_S
        for key, start_ms in self._book.due(now_ms, 1 if busy else DUE_PER_STEP):
            if time.monotonic() > until_s:
                break  # what is left is due in the next step
            if key[0].endswith(DAYS):
                days.append((key, start_ms))
                continue
            try:
                parts, fields = self._stored.hour(key, start_ms)
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
                continue
            self._open.computed(key, start_ms)
            if fields:
                hours[key][start_ms] = fields
            else:
                self._book.strike(key, start_ms)
        return days

    # -- what is stored -------------------------------------------------------------------------------------------

    def _store_all(
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], days: list[tuple[Key, int]], now_ms: int
    ) -> list[Table] | None:
        """Minutes and hours with their indices, then days; None when the database will not have them."""
        tables = [table_of(key, MINUTES, windows) for key, windows in minutes.items()]
        try:
            around = self._stored.around(hours)
            for key, windows in hours.items():
                tables += self._stored.hours(key, windows, around)
            if not self._write(tables):
                return None
            above = [table for key, start_ms in days for table in self._stored.day(key, start_ms)]
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
        """An hour is new: its day is due when it is over.

        In the US a day's ozone reaches into the next morning, and its carbon monoxide back into the evening before.
        """
        reporting = self._reporting(node_of(key))
        starts = {day_of(hour_ms, reporting.zone)}
        if "us" in reporting.standards and key[0] == AIR:
            starts |= {day_of(hour_ms + way * EIGHT_HOURS_MS, reporting.zone) for way in (-1, 1)}
        for start_ms, end_ms in starts:
            self._book.enter((key[0] + DAYS, key[1]), start_ms, max(end_ms + GRACE_MS, now_ms))

    # -- the database ---------------------------------------------------------------------------------------------

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
        return self._reporting(node_of(key)).zone
