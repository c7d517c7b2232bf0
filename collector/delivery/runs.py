"""Sequences of a spool as runs without holes: few, since it is sent from two ends, live ahead of the backlog."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

MOST: Final = 16


class Runs:
    """Which sequences were stored, or may have been: beyond `MOST` runs the nearest two become one with their gap."""

    __slots__ = ("_bounds",)

    def __init__(self, highest: int = 0) -> None:
        """All up to `highest`."""
        self._bounds = [0, highest + 1]  # first of a run, first after it, and so on

    def __contains__(self, number: int) -> bool:
        return bisect_right(self._bounds, number) % 2 == 1

    @property
    def highest(self) -> int:
        return self._bounds[-1] - 1

    def add(self, number: int) -> None:
        bounds = self._bounds
        at = bisect_right(bounds, number)
        if at % 2:
            return
        prolongs = bounds[at - 1] == number
        precedes = at < len(bounds) and bounds[at] == number + 1
        if prolongs and precedes:
            del bounds[at - 1 : at + 1]
        elif prolongs:
            bounds[at - 1] = number + 1
        elif precedes:
            bounds[at] = number
        else:
            bounds[at:at] = number, number + 1
            if len(bounds) > 2 * MOST:
                nearest = min(range(1, len(bounds) - 1, 2), key=lambda end: bounds[end + 1] - bounds[end])
                del bounds[nearest : nearest + 2]
