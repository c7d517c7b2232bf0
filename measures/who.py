"""WHO global air quality guidelines 2021: guideline levels and the interim targets on the way to them.

Tables 0.1 (levels of 2021) and 0.2 (short times of 2005 and 2010 that remain valid, without interim targets). µg/m³, CO
mg/m³. 24-hour levels are 99th percentiles of a year, three to four days above; peak season is the mean of the daily
maximum 8-hour O3 over the six worst consecutive months.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Guideline:
    """The air quality guideline level and interim targets 1 to 4, None where there is none, in `unit`."""

    aqg: Decimal
    interim_targets: tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]
    unit: str


_LEVELS: Final = {
    ("PM2.5", "annual"): "5 35 25 15 10",
    ("PM2.5", "24h"): "15 75 50 37.5 25",
    ("PM10", "annual"): "15 70 50 30 20",
    ("PM10", "24h"): "45 150 100 75 50",
    ("O3", "peak_season"): "60 100 70",
    ("O3", "8h"): "100 160 120",
    ("NO2", "annual"): "10 40 30 20",
    ("NO2", "24h"): "25 120 50",
    ("NO2", "1h"): "200",
    ("SO2", "24h"): "40 125 50",
    ("SO2", "10min"): "500",
    ("CO", "24h"): "4 7",
    ("CO", "8h"): "10",
    ("CO", "1h"): "35",
    ("CO", "15min"): "100",
}


def guideline(pollutant: str, averaging: str) -> Guideline:
    """Level and interim targets (WHO 2021, Tables 0.1 and 0.2). Raises ValueError where WHO sets none."""
    row = _LEVELS.get((pollutant, averaging))
    if row is None:
        raise ValueError(f"WHO 2021 has no guideline for {pollutant} {averaging}")
    levels = [Decimal(text) for text in row.split()]
    first, second, third, fourth = (levels[n] if n < len(levels) else None for n in range(1, 5))
    return Guideline(levels[0], (first, second, third, fourth), "mg/m3" if pollutant == "CO" else "ug/m3")
