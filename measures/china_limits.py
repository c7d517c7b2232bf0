"""China's ambient limits: GB 3095-2026 (transition to 2030-12-31, then final) and GB 3095-2012 before 2026-03-01.

Tables 1 and 2; µg/m³, CO mg/m³. Gases are meant at 298.15 K and 1013.25 hPa, particles at ambient conditions; data from
before the 2018 amendment of GB 3095-2012 are at 273.15 K and want converting first (measures.gases).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

IN_FORCE_2012: Final = date(2012, 2, 29)
TRANSITION_FROM: Final = date(2026, 3, 1)
FINAL_FROM: Final = date(2031, 1, 1)
PERIODS: Final = ("year", "quarter", "24h", "8h", "1h")

_2012: Final = {
    ("SO2", "year"): "20 60",
    ("SO2", "24h"): "50 150",
    ("SO2", "1h"): "150 500",
    ("NO2", "year"): "40 40",
    ("NO2", "24h"): "80 80",
    ("NO2", "1h"): "200 200",
    ("CO", "24h"): "4 4",
    ("CO", "1h"): "10 10",
    ("O3", "8h"): "100 160",
    ("O3", "1h"): "160 200",
    ("PM10", "year"): "40 70",
    ("PM10", "24h"): "50 150",
    ("PM2.5", "year"): "15 35",
    ("PM2.5", "24h"): "35 75",
    ("TSP", "year"): "80 200",
    ("TSP", "24h"): "120 300",
    ("NOx", "year"): "50 50",
    ("NOx", "24h"): "100 100",
    ("NOx", "1h"): "250 250",
    ("Pb", "year"): "0.5 0.5",
    ("Pb", "quarter"): "1.0 1.0",
    ("BaP", "year"): "0.001 0.001",
    ("BaP", "24h"): "0.0025 0.0025",
}
_TRANSITION: Final = _2012 | {
    ("PM10", "year"): "40 60",
    ("PM10", "24h"): "50 120",
    ("PM2.5", "year"): "15 30",
    ("PM2.5", "24h"): "35 60",
}
_FINAL: Final = _TRANSITION | {
    ("SO2", "year"): "20 20",
    ("SO2", "24h"): "50 50",
    ("SO2", "1h"): "150 150",
    ("NO2", "year"): "30 30",
    ("NO2", "24h"): "50 50",
    ("PM10", "year"): "20 50",
    ("PM10", "24h"): "50 100",
    ("PM2.5", "year"): "10 25",
    ("PM2.5", "24h"): "25 50",
    ("NOx", "year"): "40 40",
    ("NOx", "24h"): "70 70",
}
_POLLUTANTS: Final = {pollutant for pollutant, _ in _2012}


@dataclass(frozen=True, slots=True)
class Limit:
    """A concentration that a mean over `period` must not exceed, in `ug/m3` or `mg/m3`, and where it stands."""

    value: Decimal
    unit: str
    edition: str


def limit(pollutant: str, period: str, area_class: int, on: date) -> Limit | None:
    """The limit of GB 3095 on a day, for area class 1 or 2; None where the edition sets none for the period.

    `period` is one of PERIODS; `8h` is the daily maximum 8-hour mean. Raises ValueError for a pollutant, period or
    class that GB 3095 does not know, and for days before its 2012 edition.
    """
    if pollutant not in _POLLUTANTS or period not in PERIODS or area_class not in (1, 2):
        raise ValueError(f"GB 3095 has no {pollutant}, {period}, class {area_class}")
    edition, table = _in_force(on)
    row = table.get((pollutant, period))
    if row is None:
        return None
    return Limit(Decimal(row.split()[area_class - 1]), "mg/m3" if pollutant == "CO" else "ug/m3", edition)


def _in_force(on: date) -> tuple[str, dict[tuple[str, str], str]]:
    if on >= FINAL_FROM:
        return "GB 3095-2026", _FINAL
    if on >= TRANSITION_FROM:
        return "GB 3095-2026 transition", _TRANSITION
    if on >= IN_FORCE_2012:
        return "GB 3095-2012", _2012
    raise ValueError(f"{on}: before GB 3095-2012 of {IN_FORCE_2012}; a clock that is wrong looks like this too")
