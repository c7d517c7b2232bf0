"""How old readings are when they are first seen in the database: from the last byte of a frame to a stored point.

The age counts until the answer to the question that found it was there, so it is never told too small. Readings beyond
`EVENT` are events: what the agent's settings call urgent.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from collector.stores.store import Select, Store
from wire.times import MINUTE_MS

EVENT = 150.0
FIELD = "pm25_raw_ugm3"
BACK_MS = MINUTE_MS  # older than this when it comes: the backlog's


class Ages:
    """Looks again and again at one node's readings. `ordinary_s` and `events_s` are ages, in the order of arrival."""

    def __init__(self, store: Store, node: str) -> None:
        self.ordinary_s: list[float] = []
        self.events_s: list[float] = []
        self._store, self._node = store, node
        self._since_ms = int(time.time() * 1000)
        self._seen: set[tuple[str, int]] = set()

    def look(self) -> None:
        """Ask for what is new."""
        since_ms = max(self._since_ms, int(time.time() * 1000) - BACK_MS)
        question = Select("air_quality", (FIELD,), since_ms=since_ms, where={"node": self._node}, group_by=("sensor",))
        answer, now_s = self._store.select(question), time.time()
        for series in answer:
            for time_ms, value in series.rows:
                if (series.tags["sensor"], time_ms) not in self._seen:
                    self._seen.add((series.tags["sensor"], time_ms))
                    (self.events_s if value > EVENT else self.ordinary_s).append(now_s - time_ms / 1000)

    def watch(self, seconds: float, every_s: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Look for so long, or until it is enough."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not enough():
            self.look()
            time.sleep(every_s)


def quantile(ages_s: list[float], share: float) -> float | None:
    """In seconds; None of nothing."""
    ordered = sorted(ages_s)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None
