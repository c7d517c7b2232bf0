"""What comes and goes: a link, a port. Pure."""

from __future__ import annotations

from collections import deque


class Flapping:
    """Whether something was lost so many times within so many seconds."""

    def __init__(self, times: int, within_s: float) -> None:
        self._lost_s: deque[float] = deque(maxlen=times)
        self._within_s = within_s

    def lost(self, now_s: float) -> None:
        """It is gone once more."""
        self._lost_s.append(now_s)

    def often(self, now_s: float) -> bool:
        """So often, and lately."""
        return len(self._lost_s) == self._lost_s.maxlen and now_s - self._lost_s[0] < self._within_s
