"""A time as a city feels it: the hour of its day, the weekday, the season, and where the sun stands. Pure."""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from wire.times import DAY_MS, HOUR_MS

_EPOCH: Final = date(1970, 1, 1)
_YEAR_DAYS: Final = 365.2425


class Moment(NamedTuple):
    """Local clock time. `hour` runs from 0 to 24, `weekday` from 0 (Monday), `year_day` from 0; `hours` since 1970."""

    hour: float
    weekday: int
    year_day: float
    day: date
    hours: float


@lru_cache(maxsize=16)  # a city asks many times of one time
def moment(time_ms: int, utc_offset_h: float) -> Moment:
    """UTC milliseconds on the clock of a place without daylight saving."""
    local_ms = time_ms + utc_offset_h * HOUR_MS
    days = math.floor(local_ms / DAY_MS)
    day = _EPOCH + timedelta(days=days)
    hour = (local_ms - days * DAY_MS) / HOUR_MS
    return Moment(hour, day.weekday(), day.timetuple().tm_yday - 1 + hour / 24, day, local_ms / HOUR_MS)


def season(now: Moment, peak_day: float) -> float:
    """1 on the `peak_day` of the year, -1 half a year later."""
    return math.cos(2 * math.pi * (now.year_day - peak_day) / _YEAR_DAYS)


def of_day(now: Moment, peak_hour: float) -> float:
    """1 at the `peak_hour`, -1 half a day later."""
    return math.cos(2 * math.pi * (now.hour - peak_hour) / 24)


def bump(now: Moment, peak_hour: float, width_h: float) -> float:
    """A bell over the day, 1 at its peak and round the clock: its wings meet at night."""
    away = (now.hour - peak_hour + 12) % 24 - 12
    return math.exp(-0.5 * (away / width_h) ** 2)


def sun_height(now: Moment, lat_deg: float) -> float:
    """The sine of the sun's elevation, 0 by night; noon at 12:00 of the local clock (Cooper 1969 for declination)."""
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + now.year_day + 1) / 365)
    turned, lat = math.pi * (now.hour - 12) / 12, math.radians(lat_deg)
    height = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(turned)
    return max(0.0, height)
