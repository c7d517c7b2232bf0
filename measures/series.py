"""Statistics of hourly series: means of a day and of eight hours where there is enough data, exceedances, runs, steps.

A series is a list of (time, value): the start of the hour as it is labelled, and None where the value is missing. Means
are exact and turn to float at the end, so that a mean that lies on a limit stays on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from measures.completeness import EU_8H_HOURS, EU_MDA8, Rule
from measures.rounding import Number, exact

Hourly = Sequence[tuple[datetime, Number | None]]
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Summary:
    """Hours in the series, how many hold a value, their share in percent, mean and largest; None of no value."""

    hours: int
    valid_hours: int
    capture_pct: float
    mean: float | None
    largest: float | None


class Distinct(NamedTuple):
    """A series without repeated stamps, how many rows repeated one, and how many stamps came with unequal values."""

    hourly: list[tuple[datetime, Number | None]]
    repeated: int
    conflicting: int


class Step(NamedTuple):
    """The time from one stamp to the next, and the earlier of the two."""

    start: datetime
    length: timedelta


def summary(hourly: Hourly) -> Summary:
    """Data capture, mean and maximum (data capture as in 2008/50/EC Annex I). Raises ValueError for an empty series."""
    if not hourly:
        raise ValueError("a series without hours has no data capture")
    valid = _known(hourly)
    mean = _mean(valid)
    return Summary(
        hours=len(hourly),
        valid_hours=len(valid),
        capture_pct=100 * len(valid) / len(hourly),
        mean=None if mean is None else float(mean),
        largest=float(max(valid)) if valid else None,
    )


def daily_means(hourly: Hourly, valid_hours_min: int) -> dict[date, Fraction | None]:
    """Exact mean of each day in the series, in order, by the stamps' own calendar; None with too few valid hours.

    GB 3095-2026 Table 4 asks for 20 hours, 2008/50/EC Annex XI and 40 CFR 50 for 18.
    """
    means: dict[date, Fraction | None] = {}
    for day, hours in _by_day(hourly):
        valid = _known(hours)
        means[day] = _mean(valid) if len(valid) >= valid_hours_min else None
    return means


def running_8h_means(hourly: Hourly, rule: Rule = EU_8H_HOURS) -> list[tuple[datetime, Fraction | None]]:
    """At each hour the mean of it and the seven before (2008/50/EC Annex XI); None with fewer valid than `rule` asks.

    Hours absent from the series are missing values; within the first seven hours there is no 8-hour mean.
    """
    at = {time: exact(value) for time, value in hourly if value is not None}
    means: list[tuple[datetime, Fraction | None]] = []
    for end, _ in hourly:
        eight = [end - back * HOUR for back in range(8)]
        valid = [at[hour] for hour in eight if hour in at]
        is_whole = eight[-1] >= hourly[0][0]
        means.append((end, _mean(valid) if is_whole and rule.is_met(len(valid)) else None))
    return means


def daily_maximum_8h(hourly: Hourly, rule: Rule = EU_MDA8) -> dict[date, Fraction | None]:
    """Each day's largest 8-hour mean, a mean belonging to the day of its last hour (2008/50/EC Annex XI).

    None on days with fewer 8-hour means than `rule` asks, 18 in the EU.
    """
    found: dict[date, Fraction | None] = {}
    for day, means in _by_day(running_8h_means(hourly)):
        valid = _known(means)
        found[day] = max(valid) if rule.is_met(len(valid)) else None
    return found


def hours_above(hourly: Hourly, limit: Number, factor: Number = 1) -> int:
    """Hours whose value times `factor` is above `limit`, not at it, unrounded (as 2008/50/EC Annex XI counts them)."""
    return sum(value * exact(factor) > exact(limit) for value in _known(hourly))


def once_each(rows: Hourly) -> Distinct:
    """Each stamp once, with its first value, in order of first sight.

    Public feeds repeat an hour's count, one row a weather word for example; adding those up counts vehicles twice.
    """
    first: dict[datetime, Number | None] = {}
    conflicts: set[datetime] = set()
    for time, value in rows:
        if first.setdefault(time, value) != value:
            conflicts.add(time)
    return Distinct(list(first.items()), len(rows) - len(first), len(conflicts))


def longest_step(times: Sequence[datetime]) -> Step | None:
    """The first of the longest steps between successive stamps; None for fewer than two."""
    steps = [Step(earlier, later - earlier) for earlier, later in pairwise(times)]
    return max(steps, key=lambda step: step.length, default=None)


def longest_equal_run(values: Iterable[Number | None]) -> int:
    """Most successive equal values; a missing one ends a run."""
    return max((len(list(run)) for value, run in groupby(values) if value is not None), default=0)


def _by_day(hourly: Hourly) -> list[tuple[date, list[tuple[datetime, Number | None]]]]:
    days: dict[date, list[tuple[datetime, Number | None]]] = {}
    for time, value in hourly:
        days.setdefault(time.date(), []).append((time, value))
    return list(days.items())


def _known(hourly: Hourly) -> list[Fraction]:
    return [exact(value) for _, value in hourly if value is not None]


def _mean(values: Sequence[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None
