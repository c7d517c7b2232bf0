"""The US EPA's AQI of a station's hour or day: NowCast of particles, gases in the AQI's own units. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Final

from collector.numbers.hour_means import LOOK_BACK_MS, HourMeans
from collector.numbers.pollutants import PARTICLES, POLLUTANTS, Made, believed
from collector.numbers.reporting import Reporting, Standard
from collector.numbers.windows import valid_hour
from measures import us_aqi
from measures.completeness import EU_8H, US_8H_MAX, US_DAY, is_mda8_valid
from measures.gases import ReferenceState, converted
from measures.index import OF_QUANTITY, Concentration, Index
from measures.nowcast import HOURS as NOWCAST_HOURS
from measures.nowcast import nowcast
from measures.rounding import truncated
from wire.times import HOUR_MS

O3_LIMIT_PPM: Final = Decimal("0.070")
"""40 CFR 50.19: above it a day counts although hours are missing (App. U); means are truncated to its digits."""
_UNIT: Final = {"no2_ugm3": ("ppb", 5), "so2_ugm3": ("ppb", 5), "o3_ugm3": ("ppm", 8), "co_mgm3": ("ppm", 5)}
"""The AQI's unit, and the decimals that are sure in it: means are stored with six of µg/m³ or mg/m³, and a mean of
means is rounded twice. What lies that close below a breakpoint is on it, and must not be truncated away from it."""


def hour_index(means: HourMeans, _: Standard, reporting: Reporting, hour_ms: int) -> Made:
    """The AQI of an hour, of what has been measured in the day that ends with it."""
    names = means.monitored(POLLUTANTS, hour_ms - LOOK_BACK_MS + HOUR_MS, hour_ms + HOUR_MS)
    given = []
    for name in names:
        if name in PARTICLES and (cast := _nowcast(means, name, hour_ms)) is not None:
            given.append(cast)
        if name in ("o3_ugm3", "co_mgm3"):
            given.append(_gas(name, "8h", means.running(name, hour_ms, 8, EU_8H), reporting.state))
        if name in ("o3_ugm3", "so2_ugm3", "no2_ugm3"):
            given.append(_gas(name, "1h", means.hour(name, hour_ms), reporting.state))
        if name == "so2_ugm3":
            given.append(_gas(name, "24h", means.running(name, hour_ms, 24, US_DAY), reporting.state))
    return _made(given)


def _nowcast(means: HourMeans, name: str, hour_ms: int) -> Concentration | None:
    """NowCast of the hours that end with this one, read off the 24-hour column; None where too few are valid."""
    first_ms = hour_ms - (NOWCAST_HOURS - 1) * HOUR_MS
    stored = (valid_hour(means.hours.get(first_ms + n * HOUR_MS, {}), name) for n in range(NOWCAST_HOURS))
    given = believed((Concentration.of_quantity(name, "24h", value) for value in stored), us_aqi.sub_index)
    cast = nowcast(OF_QUANTITY[name][0], [one.value for one in given])
    if cast is None:
        return None
    means.shares.append(sum(one.value is not None for one in given) / NOWCAST_HOURS)
    return cast.concentration


def day_index(means: HourMeans, _: Standard, reporting: Reporting, day: tuple[int, int]) -> Made:
    """The AQI of a local day, which is one of standard time also in summer."""
    state, day = reporting.state, _in_standard_time(day, reporting)
    given = []
    for name in means.monitored(POLLUTANTS, *day):
        if name in PARTICLES:
            given.append(Concentration.of_quantity(name, "24h", means.mean(name, *day, US_DAY)))
        if name == "o3_ugm3":  # 17 means, beginning 07:00 to 23:00 (40 CFR 50 App. U)
            first_ms = day[0] + 7 * HOUR_MS
            largest = means.largest_8h(name, first_ms, 17, EU_8H, lambda n, top: _is_mda8(n, top, state))
            given.append(_gas(name, "8h", largest, state))
        if name == "co_mgm3":  # 24 means, ending in each hour of the day (AQS: "8-hr run avg end hour")
            largest = means.largest_8h(name, day[0] - 7 * HOUR_MS, 24, EU_8H, lambda n, _: US_DAY.is_met(n))
            given.append(_gas(name, "8h", largest, state))
        if name in ("o3_ugm3", "so2_ugm3", "no2_ugm3"):
            given.append(_gas(name, "1h", means.largest(name, *day, US_DAY), state))
        if name == "so2_ugm3":
            given.append(_gas(name, "24h", means.mean(name, *day, US_DAY), state))
    return _made(given)


def _is_mda8(means_8h: int, largest_ugm3: float | None, state: ReferenceState) -> bool:
    ppm = _gas("o3_ugm3", "8h", largest_ugm3, state).value
    return is_mda8_valid(means_8h, None if ppm is None else truncated(ppm, 3), O3_LIMIT_PPM, US_8H_MAX)


def _in_standard_time(day: tuple[int, int], reporting: Reporting) -> tuple[int, int]:
    """The 24 hours from midnight to midnight of local standard time (40 CFR 50 App. N, S, T, U), also in summer."""
    local = datetime.fromtimestamp(day[0] / 1000, reporting.zone)  # 01:00 where the clock goes on at midnight
    standard = timezone((local.utcoffset() or timedelta()) - (local.dst() or timedelta()))
    midnight = datetime.combine(local, time(), standard)
    start_ms = round(midnight.timestamp() * 1000)
    return start_ms, start_ms + 24 * HOUR_MS


def _gas(name: str, averaging: str, mean: float | None, state: ReferenceState) -> Concentration:
    unit, decimals = _UNIT[name]
    found = converted(Concentration.of_quantity(name, averaging, mean), unit, state)
    value = None if found.value is None else round(float(found.value), decimals)
    return Concentration(found.pollutant, averaging, value, unit)


def _made(given: list[Concentration]) -> Made:
    given = believed(given, us_aqi.sub_index)
    parts: dict[str, Index] = {}
    for (pollutant, _), index in us_aqi.sub_indices(given).items():
        if pollutant not in parts or index.value > parts[pollutant].value:
            parts[pollutant] = index
    return us_aqi.SCALE, us_aqi.overall(given), parts
