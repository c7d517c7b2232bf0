"""How far this clock is from the collector's: a wrong time server is seen by two clocks that should agree.

Every answer of a collector is signed and carries its time. An answer needs time on its way and is never early, so of
many the least difference is the truest; one that a broker sends again much later cannot make the clock look right.
"""

from __future__ import annotations


class Skew:
    """The least difference since it was last asked for, in milliseconds; positive when this clock is ahead."""

    def __init__(self) -> None:
        self._least_ms: int | None = None

    def note(self, here_ms: int, collector_ms: int) -> None:
        """An answer came, at this moment of the wall clock here, written at that moment there."""
        seen = here_ms - collector_ms
        self._least_ms = seen if self._least_ms is None else min(seen, self._least_ms)

    def take_s(self) -> float | None:
        """The offset in seconds, or None when nobody has answered since; the next one begins anew."""
        least_ms, self._least_ms = self._least_ms, None
        return None if least_ms is None else least_ms / 1000
