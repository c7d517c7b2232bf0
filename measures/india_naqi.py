"""India's National Air Quality Index (CPCB 2014): linear between whole-number rows, nearest integer, the highest wins.

Rows in µg/m³, CO in mg/m³ with one decimal; 31 µg/m³ of PM2.5 begins the second row at 51 (the row before ends at 30).
CPCB leaves the Severe row (401-500) open above; its calculator goes on along the slope of Very Poor, as is done here,
up to 500. The 748 µg/m³ of O3 is an hourly value that CPCB gives for computing only.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from measures.index import Band, Concentration, Index, Scale, known, on_line, worst
from measures.rounding import Number, half_up

SCALE: Final = Scale(
    "CPCB NAQI",
    "2014",
    (
        Band(50, "Good", "#00B050"),
        Band(100, "Satisfactory", "#92D050"),
        Band(200, "Moderately polluted", "#FFFF00"),
        Band(300, "Poor", "#FF9900"),
        Band(400, "Very Poor", "#FF0000"),
        Band(500, "Severe", "#C00000"),
    ),
)
"""The report names colours, dark green to maroon; these are the usual renderings."""

POLLUTANTS_MIN: Final = 3
_INDEX_ROWS: Final = ((0, 50), (51, 100), (101, 200), (201, 300), (301, 400))
_SEVERE_MIN, _SEVERE_MAX = 401, 500
_TOPS: Final = {
    ("PM10", "24h"): (50, 100, 250, 350, 430),
    ("PM2.5", "24h"): (30, 60, 90, 120, 250),
    ("NO2", "24h"): (40, 80, 180, 280, 400),
    ("O3", "8h"): (50, 100, 168, 208, 748),
    ("SO2", "24h"): (40, 80, 380, 800, 1600),
    ("CO", "8h"): (1, 2, 10, 17, 34),
}


def sub_index(concentration: Concentration) -> Index | None:
    """Sub-index of one mean (CPCB 2014, breakpoint table), at most 500; None when missing. Raises NotInStandard."""
    tops = _TOPS.get(concentration.key, ())
    is_co = concentration.pollutant == "CO"
    unit = ("mg/m3" if is_co else "ug/m3") if tops else None
    value = known(concentration, unit, tops[0] if tops else 0, SCALE.standard)
    if value is None:
        return None
    decimals = 1 if is_co else 0
    rounded = half_up(value, decimals)
    return SCALE.at(_at(rounded, tops, Fraction(1, 10**decimals)), (concentration.pollutant,))


def overall(concentrations: Iterable[Concentration]) -> Index | None:
    """The highest sub-index, from at least three pollutants, one of them PM2.5 or PM10 (CPCB 2014); else None."""
    found = [index for c in concentrations if (index := sub_index(c)) is not None]
    pollutants = {name for index in found for name in index.primary}
    top = worst(found)
    if top is None or len(pollutants) < POLLUTANTS_MIN or not pollutants & {"PM2.5", "PM10"}:
        return None
    return SCALE.at(*top)


def _at(value: Decimal, tops: tuple[int, ...], step: Fraction) -> int:
    """The index of a rounded value on the rows that end at `tops`, each beginning one step above the last."""
    low: Number = 0
    for top, (index_low, index_high) in zip(tops, _INDEX_ROWS, strict=True):
        start, end = (low, index_low), (top, index_high)
        if value <= top:
            return int(half_up(on_line(value, start, end)))
        low = top + step
    return min(max(int(half_up(on_line(value, start, end))), _SEVERE_MIN), _SEVERE_MAX)
