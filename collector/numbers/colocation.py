"""Co-location: a sensor beside a reference instrument, and the line that leads from one to the other. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import StatisticsError, correlation, fmean, linear_regression
from typing import Final

from wire.numerals import number
from wire.quantities import QUANTITIES, Quantity

PAIRS_MIN: Final = 10
R2_GOOD: Final = 0.7
R2_GOOD_OF: Final = {"o3_ugm3": 0.8}
"""What the US EPA asks of a sensor beside a reference: of fine particles (EPA/600/R-20/280), and of ozone (20/279)."""
_MISSING: Final = frozenset({"", "-", "na", "n/a", "nan", "null", "none"})


class NoFit(ValueError):
    """No line can be had from this; the text says why."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Least squares of reference on sensor: reference = slope * sensor + offset, and how well it holds."""

    slope: float
    offset: float
    r2: float
    rmse: float
    pairs: int
    lowest: float
    highest: float

    def text(self, unit: str) -> str:
        """One line for people and for the record."""
        return (
            f"y = {self.slope:.4g} x {self.offset:+.4g}; R² {self.r2:.3f}, RMSE {self.rmse:.3g} {unit},"
            f" {self.pairs} pairs from {self.lowest:g} to {self.highest:g} {unit}"
        )


def pairs(lines: Iterable[str], sensor: str, reference: str, quantity: str) -> list[tuple[float, float]]:
    """Pairs of a CSV's columns: raw values of `quantity` and its own, rows without both left out.

    Raises NoFit for a missing column, and for what is no value: one -999 among a thousand pairs turns the line.
    """
    own = QUANTITIES[quantity]
    assert own.raw is not None
    rows = csv.DictReader(lines)
    names = rows.fieldnames or []
    for role, name in (("sensor", sensor), ("reference", reference)):
        if name not in names:
            raise NoFit(f"no column {name!r}; there are {', '.join(names) or 'none'}: name the {role}'s")
    found = []
    try:
        for row in rows:
            a, b = _number(row[sensor], QUANTITIES[own.raw]), _number(row[reference], own)
            if a is not None and b is not None:
                found.append((a, b))
    except (ValueError, csv.Error) as error:
        raise NoFit(f"line {rows.line_num}: {error}") from error
    return found


def _number(cell: str | None, quantity: Quantity) -> float | None:
    if cell is None or cell.strip().lower() in _MISSING:
        return None
    value = number(cell)
    if not quantity.low <= value <= quantity.high:
        span = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}"
        raise ValueError(f"{cell.strip()} is no value of {quantity.name} ({span}): leave the cell empty")
    return value


def fit(found: list[tuple[float, float]], factor: float = 1.0) -> Fit:
    """The line through pairs of sensor (times `factor`) and reference. Raises NoFit."""
    if len(found) < PAIRS_MIN:
        raise NoFit(f"{len(found)} pairs with both values, at least {PAIRS_MIN} are needed")
    x, y = [a * factor for a, _ in found], [b for _, b in found]
    try:
        slope, offset = linear_regression(x, y)
        r2 = correlation(x, y) ** 2
    except StatisticsError as error:
        raise NoFit(f"no line: {error}") from error
    if not slope > 0:
        raise NoFit(
            f"no line: the sensor does not rise with the reference (slope {slope:.3g}); are the times the same?"
        )
    rmse = fmean((slope * a + offset - b) ** 2 for a, b in zip(x, y, strict=True)) ** 0.5
    return Fit(slope, offset, r2, rmse, len(found), min(x), max(x))
