"""European Air Quality Index as revised by the EEA in 2024 (ETC HE Report 2024/17): five hourly means, the worst wins.

Bands 1 to 6 in µg/m³ at the EU's reference state (20 °C, 1013.25 hPa). Before late 2024 the EEA used other bands and
24-hour running means of PM, and many portals still do: never mix the two in one curve.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from measures.index import Band, BandTable, Concentration, Index, Scale

SCALE: Final = Scale(
    "EEA EAQI",
    "2024",
    (
        Band(1, "Good", "#50F0E6"),
        Band(2, "Fair", "#50CCAA"),
        Band(3, "Moderate", "#F0E641"),
        Band(4, "Poor", "#FF5050"),
        Band(5, "Very poor", "#960032"),
        Band(6, "Extremely poor", "#7D2181"),
    ),
)
_TABLE: Final = BandTable(
    SCALE,
    {
        ("PM2.5", "1h"): (5, 15, 50, 90, 140),
        ("PM10", "1h"): (15, 45, 120, 195, 270),
        ("NO2", "1h"): (10, 25, 60, 100, 150),
        ("O3", "1h"): (60, 100, 120, 160, 180),
        ("SO2", "1h"): (20, 40, 125, 190, 275),
    },
)


def level_tops(pollutant: str, averaging: str) -> tuple[int, ...]:
    """The concentrations at which bands 1 to 5 end; KeyError for a mean that the table does not have."""
    return _TABLE.tops[(pollutant, averaging)]


def sub_index(concentration: Concentration) -> Index | None:
    """Band 1 to 6 of one hourly mean (ETC HE 2024/17, band table); None when missing. Raises NotInStandard."""
    return _TABLE.sub_index(concentration)


def overall(concentrations: Iterable[Concentration]) -> Index | None:
    """The worst band of the hour and the pollutants in it (ETC HE 2024/17); None when no mean is there."""
    return _TABLE.overall(concentrations)
