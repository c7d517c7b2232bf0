"""The writer of points: every transition of an alert becomes one in the database, beside the steps that make them."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from functools import partial
from typing import Final

from collector.alerts import points
from collector.alerts.book import Book
from collector.delivery.halving import write_halving
from collector.stores.store import Answer, Aside, Store, Stored, at_once
from collector.timers import passed

log = logging.getLogger("lamppost.alerts")

RETRY_MS: Final = 5_000


class PointWriter:
    """One write at a time. What the database would not take now is tried again; what it refuses is said and left out.

    Set `aside` to have it written in another thread: a database that hangs may not hold up the alert that says so.
    """

    def __init__(self, book: Book, store: Store) -> None:
        self.aside: Aside = at_once
        self._book, self._store = book, store
        self._under_way: tuple[Future[Answer], int] | None = None
        self._tried_ms = 0  # for the last time, of what is not stored yet

    def step(self, now_ms: int) -> None:
        """Take the answer that is there, begin the next write."""
        self._take()
        if self._under_way is None and passed(now_ms, self._tried_ms, RETRY_MS):
            waiting = self._book.unstored()
            if waiting:
                self._tried_ms = now_ms  # before it is made: what nobody foresaw is no reason to try at every step
                rows = [row for each in waiting for row in self._store.render(points.point(each.transition, each.id))]
                self._under_way = self.aside(partial(write_halving, self._store.write, rows)), waiting[-1].id
                self._take()

    def _take(self) -> None:
        if self._under_way is None or not self._under_way[0].done():
            return
        (answer, last), self._under_way = self._under_way, None
        said = answer.result()
        if not isinstance(said, Stored):
            return
        self._tried_ms = 0
        for reason in set(said.refused.values()):
            log.error("the database refuses a point of an alert, which is in the history all the same: %s", reason)
        self._book.stored(last)
