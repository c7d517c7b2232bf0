"""The shape of an hourly series: how it moves with the hour, the weekday and the month, how it is spread, and what it
moves together with. The same measures for the simulated city and for real data, so that the two can be laid side by
side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

Column = Sequence[float | None]


class Hours(NamedTuple):
    """Hourly columns from a local start, None where a value is missing."""

    start: datetime
    columns: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One column. The profiles are means divided by the mean of all: 1.2 is a fifth above it."""

    mean: float
    spread: float
    by_hour: tuple[float, ...]
    by_weekday: tuple[float, ...]
    by_month: tuple[float, ...]


def shape(hours: Hours, name: str) -> Shape:
    """Measure one column; a month without data has the factor NaN."""
    column = hours.columns[name]
    values = [value for value in column if value is not None]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    stamps = [hours.start + timedelta(hours=row) for row in range(len(column))]
    return Shape(
        mean,
        spread,
        _profile([stamp.hour for stamp in stamps], column, 24, mean),
        _profile([stamp.weekday() for stamp in stamps], column, 7, mean),
        _profile([stamp.month - 1 for stamp in stamps], column, 12, mean),
    )


def correlation(one: Column, other: Column) -> float:
    """Pearson's r over the rows that both have; NaN where one does not move."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    pairs = [(a, b) for a, b in pairs if not (math.isnan(a) or math.isnan(b))]
    count = len(pairs)
    if count < 2:
        return math.nan
    mean_a, mean_b = sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count
    both = sum((a - mean_a) * (b - mean_b) for a, b in pairs)
    alone = sum((a - mean_a) ** 2 for a, _ in pairs) * sum((b - mean_b) ** 2 for _, b in pairs)
    return both / math.sqrt(alone) if alone > 0 else math.nan


def _profile(keys: list[int], column: Column, count: int, mean: float) -> tuple[float, ...]:
    sums, numbers = [0.0] * count, [0] * count
    for key, value in zip(keys, column, strict=True):
        if value is not None:
            sums[key] += value
            numbers[key] += 1
    return tuple(total / number / mean if number else math.nan for total, number in zip(sums, numbers, strict=True))
