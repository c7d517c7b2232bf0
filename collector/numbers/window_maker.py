"""The maker of windows: hours and days that are due are computed, and all that is closed is stored, with its indices.

It touches nothing but the database and keeps nothing, so it may work beside the thread that takes batches: a database
that hangs holds up windows and nothing else. What came of a task is a value.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple, TypeVar

from collector.edge import Edge
from collector.numbers.open_windows import Windows
from collector.numbers.stored_windows import StoredWindows, table_of
from collector.numbers.window_book import Key
from collector.numbers.windows import DAYS, MINUTES
from collector.stores.store import Answer, Refused, Row, Select, Store, Stored, StoreDown, Table
from wire.quantities import KINDS
from wire.times import HOUR_MS

log = logging.getLogger("lamppost.rollups")

T = TypeVar("T")

ROWS_PER_WRITE: Final = 5_000
"""A minute of a large city in one piece would be more than a database takes (InfluxDB: 25 MB)."""

Place = tuple[Key, int]
"""One hour or day of a series, by its start."""


class Task(NamedTuple):
    """Closed minutes and hours to be stored, hours and days to be computed first. Hours in `open` are not over."""

    minutes: dict[Key, Windows]
    hours: dict[Key, Windows]
    due: list[Place]
    open: frozenset[Place] = frozenset()


class Made(NamedTuple):
    """What came of a task; without `tables` the database would not have them, and nothing of it stands for sure.

    `hours` are all that are stored now. Of `untold` the database did not tell the first; the others it was not asked.
    `refused` is why it has refused parts of them, one reason a part. `broken` could not be made, as nobody foresaw.
    """

    tables: list[Table] | None
    hours: dict[Key, Windows]
    untold: list[Place]
    counts: Counter[str]
    refused: list[str]
    broken: list[tuple[Place, Exception]]
    took_s: float


class Written(NamedTuple):
    """Series, with times in the hours of which they have readings; and the kinds of which the database did not tell."""

    times: list[tuple[Key, list[int]]]
    untold: list[str]


class WindowMaker:
    """Makes the windows of one database. May be called from any thread."""

    def __init__(self, store: Store, stored: StoredWindows) -> None:
        self._store = store
        self._stored = stored
        self._edge = Edge(log)

    def make(self, task: Task) -> Made:
        """Do a task."""
        began_s = time.monotonic()
        counts: Counter[str] = Counter()
        minutes: dict[Key, Windows] = defaultdict(dict, {key: dict(windows) for key, windows in task.minutes.items()})
        hours: dict[Key, Windows] = defaultdict(dict, {key: dict(windows) for key, windows in task.hours.items()})
        days = [place for place in task.due if place[0][0].endswith(DAYS)]
        due = [place for place in task.due if place not in days]
        untold: list[Place] = []
        broken: list[tuple[Place, Exception]] = []
        for n, (key, start_ms) in enumerate(due):
            try:
                made = _unless_it_breaks(partial(self._stored.hour, key, start_ms), [(key, start_ms)], broken)
            except StoreDown as error:
                self._edge.fails(f"windows wait: {error}")
                untold = due[n:]  # one that hangs would keep us for half a minute each time
                break
            if made is None:
                continue
            parts, fields = made
            counts["rebuilt_hours"] += 1
            if parts:
                minutes[key].update(parts)
            if fields and (key, start_ms) not in task.open:
                hours[key][start_ms] = fields
        refused: list[str] = []
        tables = self._store_all(minutes, hours, days, counts, refused, broken)
        if tables and not untold:
            self._edge.is_over()
        return Made(tables, hours, untold, counts, refused, broken, time.monotonic() - began_s)

    def written_since(self, since_ms: int, kinds: Iterable[str]) -> Written:
        """Of which hours the database has readings of these kinds."""
        found, untold = [], []
        for kind in kinds:
            groups = ("site", "node", "sensor", *KINDS[kind].tags)
            question = Select(kind, ("cq",), since_ms, group_by=groups, aggregate="count", every_ms=HOUR_MS)
            try:
                answer = self._store.select(question)
            except StoreDown as error:
                self._edge.fails(f"windows wait: {error}")
                untold.append(kind)
                continue
            for series in answer:
                times = [time_ms + part for time_ms, n in series.rows if n for part in (0, HOUR_MS - 1)]
                found.append(((kind, series.identity), times))
        return Written(found, untold)

    def _store_all(
        self, minutes: dict[Key, Windows], hours: dict[Key, Windows], days: list[Place], counts: Counter[str],
        refused: list[str], broken: list[tuple[Place, Exception]],
    ) -> list[Table] | None:  # fmt: skip
        """Minutes and hours with their indices, then days; None when the database will not have them."""
        tables = [table_of(key, MINUTES, windows) for key, windows in minutes.items()]
        try:
            around = self._stored.around(hours)
            for key, windows in list(hours.items()):
                places = [(key, start_ms) for start_ms in windows]
                made = _unless_it_breaks(partial(self._stored.hours, key, windows, around), places, broken)
                if made is None:
                    del hours[key]
                tables += made or []
            if not self._write(tables, refused):
                return None
            above: list[Table] = []
            for place in days:
                above += _unless_it_breaks(partial(self._stored.day, *place), [place], broken) or []
            if not self._write(above, refused):
                return None
        except StoreDown as error:
            self._edge.fails(f"windows wait: {error}")
            return None
        counts["hours"] += sum(map(len, hours.values()))
        return [*tables, *above]

    def _write(self, tables: list[Table], refused: list[str]) -> bool:
        """Write them in parts; a part that is refused does not keep the others from being stored."""
        rows: list[Row] = [row for table in tables for row in self._store.render(table)]
        for first in range(0, len(rows), ROWS_PER_WRITE):
            answer: Answer = self._store.write(rows[first : first + ROWS_PER_WRITE])
            if isinstance(answer, Refused):  # ours, not an agent's: nobody to answer, and it must not block the rest
                refused.append(answer.reason)
            elif not isinstance(answer, Stored):
                return False
        return True


def _unless_it_breaks(make: Callable[[], T], places: list[Place], broken: list[tuple[Place, Exception]]) -> T | None:
    """What is made, None where nobody foresaw what happens: others are still to be made. Raises StoreDown."""
    try:
        return make()
    except StoreDown:
        raise
    except Exception as error:  # noqa: BLE001
        broken += ((place, error) for place in places)
        return None
