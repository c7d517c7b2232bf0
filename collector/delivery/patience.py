"""How long a store that was asked in vain is left alone: longer each time. Holds no clock: it is told the time."""

from __future__ import annotations

from dataclasses import dataclass

from collector.timers import passed
from wire.ack import WINDOW_DEFAULT

WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(slots=True)
class Patience:
    """`failures` counts the tries in vain since the last that was not."""

    failures: int = 0
    _waits: tuple[int, int] = (0, 0)  # since when, and for how long

    def is_over(self, now_ms: int) -> bool:
        """Whether the store may be asked now."""
        return passed(now_ms, *self._waits)

    def in_vain(self, now_ms: int, at_least_s: float = 0.0) -> None:
        """The store has not done what it was asked."""
        self.failures += 1
        wait_s = max(at_least_s, WAITS_S[min(self.failures, len(WAITS_S)) - 1])
        self._waits = (now_ms, int(wait_s * 1000))

    def rewarded(self) -> None:
        """It has."""
        self.failures = 0

    def window(self) -> int:
        """How many batches an agent may have under way: fewer each time the database was asked in vain."""
        return max(1, WINDOW_DEFAULT >> self.failures)
