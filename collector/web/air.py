"""Particles at one sensor over an hour: fine means, minute means, and what of them counts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from collector.numbers.flags import failed
from wire.quantities import QUANTITIES, Quantity
from wire.times import MINUTE_MS

FINE_MS = 10_000
MINUTES_VALID = 45  # GB 3095-2026: an hourly mean stands on at least 45 minutes of sampling
PM = ("pm25_ugm3", "pm25_raw_ugm3", "pm10_ugm3", "pm10_raw_ugm3")
ROLLED = ("pm25_ugm3", "pm10_ugm3")  # those of PM that have roll-ups

Points = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Air:
    """One pollutant at one sensor over the last hour, without readings that failed a test.

    `mean` is of `minutes` minute means: no minute weighs more. `latest` is None when the newest reading failed;
    `latest_ms` is then the time of the newest that did not.
    """

    sensor: str
    quantity: Quantity
    corrected: bool
    latest: float | None
    latest_ms: int
    mean: float
    minutes: int
    fine: Points  # means of 10 s, by their start
    by_minute: Points

    @property
    def lowest(self) -> float:
        return min(value for _, value in self.fine)

    @property
    def highest(self) -> float:
        return max(value for _, value in self.fine)

    @property
    def complete(self) -> bool:
        return self.minutes >= MINUTES_VALID


def airs(sensor: str, rows: list[list[Any]], newest: list[Any] | None) -> Iterable[Air]:
    for good, raw in ((1, 2), (3, 4)):
        column = good if any(row[good] is not None for row in rows) else raw
        fine = [(row[0], row[column]) for row in rows if row[column] is not None]
        if not fine:
            continue
        by_minute = minute_means(fine)
        name = PM[column - 1]
        useless = newest is None or name in failed(newest[-1] or "")
        yield Air(
            sensor,
            QUANTITIES[name],
            any(None not in (row[good], row[raw]) and row[good] != row[raw] for row in rows),
            None if newest is None or useless else newest[column],
            fine[-1][0] if newest is None or useless else newest[0],
            fmean(value for _, value in by_minute),
            len(by_minute),
            fine=fine,
            by_minute=by_minute,
        )


def passed(rows: list[list[Any]], minutes: Iterable[list[Any]], recent: Iterable[list[Any]]) -> list[list[Any]]:
    """Fine means of [time, *PM] without readings that failed.

    Minutes with such readings have the mean that was rolled up without them; of minutes not rolled up yet, the fine
    means that such a reading is part of have no value.
    """
    rolled = {row[0]: dict(zip(ROLLED, row[1:], strict=False)) for row in minutes}
    spoilt: dict[int, frozenset[str]] = defaultdict(frozenset)
    for time_ms, code, _ in recent:
        spoilt[time_ms // FINE_MS * FINE_MS] |= failed(code or "")
    if not rolled and not spoilt:
        return rows
    out = []
    for time_ms, *values in rows:
        minute = rolled.get(time_ms // MINUTE_MS * MINUTE_MS)
        useless = spoilt.get(time_ms, frozenset())
        if minute is not None:
            values = [None if value is None else minute.get(name) for name, value in zip(PM, values, strict=True)]
        elif useless:
            values = [None if name in useless else value for name, value in zip(PM, values, strict=True)]
        out.append([time_ms, *values])
    return out


def minute_means(fine: Points) -> Points:
    """Means by minute of finer means, in order."""
    minutes: dict[int, list[float]] = defaultdict(list)
    for time_ms, value in fine:
        minutes[time_ms // MINUTE_MS * MINUTE_MS].append(value)
    return [(minute_ms, fmean(values)) for minute_ms, values in sorted(minutes.items())]
