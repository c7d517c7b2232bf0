"""The rows of one column that have a value: what enters a window."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any


class Present:
    """At least one row, in the order of time. Several windows take the same rows: what they ask is found once."""

    __slots__ = ("_parts", "_span", "times", "total", "values")

    def __init__(self, times: list[int], values: list[float]) -> None:
        """Raises TypeError for a None among the values."""
        self.times = times
        self.values = values
        self.total = sum(values)
        self._span: tuple[float, float] | None = None
        self._parts: dict[tuple[int, int], Present] = {}

    @classmethod
    def of(cls, times: list[int], column: list[Any]) -> Present | None:
        """Those rows of a column that are there; None when there are none."""
        if not column:
            return None
        try:
            return cls(times, column)
        except TypeError:  # a None: to look for it before would take longer
            rows = [(time_ms, value) for time_ms, value in zip(times, column, strict=True) if value is not None]
            return cls([time_ms for time_ms, _ in rows], [value for _, value in rows]) if rows else None

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest value."""
        if self._span is None:
            self._span = min(self.values), max(self.values)
        return self._span

    def part(self, start: int, end_ms: int) -> Present:
        """The rows from number `start` on that are older than `end_ms`."""
        end = bisect_left(self.times, end_ms, start)
        if end - start == len(self.times):
            return self
        part = self._parts.get((start, end))
        if part is None:
            part = self._parts[start, end] = Present(self.times[start:end], self.values[start:end])
        return part

    def between(self, first_ms: int, end_ms: int) -> Present | None:
        """The rows from `first_ms` on that are older than `end_ms`; None when there are none."""
        start = bisect_left(self.times, first_ms)
        return self.part(start, end_ms) if start < bisect_left(self.times, end_ms) else None
