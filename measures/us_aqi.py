"""US EPA Air Quality Index: 40 CFR 58 Appendix G as of May 2024, and its Technical Assistance Document.

EPA-454/B-24-002 (May 2024), Tables 1, 2 and 6. The concentration is truncated, the index rounded with halves up. Rows
of the table have gaps of one truncation step between them, so the step decides where a row begins.

EPA warns against reading AQI categories off 1-minute sensor values: give the averaging time that a row asks for, or
measures.nowcast for the present hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from measures.index import Band, Concentration, Index, Scale, known, on_line, worst
from measures.rounding import exact, half_up, truncated

SCALE: Final = Scale(
    "US EPA AQI",
    "2024-05",
    (
        Band(50, "Good", "#00E400"),
        Band(100, "Moderate", "#FFFF00"),
        Band(150, "Unhealthy for Sensitive Groups", "#FF7E00"),
        Band(200, "Unhealthy", "#FF0000"),
        Band(300, "Very Unhealthy", "#8F3F97"),
        Band(None, "Hazardous", "#7E0023"),
    ),
)
COLOUR_ASSIST: Final = ("#9EFF91", "#FFC905", "#FF8205", "#F02200", "#890997", "#640015")
"""The ColorVision-Assist colours of EPA-454/B-24-002 for levels 1 to 6, for people who do not tell red from green."""

_INDEX_ROWS: Final = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))
_INDEX_MAX: Final = 500


class _Column(NamedTuple):
    """One column of Table 6: unit, digits kept, and its rows of concentration and index, low and high of each."""

    unit: str
    decimals: int
    rows: tuple[tuple[Fraction, Fraction, int, int], ...]


def _column(unit: str, decimals: int, start: str, first_row: int, tops: str) -> _Column:
    """A column from the inclusive tops of its rows; each row begins one truncation step above the last."""
    highs = [exact(Decimal(top)) for top in tops.split()]
    lows = [exact(Decimal(start)), *(high + Fraction(1, 10**decimals) for high in highs)]
    rows = zip(lows, highs, _INDEX_ROWS[first_row:], strict=False)
    return _Column(unit, decimals, tuple((low, high, *index) for low, high, index in rows))


_COLUMNS: Final = {
    ("O3", "8h"): _column("ppm", 3, "0", 0, "0.054 0.070 0.085 0.105 0.200"),
    ("O3", "1h"): _column("ppm", 3, "0.125", 2, "0.164 0.204 0.404 0.604"),
    ("PM2.5", "24h"): _column("ug/m3", 1, "0", 0, "9.0 35.4 55.4 125.4 225.4 325.4"),
    ("PM10", "24h"): _column("ug/m3", 0, "0", 0, "54 154 254 354 424 604"),
    ("CO", "8h"): _column("ppm", 1, "0", 0, "4.4 9.4 12.4 15.4 30.4 50.4"),
    ("SO2", "1h"): _column("ppb", 0, "0", 0, "35 75 185 304"),
    ("SO2", "24h"): _column("ppb", 0, "305", 4, "604 1004"),
    ("NO2", "1h"): _column("ppb", 0, "0", 0, "53 100 360 649 1249 2049"),
}
_SO2_DAY_FROM_PPB = 305
_SO2_AT_LEAST = 200


def level_tops(pollutant: str, averaging: str) -> tuple[Decimal, ...]:
    """The concentrations at which Table 6 ends levels 1 to 5, with the digits that it keeps; KeyError without a column.

    Columns that begin or end within the scale (hourly SO2, 8-hour O3) have fewer levels, or begin above the first.
    """
    column = _COLUMNS[(pollutant, averaging)]
    step = Decimal(1).scaleb(-column.decimals)
    tops = [
        (Decimal(high.numerator) / high.denominator).quantize(step) for _, high, _, top in column.rows if top <= 300
    ]
    return tuple(tops)


def truncated_concentration(concentration: Concentration) -> Decimal | None:
    """The value with the digits that Table 6 keeps (O3 3, PM2.5 and CO 1, others 0); None when missing.

    Raises NotInStandard for a pollutant, averaging time or unit that Table 6 does not have.
    """
    column = _COLUMNS.get(concentration.key)
    noise = column.rows[0][1] if column else 0
    value = known(concentration, column and column.unit, noise, SCALE.standard)
    return None if value is None or column is None else truncated(value, column.decimals)


def sub_index(concentration: Concentration) -> Index | None:
    """The AQI of one mean (EPA-454/B-24-002 eq. 1 and Table 6); above 500 along the last row's slope.

    None when the mean is missing or the table defines nothing for it: 8-hour O3 from 0.201 ppm, 1-hour O3 below
    0.125 ppm, 1-hour SO2 from 305 ppb, 24-hour SO2 below that. Raises NotInStandard.
    """
    value = truncated_concentration(concentration)
    if value is None:
        return None
    rows = _COLUMNS[concentration.key].rows
    if value < rows[0][0]:
        return None
    for low, high, index_low, index_high in rows:
        if value <= high or index_high == _INDEX_MAX:
            index = on_line(value, (low, index_low), (high, index_high))
            return SCALE.at(int(half_up(index)), (concentration.pollutant,))
    return None


def sub_indices(concentrations: Iterable[Concentration]) -> dict[tuple[str, str], Index]:
    """The AQI of each mean that defines one, by pollutant and averaging time, with the footnote on SO2 applied.

    From 305 ppb in one hour the 24-hour mean of SO2 decides; below 305 ppb, or missing, it stands at exactly 200.
    """
    given = {c.key: c for c in concentrations}
    found = {key: index for key, c in given.items() if (index := sub_index(c)) is not None}
    hour = given.get(("SO2", "1h"))
    hour_value = truncated_concentration(hour) if hour else None
    if hour_value is not None and hour_value >= _SO2_DAY_FROM_PPB and ("SO2", "24h") not in found:
        found[("SO2", "24h")] = SCALE.at(_SO2_AT_LEAST, ("SO2",))
    return found


def overall(concentrations: Iterable[Concentration]) -> Index | None:
    """The highest sub-index and its pollutant(s) (EPA-454/B-24-002 section IV); None when no mean defines one."""
    top = worst(sub_indices(concentrations).values())
    return None if top is None else SCALE.at(*top)


def category(value: int) -> Index:
    """Category and colour of an AQI value (EPA-454/B-24-002 Tables 1 and 2); ValueError below 0."""
    return SCALE.at(value)
