"""The carrier: copies entries of the state file (book.py) to where they are kept for good, beside the alerting's steps.

Every transition of an alert becomes a point in the database, and every deed at the desk a line in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, Generic, TypeVar

from collector.stores.store import Aside, at_once
from collector.timers import passed

RETRY_MS: Final = 5_000

Entry = TypeVar("Entry", bound=tuple[Any, ...])


class Carrier(Generic[Entry]):
    """One load at a time; what could not be taken there now is tried again.

    `waiting` gives entries that begin with their numbers, `carry` says whether all of them are there, and `done` hears
    up to which number they are. Set `aside` to have them carried in another thread: a database that hangs, or a file
    that somebody holds, may not hold up the alert that says so.
    """

    def __init__(
        self, waiting: Callable[[], list[Entry]], carry: Callable[[list[Entry]], bool], done: Callable[[int], None]
    ) -> None:
        self.aside: Aside = at_once
        self._waiting, self._carry, self._done = waiting, carry, done
        self._under_way: tuple[Future[bool], int] | None = None
        self._tried_ms = 0  # for the last time, of what is not there yet

    def step(self, now_ms: int) -> None:
        """Hear what became of the load that is under way, begin with the next."""
        self._hear()
        if self._under_way is None and passed(now_ms, self._tried_ms, RETRY_MS):
            load = self._waiting()
            if load:
                self._tried_ms = now_ms  # what nobody foresaw is no reason to try at every step
                self._under_way = self.aside(partial(self._carry, load)), load[-1][0]
                self._hear()

    def _hear(self) -> None:
        if self._under_way is None or not self._under_way[0].done():
            return
        (is_there, last), self._under_way = self._under_way, None
        if is_there.result():
            self._tried_ms = 0
            self._done(last)
