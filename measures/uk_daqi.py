"""UK Daily Air Quality Index, 1 to 10 (Defra, breakpoints in force since 2013-01-01, as on UK-AIR).

Each pollutant has an averaging time of its own: SO2 15 minutes, NO2 one hour, O3 running 8 hours, PM 24 hours. µg/m³ at
20 °C and 1013.25 hPa. Unlike elsewhere every value has its own colour, so `level` is the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from measures.index import Band, BandTable, Concentration, Index, Scale

SCALE: Final = Scale(
    "UK DAQI",
    "2013",
    (
        Band(1, "Low", "#9CFF9C"),
        Band(2, "Low", "#31FF00"),
        Band(3, "Low", "#31CF00"),
        Band(4, "Moderate", "#FFFF00"),
        Band(5, "Moderate", "#FFCF00"),
        Band(6, "Moderate", "#FF9A00"),
        Band(7, "High", "#FF6464"),
        Band(8, "High", "#FF0000"),
        Band(9, "High", "#990000"),
        Band(10, "Very High", "#CE30FF"),
    ),
)
_TABLE: Final = BandTable(
    SCALE,
    {
        ("NO2", "1h"): (67, 134, 200, 267, 334, 400, 467, 534, 600),
        ("SO2", "15min"): (88, 177, 266, 354, 443, 532, 710, 887, 1064),
        ("O3", "8h"): (33, 66, 100, 120, 140, 160, 187, 213, 240),
        ("PM2.5", "24h"): (11, 23, 35, 41, 47, 53, 58, 64, 70),
        ("PM10", "24h"): (16, 33, 50, 58, 66, 75, 83, 91, 100),
    },
)


def level_tops(pollutant: str, averaging: str) -> tuple[int, ...]:
    """The concentrations at which values 1 to 9 end; KeyError for a mean that the table does not have."""
    return _TABLE.tops[(pollutant, averaging)]


def sub_index(concentration: Concentration) -> Index | None:
    """Index 1 to 10 of one mean (UK-AIR, table of DAQI bands); None when missing. Raises NotInStandard."""
    return _TABLE.sub_index(concentration)


def overall(concentrations: Iterable[Concentration]) -> Index | None:
    """The highest index and the pollutants that have it (UK-AIR, DAQI); None when no mean is there."""
    return _TABLE.overall(concentrations)
