"""NowCast of PM: the present hour's stand-in for a 24-hour mean (EPA-454/B-24-002, May 2024, section IV).

Twelve hourly means c1 (newest) to c12, w = smallest/largest but at least 1/2, NowCast = Σ wⁱ⁻¹ cᵢ / Σ wⁱ⁻¹. A missing
hour keeps its exponent, so the same hour always weighs the same. Two of the newest three hours must be there.

Only PM: the ozone NowCast of 2019 is a regression on two weeks of history whose code is not public, and the eight-hour
formula on older pages is obsolete. Show the 8-hour mean of ozone instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from measures.index import Concentration, known
from measures.rounding import Number, truncated

HOURS: Final = 12
_WEIGHT_MIN: Final = Fraction(1, 2)
_TABLE: Final = {"PM2.5": (1, Decimal("9.0")), "PM10": (0, Decimal(54))}
"""Digits kept and cleanest band of EPA-454/B-24-002 Table 6."""


@dataclass(frozen=True, slots=True)
class NowCast:
    """The weight factor and the weighted mean, both exact, and the mean cut to the digits of the AQI table."""

    pollutant: str
    weight: Fraction
    mean_ugm3: Fraction
    value_ugm3: Decimal

    @property
    def concentration(self) -> Concentration:
        """What measures.us_aqi.sub_index takes: a NowCast is read off the 24-hour column."""
        return Concentration(self.pollutant, "24h", self.value_ugm3, "ug/m3")


def nowcast(pollutant: str, hourly_ugm3: Sequence[Number | None]) -> NowCast | None:
    """NowCast of `PM2.5` or `PM10` from hourly means, oldest first and newest last, None where missing.

    Takes the newest 12; fewer count as missing before. None when two of the newest three are missing. Hours slightly
    below zero count as 0 (AirNow). Raises NotInStandard for another pollutant and ValueError for a code like -999.
    """
    decimals, noise = _TABLE.get(pollutant, (0, Decimal(0)))
    unit = "ug/m3" if pollutant in _TABLE else None
    newest_first = [
        known(Concentration(pollutant, "1h", hour, "ug/m3"), unit, noise, "NowCast")
        for hour in reversed(hourly_ugm3[-HOURS:])
    ]
    hours = [(age, hour) for age, hour in enumerate(newest_first) if hour is not None]
    if sum(age < 3 for age, _ in hours) < 2:
        return None
    values = [hour for _, hour in hours]
    weight = max(min(values) / max(values), _WEIGHT_MIN) if max(values) else Fraction(1)
    total = sum(weight**age for age, _ in hours)
    mean = sum(weight**age * hour for age, hour in hours) / total
    return NowCast(pollutant, weight, Fraction(mean), truncated(mean, decimals))
