"""Weather of a continental city, Beijing's in numbers: season, day, and fronts that wander. Pure.

Means and swings are those of Wanliu 2016 (`real_data/README.md`); docs/city.md lays both side by side.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simulator.city.chance import Chance
from simulator.city.events import Event, force
from simulator.city.moment import bump, moment, of_day, season, sun_height

FRONT_H = 26.0  # steps of the noise behind fronts: half a week from clear to stagnant and back


class Sky(NamedTuple):
    """Weather at a time. `calm` is the state of the front: above 0 stagnant, below 0 swept; `sun` from 0 to 1."""

    temp_c: float
    rh_pct: float
    press_hpa: float
    wind_speed_ms: float
    wind_dir_deg: float
    rain_mm_h: float
    mixing_m: float
    sun: float
    calm: float


class Weather:
    """One seed's weather over a city."""

    def __init__(self, seed: int, lat_deg: float, utc_offset_h: float, events: tuple[Event, ...] = ()) -> None:
        self._lat_deg, self._offset_h, self._events = lat_deg, utc_offset_h, events
        self._known: tuple[int, Sky] | None = None
        names = ("front", "heat", "moist", "gust", "veer", "cloud", "rain", "press")
        self._front, self._heat, self._moist, self._gust, self._veer, self._cloud, self._rain, self._press = (
            Chance(seed, "weather", name) for name in names
        )

    def at(self, time_ms: int) -> Sky:
        """The weather at UTC milliseconds. The air, the traffic and the noise of a time all ask for it."""
        known = self._known
        if known is None or known[0] != time_ms:
            known = self._known = time_ms, self._sky(time_ms)
        return known[1]

    def _sky(self, time_ms: int) -> Sky:
        now = moment(time_ms, self._offset_h)
        inversion, dust = (force(self._events, kind, time_ms) for kind in ("inversion", "dust"))
        front = self._front.smooth(now.hours / FRONT_H)
        swept = min(0.0, front) * min(1.0, inversion)  # winter haze is of stable weather (doi 10.5194/acp-15-2969-2015)
        calm = front - swept + 2.0 * inversion
        rain = self._rain_mm_h(time_ms, now.hours, season(now, 200))
        wet = math.tanh(rain)  # first drops darken and wet little
        cloud = 0.5 + 0.5 * math.tanh(self._cloud.smooth(now.hours / 9) + 1.5 * wet)
        sun = sun_height(now, self._lat_deg) * (1 - 0.65 * cloud)
        warm = 3.2 * self._heat.smooth(now.hours / 52)
        temp = 13.4 - 15.0 * season(now, 15) + 4.6 * of_day(now, 15.3) + warm - 0.3 * rain - 5.0 * inversion
        moist = 4.5 * front + 4.5 * self._moist.smooth(now.hours / 40)  # haze comes on a damp south wind
        dew = 2.5 - 19.0 * season(now, 22) + moist - 15 * dust
        dew = min(dew, temp - 0.6)
        dew += wet * (temp - 0.4 - dew)
        press = 1011.3 + 11.5 * season(now, 8) - 0.7 * warm - 2.4 * front + 2.5 * self._press.smooth(now.hours / 60)
        wind = 1.40 * (1 + 0.25 * season(now, 60)) * (1 + 0.36 * of_day(now, 15.3))
        wind *= math.exp(-0.34 * calm + 0.40 * self._gust.smooth(now.hours / 3) - 0.14) * (1 + 3 * dust)
        mixing = 260 + 1500 * (1 - 0.35 * season(now, 10)) * bump(now, 14.5, 3.2)
        mixing *= math.exp(-0.3 * calm)
        veer = 200 + 120 * self._veer.smooth(now.hours / 20)
        return Sky(
            temp, humidity(temp, dew), press, wind, veer % 360, rain,
            max(60.0, mixing * (1 - 0.7 * min(1.0, inversion))), sun, calm,
        )  # fmt: skip

    def _rain_mm_h(self, time_ms: int, hours: float, summer: float) -> float:
        """Rain where its noise tops a threshold, lower in summer: the monsoon."""
        over = self._rain.smooth(hours / 5) - (2.25 - 0.65 * summer)
        forced = force(self._events, "rain", time_ms)
        return max(0.0, 4.5 * over * (1 + summer)) + 4.0 * forced


def humidity(temp_c: float, dew_c: float) -> float:
    """Relative humidity in per cent (Magnus formula, WMO No. 8 annex 4.B)."""

    def pressure(celsius: float) -> float:
        return math.exp(17.62 * celsius / (243.12 + celsius))

    return min(100.0, 100.0 * pressure(dew_c) / pressure(temp_c))
