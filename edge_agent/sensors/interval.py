"""The interval that is counted in: from where counting starts to the next boundary, less what nobody counted. Pure.

Vehicles over the seconds in which they were counted are the flow. An agent that was off for ten minutes of a quarter of
an hour has counted for five.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_LEAST_MS: Final = 1000  # the state is committed every second: of an interval that is known so much was counted


class Stretch(NamedTuple):
    """An interval that is over, and for how long somebody counted in it."""

    start_ms: int
    end_ms: int
    counted_s: float


class Interval:
    """Intervals of `interval_s` seconds, one after the other, also over the end of the program."""

    def __init__(self, interval_s: int) -> None:
        self._every_ms = interval_s * 1000
        self._start_ms: int | None = None
        self._until_ms: int | None = None  # counted until then
        self._left_ms: int | None = None  # the same of a program that ended, until this one begins to count
        self._away_ms = 0

    def tick(self, now_ms: int) -> Stretch | None:
        """Time passes; the interval if it is over by now."""
        if self._start_ms is None:
            self._start_ms = now_ms
        end_ms = (self._start_ms // self._every_ms + 1) * self._every_ms
        self._until_ms, left_ms, self._left_ms = now_ms, self._left_ms, None
        if left_ms is not None:
            end_ms = max(end_ms, left_ms)  # it was longer than ours: all that was counted in it was until then
            self._away_ms += max(0, min(now_ms, end_ms) - max(left_ms, self._start_ms))
        if now_ms < end_ms:
            return None
        counted_ms = max(end_ms - self._start_ms - self._away_ms, _LEAST_MS)
        over = Stretch(self._start_ms, end_ms, counted_ms / 1000)
        self._start_ms = now_ms // self._every_ms * self._every_ms if left_ms is None else now_ms
        self._away_ms = 0
        return over

    def state(self) -> dict[str, Any]:
        """The open interval as plain data."""
        return {"start_ms": self._start_ms, "until_ms": self._until_ms, "away_ms": self._away_ms}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with an interval that was open when the program ended. An older agent's does not say when that was."""
        self._start_ms, left_ms = state["start_ms"], state.get("until_ms")
        self._left_ms = None if left_ms is None else int(left_ms)
        self._away_ms = int(state.get("away_ms", 0))

    def shift(self, offset_ms: int) -> None:
        """The clock was set: what is open moves to true time."""
        if self._start_ms is not None:
            self._start_ms += offset_ms
        if self._until_ms is not None:
            self._until_ms += offset_ms
        if self._left_ms is not None:
            self._left_ms += offset_ms
