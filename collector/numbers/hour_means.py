"""Hourly means as standards of indices ask for them: the hour itself, some hours together, the largest of a day. Pure.

They are made of valid hourly means (45 minutes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from collector.numbers.means import DECIMALS
from collector.numbers.windows import valid_hour
from measures.completeness import Rule
from wire.times import HOUR_MS

Hours = Mapping[int, Mapping[str, Any]]
"""Start of hour to the fields of its window."""

LOOK_BACK_MS: Final = 24 * HOUR_MS
"""How far before an hour its indices look; a late hour changes the indices of as many hours after it."""


@dataclass(slots=True)
class HourMeans:
    """Means of one sensor around an hour. `shares` collects how complete those are that were asked for and given."""

    hours: Hours
    shares: list[float] = field(default_factory=list)

    def monitored(self, names: Iterable[str], first_ms: int, end_ms: int) -> list[str]:
        """The quantities that have a value in any hour of a span."""
        span = [fields for time_ms, fields in self.hours.items() if first_ms <= time_ms < end_ms]
        return [name for name in names if any(fields.get(name + "_mean") is not None for fields in span)]

    def hour(self, name: str, hour_ms: int) -> float | None:
        fields = self.hours.get(hour_ms, {})
        mean = valid_hour(fields, name)
        return self._given(mean, fields.get(name + "_n", 0), 60)

    def valid(self, name: str, first_ms: int, end_ms: int) -> list[float]:
        """The valid hourly means of a span."""
        found = (valid_hour(self.hours.get(time_ms, {}), name) for time_ms in range(first_ms, end_ms, HOUR_MS))
        return [mean for mean in found if mean is not None]

    def mean(self, name: str, first_ms: int, end_ms: int, rule: Rule) -> float | None:
        values = self.valid(name, first_ms, end_ms)
        mean = round(fmean(values), DECIMALS) if values and rule.is_met(len(values)) else None
        return self._given(mean, len(values), (end_ms - first_ms) // HOUR_MS)

    def running(self, name: str, hour_ms: int, hours: int, rule: Rule) -> float | None:
        """The mean of the hours that end with this one."""
        return self.mean(name, hour_ms - (hours - 1) * HOUR_MS, hour_ms + HOUR_MS, rule)

    def largest(self, name: str, first_ms: int, end_ms: int, rule: Rule) -> float | None:
        """The largest hourly mean of a span; `rule` says of how many it must be."""
        values = self.valid(name, first_ms, end_ms)
        largest = max(values) if values and rule.is_met(len(values)) else None
        return self._given(largest, len(values), (end_ms - first_ms) // HOUR_MS)

    def largest_8h(
        self, name: str, first_ms: int, count: int, rule: Rule, enough: Callable[[int, float | None], bool]
    ) -> float | None:
        """The largest of `count` eight-hour means, the first of which begins at `first_ms`."""
        means = []
        for start_ms in range(first_ms, first_ms + count * HOUR_MS, HOUR_MS):
            values = self.valid(name, start_ms, start_ms + 8 * HOUR_MS)
            if rule.is_met(len(values)):
                means.append(round(fmean(values), DECIMALS))
        found = max(means, default=None)
        return self._given(found if enough(len(means), found) else None, len(means), count)

    def _given(self, mean: float | None, there: int, expected: int) -> float | None:
        if mean is not None:
            self.shares.append(min(1.0, there / expected))
        return mean
