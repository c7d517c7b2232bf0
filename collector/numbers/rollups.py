"""Roll-ups: readings become minutes, hours, days and indices, which the database holds beside them.

    observe: committed readings > open minute and hour of their series, in memory (open_windows.py)
    step:    closed minutes and hours > *_1m, *_1h > indices of the hours (air_index)
             days that are over > *_1d, indices of the days; read back from the hours

An hour whose readings all came in order, to a collector that saw it begin, is closed from memory. Any other - after a
restart, with late, repeated or backfilled readings - is computed from the database, minutes and all, and so are its
day and the indices that look at it. Both roads give the same numbers. Nothing is remembered but which hours and days
are still to be done, and those stand in the book (window_book.py).

All that waits for the database is done beside (window_maker.py), one task at a time, so that no minute overtakes one
that was made before it.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from collector.numbers.open_windows import GRACE_MS, SETTLE_MS, OpenWindows, Windows
from collector.numbers.quality import Quality
from collector.numbers.reporting import ReportingOf
from collector.numbers.stored_windows import AIR, EIGHT_HOURS_MS, StoredWindows, node_of
from collector.numbers.window_book import PAST, UNDER_WAY, Key, WindowBook
from collector.numbers.window_maker import Made, Place, Task, WindowMaker, Written
from collector.numbers.windows import DAYS, HOURS, MINUTES, ROLLED, day_of
from collector.stores.store import Aside, Store, Table, at_once
from collector.timers import passed
from wire.times import HOUR_MS

T = TypeVar("T")

RETRY_MS: Final = 10_000
BROKEN_MS: Final = 24 * HOUR_MS
"""An hour that breaks its making is tried again so much later: somebody may have mended the program by then."""
LOOK_EVERY_MS: Final = 5_000
LOOK_BACK_MS: Final = 3 * HOUR_MS
"""How far back another collector may have left hours open: it works on while it lives."""
LONG_AGO_MS: Final = 48 * HOUR_MS
"""A day that ended before then waits for all hours of the past that are due, else it were computed for each."""
DUE_AT_ONCE: Final = 8
"""Hours and days computed from the database in one task."""
BUSY_SHARE: Final = 4
"""While batches wait, one at a time, and no more than a fourth of the time."""
HOURS_AT_ONCE: Final = 100
"""Closed hours stored in one task: at the turn of an hour a city has thousands, and one question serves so many."""
MINUTES_EVERY_MS: Final = 1_000


class Rollups:
    """All windows of one collector. Used by the ingest thread alone; `reporting` says what a node's station reports.

    Set `aside` to have the database asked and told in another thread. `on_broken` hears what nobody foresaw there,
    `alarm` what the database refuses.
    """

    def __init__(self, store: Store, book: WindowBook, reporting: ReportingOf, quality: Quality) -> None:
        self.counts: Counter[str] = Counter()
        self.aside: Aside = at_once
        self.on_broken: Callable[[str, Exception], None] = lambda what, error: None  # noqa: ARG005
        self.alarm: Callable[[str, str], None] = lambda key, text: None  # noqa: ARG005
        self._maker = WindowMaker(store, StoredWindows(store, reporting, quality))
        self._book = book
        self._reporting = reporting
        self._open = OpenWindows(self._zone)
        self._told_ms: dict[Key, int] = {}
        self._looked_ms = 0
        self._work: tuple[Future[Any], Callable[[Any, int], list[Table]]] | None = None
        self._began_ms = self._computed_ms = self._rest_ms = self._asked_ms = 0
        self._unseen: tuple[str, ...] = ()  # kinds of which another may have left hours open
        self._unseen_since_ms = 0
        self._is_anew = False  # what stands as live in the book is not in memory

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
        self._open, self._is_anew = OpenWindows(self._zone), True
        self._unseen, self._unseen_since_ms, self._asked_ms = ROLLED, now_ms - LOOK_BACK_MS, 0

    def waiting(self, now_ms: int) -> int:
        """How many hours and days are due and not yet in the database."""
        return self._book.waiting(now_ms)

    def step(self, now_ms: int, busy: bool = False) -> list[Table]:
        """Have stored what is closed and due; returns the rows that are new in the database, for the rules to see.

        `busy`: batches wait, so what can wait is done in small portions. Raises sqlite3.Error while our own file takes
        nothing; it is all done when it does again.
        """
        if self._is_anew:
            self._book.nothing_is_live()
            self._is_anew = False
        if passed(now_ms, self._looked_ms, LOOK_EVERY_MS):
            self._looked_ms = now_ms
            for key in self._open.close_idle(now_ms):
                self._forget(key)
        self._enter_due()
        new = self._take_work(now_ms)
        if self._work is None:
            self._begin_work(now_ms, busy)
            new += self._take_work(now_ms)
        self._enter_due()
        return [told for table in new if (told := self._not_told(table)) is not None]

    # -- work beside ----------------------------------------------------------------------------------------------

    def _begin_work(self, now_ms: int, busy: bool) -> None:
        """Have done what is to be done now, if anything is."""
        if self._unseen and passed(now_ms, self._asked_ms, RETRY_MS):
            self._asked_ms = now_ms
            self._begin(partial(self._maker.written_since, self._unseen_since_ms, self._unseen), self._take_written)
            return
        due, still_open = self._take_due(now_ms, busy)
        if due or self._open.hours or (self._open.minutes and passed(now_ms, self._began_ms, MINUTES_EVERY_MS)):
            self._began_ms = now_ms
            task = Task(self._closed_minutes(), self._closed_hours(), due, still_open)
            self._begin(partial(self._maker.make, task), partial(self._take_made, task))

    def _begin(self, work: Callable[[], T], then: Callable[[Future[T], int], list[Table]]) -> None:
        self._work = self.aside(work), then

    def _take_work(self, now_ms: int) -> list[Table]:
        """What has been stored beside since the last call."""
        if self._work is None or not self._work[0].done():
            return []
        (answer, then), self._work = self._work, None
        return then(answer, now_ms)

    def _take_due(self, now_ms: int, busy: bool) -> tuple[list[Place], frozenset[Place]]:
        """Hours and days that are due, and which of the hours are still open: more of those is to come."""
        if busy and not passed(now_ms, self._computed_ms, self._rest_ms):
            return [], frozenset()
        due = self._book.due(now_ms, 1 if busy else DUE_AT_ONCE)
        is_open = set()
        for key, start_ms in due:
            over_ms = start_ms + HOUR_MS + GRACE_MS
            if key[0].endswith(DAYS):
                self._book.enter(key, start_ms, UNDER_WAY)
                continue
            self._open.spoil(key, start_ms)
            if now_ms < over_ms:
                is_open.add((key, start_ms))
                self._book.enter(key, start_ms, over_ms)
            else:
                self._open.computed(key, start_ms)
                self._book.enter(key, start_ms, UNDER_WAY)
        try:
            self._book.commit()
        except sqlite3.Error:  # nothing is under way then, whatever the file will say when it can be written again
            for place in due:
                self._book.enter(*place, now_ms + RETRY_MS)
            raise
        return due, frozenset(is_open)

    def _closed_minutes(self) -> dict[Key, Windows]:
        minutes, self._open.minutes = self._open.minutes, defaultdict(dict)
        return minutes

    def _closed_hours(self) -> dict[Key, Windows]:
        closed = self._open.hours
        return {key: closed.pop(key) for key in list(islice(closed, HOURS_AT_ONCE))}

    # -- what came of it ------------------------------------------------------------------------------------------

    def _take_made(self, task: Task, answer: Future[Made], now_ms: int) -> list[Table]:
        """Strike out what stands in the database, put off what does not."""
        try:
            made = answer.result()
        except Exception as error:  # noqa: BLE001 - the hours of others are still to be made
            self.on_broken("the making of windows", error)
            self._put_off(task, now_ms)
            return []
        self.counts += made.counts
        self.counts["refused"] += len(made.refused)
        if made.refused:
            self.alarm("windows", f"the database refuses windows: {made.refused[-1]}")
        if task.due:
            self._computed_ms, self._rest_ms = now_ms, round(1000 * (BUSY_SHARE - 1) * made.took_s)
        if made.tables is None:
            self._put_off(task, now_ms)
            return []
        for place, why in made.broken:
            self.on_broken("the making of windows", why)
            self._book.enter(*place, now_ms + BROKEN_MS)
        for n, place in enumerate(made.untold):  # what could not be read is last among those that wait for it
            self._book.enter(*place, now_ms if n else now_ms + RETRY_MS)
        for key, windows in made.hours.items():
            for start_ms in windows:
                self._book.strike(key, start_ms)
                self._enter_days(key, start_ms, now_ms)
        for place in set(task.due) - set(made.untold) - {place for place, _ in made.broken}:
            self._book.strike(*place)
        return made.tables

    def _put_off(self, task: Task, now_ms: int) -> None:
        """The database would not take them now: all of it will be computed from it when it is back."""
        for windows_of in (task.minutes, task.hours):
            for key, windows in windows_of.items():
                self._open.late(key, windows, now_ms + RETRY_MS)
        for place in task.due:
            self._book.enter(*place, now_ms + RETRY_MS)

    def _take_written(self, answer: Future[Written], now_ms: int) -> list[Table]:
        """The hours in which another collector has written are due; what the database did not tell is asked again."""
        written = answer.result()
        for key, times_ms in written.times:
            if self._book.is_ours(key):
                self._open.late(key, times_ms, now_ms - SETTLE_MS)
        self._unseen = tuple(written.untold)
        return []

    # -- what is due ----------------------------------------------------------------------------------------------

    def _enter_due(self) -> None:
        for (key, start_ms), due_ms in self._open.due.items():
            self._book.enter(key, start_ms, due_ms)
        self._open.due.clear()
        self._book.commit()

    def _enter_days(self, key: Key, hour_ms: int, now_ms: int) -> None:
        """An hour is new: its day is due when it is over; of the long past, when all of its hours are.

        In the US a day's ozone reaches into the next morning, and its carbon monoxide back into the evening before.
        """
        reporting = self._reporting(node_of(key))
        starts = {day_of(hour_ms, reporting.zone)}
        if "us" in reporting.standards and key[0] == AIR:
            starts |= {day_of(hour_ms + way * EIGHT_HOURS_MS, reporting.zone) for way in (-1, 1)}
        for start_ms, end_ms in starts:
            due_ms = PAST if now_ms - end_ms > LONG_AGO_MS else max(end_ms + GRACE_MS, now_ms)
            self._book.enter((key[0] + DAYS, key[1]), start_ms, due_ms)

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
