"""HJ 633 of a station's hour or day, in the edition that is in force or that the station names. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from collector.numbers.hour_means import LOOK_BACK_MS, HourMeans
from collector.numbers.pollutants import GASES, PARTICLES, POLLUTANTS, Made, at_state, believed
from collector.numbers.reporting import Reporting, Standard
from measures import china_aqi
from measures.china_aqi import IN_FORCE_2012, IN_FORCE_2026, Report
from measures.completeness import GB_8H, GB_DAY, is_mda8_valid
from measures.gases import CHINA_25C, ReferenceState
from measures.index import Concentration
from measures.rounding import half_even
from wire.times import HOUR_MS

CHINA_25C_FROM: Final = date(2018, 9, 1)
"""Since then GB 3095 means gases at 298.15 K (amendment of 2018), before at 273.15 K."""
O3_LIMIT_UGM3: Final = 160
"""GB 3095 class 2, 8-hour daily maximum: above it a day counts although hours are missing (HJ 663-2013).

Means are rounded before they are compared: 160.4 is no exceedance, and its sub-index is 100."""


def edition_day(standard: Standard, reporting: Reporting, time_ms: int) -> date:
    """A day that chooses the edition: the day itself, or the first day of the edition that the station names."""
    if standard == "china-2012":
        return IN_FORCE_2012
    if standard == "china-2026":
        return IN_FORCE_2026
    return datetime.fromtimestamp(time_ms / 1000, reporting.zone).date()


def _state(reporting: Reporting, time_ms: int) -> ReferenceState:
    """What GB 3095 means gases at. Older readings are filled in as they were published, and taken as they stand."""
    return CHINA_25C if edition_day("china", reporting, time_ms) >= CHINA_25C_FROM else reporting.state


def hour_index(means: HourMeans, standard: Standard, reporting: Reporting, hour_ms: int) -> Made:
    """The real-time AQI of an hour, of what has been measured in the day that ends with it."""
    on, target = edition_day(standard, reporting, hour_ms), _state(reporting, hour_ms)

    def of(name: str, averaging: str, mean: float | None) -> Concentration:
        return at_state(target, name, averaging, mean, reporting.state)

    names = means.monitored(POLLUTANTS, hour_ms - LOOK_BACK_MS + HOUR_MS, hour_ms + HOUR_MS)
    if china_aqi.scale(on) is china_aqi.HJ_633_2026:
        given = [of(name, "1h", means.hour(name, hour_ms)) for name in names]
        return _made(given, Report.REALTIME, on)
    of_a_day = [name for name in names if name in (*PARTICLES, "so2_ugm3")]
    given = [of(name, "24h", means.running(name, hour_ms, 24, GB_DAY)) for name in of_a_day]
    given += [of(name, "1h", means.hour(name, hour_ms)) for name in names if name in GASES]
    given += [of(name, "8h", means.running(name, hour_ms, 8, GB_8H)) for name in names if name == "o3_ugm3"]
    return _made(given, Report.REALTIME, on)


def day_index(means: HourMeans, standard: Standard, reporting: Reporting, day: tuple[int, int]) -> Made:
    """The daily AQI of a local day."""
    on, target, state = edition_day(standard, reporting, day[0]), _state(reporting, day[0]), reporting.state
    given = []
    for name in means.monitored(POLLUTANTS, *day):
        if name == "o3_ugm3":
            windows = (day[1] - day[0]) // HOUR_MS - 7
            largest = means.largest_8h(name, day[0], windows, GB_8H, lambda n, top: _is_mda8(n, top, target, state))
            given.append(at_state(target, name, "8h", largest, state))
            if china_aqi.scale(on) is china_aqi.HJ_633_2012:
                given.append(at_state(target, name, "1h", means.largest(name, *day, GB_DAY), state))
        else:
            given.append(at_state(target, name, "24h", means.mean(name, *day, GB_DAY), state))
    return _made(given, Report.DAILY, on)


def _is_mda8(means_8h: int, largest_ugm3: float | None, target: ReferenceState, state: ReferenceState) -> bool:
    value = at_state(target, "o3_ugm3", "8h", largest_ugm3, state).value
    return is_mda8_valid(means_8h, None if value is None else half_even(value), O3_LIMIT_UGM3)


def _made(given: list[Concentration], report: Report, on: date) -> Made:
    found = china_aqi.aqi(believed(given, lambda one: china_aqi.sub_index(one, on)), report, on)
    return china_aqi.scale(on), found.index, found.iaqi
