"""China's AQI: HJ 633-2026, in force since 2026-03-01, and HJ 633-2012 before; the date chooses.

Tables 1, 3 and A.1 of HJ 633-2026, Tables 1 and 2 of HJ 633-2012; µg/m³, CO mg/m³. The two differ where it shows: the
PM breakpoints at IAQI 100 (PM10 150 became 120, PM2.5 75 became 60), what a real-time report is made of, what becomes
of hourly SO2 and 8-hour O3 above 800, and whether an index is given when a pollutant is missing. The same air has two
AQIs; name the edition.

Concentrations are rounded by GB/T 8170 to whole numbers, CO to one decimal; IAQI and AQI go up to the next integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from measures.index import POLLUTANTS, Band, Concentration, Index, NotInStandard, Scale, known, on_knots, worst
from measures.rounding import half_even, upward

IN_FORCE_2026: Final = date(2026, 3, 1)
IN_FORCE_2012: Final = date(2012, 2, 29)
AQI_MIN: Final = 1
AQI_MAX: Final = 500
LEVELS: Final = ("一级", "二级", "三级", "四级", "五级", "六级")
"""How Table 1 writes levels 1 to 6."""

_BANDS: Final = (
    Band(50, "优", "#00E400"),
    Band(100, "良", "#FFFF00"),
    Band(150, "轻度污染", "#FF7E00"),
    Band(200, "中度污染", "#FF0000"),
    Band(300, "重度污染", "#99004C"),
    Band(AQI_MAX, "严重污染", "#7E0023"),
)
HJ_633_2012: Final = Scale("HJ 633", "2012", _BANDS)
HJ_633_2026: Final = Scale("HJ 633", "2026", _BANDS)

_IAQI: Final = (0, 50, 100, 150, 200, 300, 400, 500)
_COLUMNS: Final = {
    ("SO2", "24h"): (0, 50, 150, 475, 800, 1600, 2100, 2620),
    ("SO2", "1h"): (0, 150, 500, 650, 800),
    ("NO2", "24h"): (0, 40, 80, 180, 280, 565, 750, 940),
    ("NO2", "1h"): (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    ("CO", "24h"): (0, 2, 4, 14, 24, 36, 48, 60),
    ("CO", "1h"): (0, 5, 10, 35, 60, 90, 120, 150),
    ("O3", "8h"): (0, 100, 160, 215, 265, 800),
    ("O3", "1h"): (0, 160, 200, 300, 400, 800, 1000, 1200),
}
_PM_2012: Final = {
    ("PM10", "24h"): (0, 50, 150, 250, 350, 420, 500, 600),
    ("PM2.5", "24h"): (0, 35, 75, 115, 150, 250, 350, 500),
}
_PM10_2026, _PM25_2026 = (0, 50, 120, 250, 350, 420, 500, 600), (0, 35, 60, 115, 150, 250, 350, 500)
_PM_2026: Final = {
    ("PM10", "24h"): _PM10_2026,
    ("PM10", "1h"): _PM10_2026,  # 4.2.4: the hourly mean of a real-time report is read off the daily column
    ("PM2.5", "24h"): _PM25_2026,
    ("PM2.5", "1h"): _PM25_2026,
}
_TABLES: Final[Mapping[str, Mapping[tuple[str, str], tuple[int, ...]]]] = {
    "2012": _COLUMNS | _PM_2012,
    "2026": _COLUMNS | _PM_2026,
}


class Report(StrEnum):
    """The two reports of HJ 633: of a natural day, and of the hour."""

    DAILY = "daily"
    REALTIME = "realtime"


_DAY: Final = {(pollutant, "24h") for pollutant in POLLUTANTS if pollutant != "O3"} | {("O3", "8h")}
_GAS_HOUR: Final = {(gas, "1h") for gas in ("SO2", "NO2", "CO", "O3")}
_MEANS: Final = {
    ("2026", Report.DAILY): _DAY,
    ("2026", Report.REALTIME): {(pollutant, "1h") for pollutant in POLLUTANTS},
    ("2012", Report.DAILY): _DAY | {("O3", "1h")},
    # 2012: PM as 24-hour moving means; SO2 24 h and O3 8 h stand in where their hourly column ends
    ("2012", Report.REALTIME): _GAS_HOUR | {("O3", "8h"), ("SO2", "24h"), ("PM10", "24h"), ("PM2.5", "24h")},
}


@dataclass(frozen=True, slots=True)
class Aqi:
    """A report: the AQI, None where the edition gives none, and each monitored pollutant's IAQI, None where missing."""

    index: Index | None
    iaqi: dict[str, Index | None]

    @property
    def text(self) -> str:
        """How HJ 633-2026 5.3.1 publishes it: the number, or `NA` where a missing pollutant hides the answer."""
        return "NA" if self.index is None else str(self.index.value)


def scale(on: date) -> Scale:
    """The edition in force on a day. Raises ValueError before HJ 633-2012 was issued (2012-02-29)."""
    if on < IN_FORCE_2012:
        raise ValueError(f"{on}: before HJ 633-2012 of {IN_FORCE_2012}; a clock that is wrong looks like this too")
    return HJ_633_2026 if on >= IN_FORCE_2026 else HJ_633_2012


def level_tops(pollutant: str, averaging: str, on: date) -> tuple[int, ...]:
    """The concentrations at which levels 1 to 5 end (HJ 633-2026 Table 3), fewer where the column ends before.

    Raises NotInStandard for a mean that the edition's table does not have.
    """
    edition = scale(on)
    column = _TABLES[edition.edition].get((pollutant, averaging))
    if column is None:
        raise NotInStandard(f"{edition.standard}-{edition.edition} has no {pollutant} {averaging} mean")
    tops = {band.top for band in edition.bands[:-1]}
    return tuple(knot for knot, index in zip(column, _IAQI, strict=False) if index in tops)


def rounded(concentration: Concentration, on: date) -> Decimal | None:
    """The value as HJ 633-2026 4.2.2 rounds it (GB/T 8170): whole, CO to one decimal. None when missing.

    Raises NotInStandard for a mean that the edition's table does not have, and for units other than µg/m³ and, for
    CO, mg/m³.
    """
    edition = scale(on)
    column = _TABLES[edition.edition].get(concentration.key)
    is_co = concentration.pollutant == "CO"
    unit = ("mg/m3" if is_co else "ug/m3") if column else None
    value = known(concentration, unit, column[1] if column else 0, f"{edition.standard}-{edition.edition}")
    return None if value is None else half_even(value, 1 if is_co else 0)


def sub_index(concentration: Concentration, on: date) -> Index | None:
    """IAQI of one mean (HJ 633-2026 eq. 1 and Table 3; HJ 633-2012 Table 1), at most 500; primary when above 50.

    Beyond 800 the columns of hourly SO2 and 8-hour O3 end: 2026 counts them as 200 and 300, 2012 gives None and
    takes the other averaging time. None also when the mean is missing. Raises NotInStandard.
    """
    edition = scale(on)
    value = rounded(concentration, on)
    if value is None:
        return None
    knots = list(zip(_TABLES[edition.edition][concentration.key], _IAQI, strict=False))
    iaqi = on_knots(value, knots)
    last = knots[-1][1]
    if iaqi is None and last < AQI_MAX and edition is HJ_633_2012:
        return None
    return _primary_above_50(edition, last if iaqi is None else upward(iaqi), (concentration.pollutant,))


def aqi(concentrations: Iterable[Concentration], report: Report, on: date) -> Aqi:
    """AQI and primary pollutants of a report (HJ 633-2026 4.3 and 5.3; HJ 633-2012): the largest IAQI, 1 to 500.

    Give each monitored pollutant, with value None where its mean is missing; one that is not monitored is left out.
    With a pollutant missing it may not be published (`is_published`). The primary pollutants are those with the
    largest IAQI, tied ones together, when it is above 50. Raises NotInStandard for a mean the report is not made of.
    """
    edition = scale(on)
    iaqi: dict[str, Index | None] = {}
    for concentration in concentrations:
        if concentration.key not in _MEANS[edition.edition, report]:
            what = f"{concentration.pollutant} {concentration.averaging}"
            raise NotInStandard(f"HJ 633-{edition.edition} makes no {report} report of {what} means")
        found = sub_index(concentration, on)
        before = iaqi.get(concentration.pollutant)
        if before is None or (found is not None and found.value > before.value):
            iaqi[concentration.pollutant] = found
    top = worst(index for index in iaqi.values() if index is not None)
    if top is None or not is_published(top[0], None in iaqi.values(), on):
        return Aqi(None, iaqi)
    return Aqi(_primary_above_50(edition, max(top[0], AQI_MIN), top[1]), iaqi)


def is_published(value: int, is_missing: bool, on: date) -> bool:
    """Whether an index is published although a monitored pollutant is missing: 2026 only above 100 (5.3.1)."""
    return not is_missing or scale(on) is not HJ_633_2026 or value > 100


def category(value: int, on: date) -> Index:
    """Category, level and colour of an AQI value (HJ 633-2026 Tables 1 and A.1; HJ 633-2012 Table 2).

    Raises ValueError outside 0 to 500.
    """
    return scale(on).at(value)


def _primary_above_50(edition: Scale, value: int, pollutants: tuple[str, ...]) -> Index:
    return edition.at(value, pollutants if value > 50 else ())
