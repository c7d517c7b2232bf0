"""What people said at the duty desk and what they have not heard, in the database: who takes over goes on from it.

Each entry (`collector/rules/handover.py`) that begins, changes or ends is a row; the newest of a name counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

from collector.alerts.book import HISTORY_KEPT_MS
from collector.rules import handover
from collector.rules.desk import Desk
from collector.stores.store import Aside, Select, Store, Stored, Table
from collector.timers import passed

MEASUREMENT: Final = "duty"
RETRY_MS: Final = 5_000
_SUB_NS: Final = 1_000_000


class SharedDuty:
    """What this desk tells the database: `note` what changed, `step` a few times a second while it works."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._under_way: tuple[Future[bool], dict[str, str]] | None = None
        self._tried_ms = self._number = 0

    def note(self, desk: Desk, names: Iterable[str]) -> None:
        """Entries of the desk have changed, by their names (`Desk.changes`)."""
        for name, body in handover.entries(desk, names).items():
            if body != self._waiting.get(name, self._known.get(name, "")):
                self._waiting[name] = body

    def take_over(self, found: Mapping[str, str]) -> None:
        """Go on from what the database has (`read`): what was noted meanwhile is of another time."""
        self._known, self._waiting, self._under_way = dict(found), {}, None

    def step(self, aside: Aside, now_ms: int) -> None:
        """Write what waits, beside."""
        if self._under_way is not None:
            if not self._under_way[0].done():
                return
            (done, rows), self._under_way = self._under_way, None
            if done.result():
                self._known |= rows
                self._waiting = {key: body for key, body in self._waiting.items() if rows.get(key) != body}
                self._tried_ms = 0
        if self._waiting and passed(now_ms, self._tried_ms, RETRY_MS):
            self._tried_ms = now_ms  # what nobody foresaw is no reason to try at every step
            rows = dict(self._waiting)
            first, self._number = self._number, self._number + len(rows)
            self._under_way = aside(partial(_write, self._store, rows, first, now_ms)), rows


def read(store: Store, now_ms: int) -> dict[str, tuple[int, str]]:
    """The newest row of each name, and when it was written. Raises StoreDown."""
    newest = Select(MEASUREMENT, ("body",), now_ms - HISTORY_KEPT_MS, group_by=("name",), latest=True)
    rows = {series.tags["name"]: series.rows[-1] for series in store.select(newest) if series.rows}
    return {name: (at_ms, body) for name, (at_ms, body) in rows.items()}


def _write(store: Store, rows: Mapping[str, str], first: int, now_ms: int) -> bool:
    tables = [
        Table(MEASUREMENT, (("name", name),), [now_ms], {"body": [body]}, sub_ns=(first + at) % _SUB_NS)
        for at, (name, body) in enumerate(rows.items())
    ]
    return isinstance(store.write([row for table in tables for row in store.render(table)]), Stored)
