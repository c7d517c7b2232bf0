"""Time as numbers: a queue of what happens when."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

START_MS = 1_790_000_000_000


class Clock:
    """UTC in milliseconds; it moves only from one event to the next."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.start_ms = self.now_ms = start_ms
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    @property
    def now_s(self) -> float:
        """The same as seconds of a monotonic clock."""
        return (self.now_ms - self.start_ms) / 1000

    def after(self, wait_ms: int, event: Callable[[], None]) -> None:
        """Let `event` happen in `wait_ms`."""
        heapq.heappush(self._events, (self.now_ms + wait_ms, next(self._order), event))

    def every(self, period_ms: int, event: Callable[[], None], first_ms: int | None = None) -> None:
        """Let `event` happen again and again."""

        def again() -> None:
            event()
            self.after(period_ms, again)

        self.after(period_ms if first_ms is None else first_ms, again)

    def run_until(self, end_ms: int) -> None:
        """Let everything up to `end_ms` happen, in order."""
        while self._events and self._events[0][0] <= end_ms:
            self.now_ms, _, event = heapq.heappop(self._events)
            event()
        self.now_ms = end_ms
