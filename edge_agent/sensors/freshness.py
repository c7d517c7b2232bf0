"""A sensor that repeats itself for longer than it honestly can is stuck: frozen values are worse than none."""

from __future__ import annotations

from edge_agent.sensors.decoding import Row


class Freshness:
    """Watches one sensor's rows; `stale_s` comes from its profile, None never calls anything stale."""

    __slots__ = ("_last", "_since_s", "_stale_s")

    def __init__(self, stale_s: float | None) -> None:
        self._stale_s = stale_s
        self._last: list[Row] | None = None
        self._since_s = 0.0

    def stale(self, rows: list[Row], t_s: float) -> bool:
        """True when these rows have been the same for longer than `stale_s`. An empty road is never stale."""
        if rows != self._last:
            self._last, self._since_s = rows, t_s
            return False
        return self._stale_s is not None and bool(rows) and t_s - self._since_s > self._stale_s
