"""Air at street level: what a city emits, thinned by wind and mixing, on top of what the region brings. Pure.

Everything is a function of the time alone, so no concentration is integrated: a front that has been stagnant (`calm`)
stands for what has piled up. Nitrogen oxides and ozone are in photostationary balance: NO takes up ozone, sunlight
gives it back (Leighton 1961), which is why the two are opposed, at the kerb and by night most of all. PM1 <= PM2.5 <=
PM10 by construction.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from simulator.city.chance import Chance
from simulator.city.events import Event, force
from simulator.city.moment import Moment, bump, moment, season
from simulator.city.traffic import Traffic, winter
from simulator.city.weather import FRONT_H, Sky, Weather

UGM3_OF_PPB: Final = {"no2": 1.882, "o3": 1.963, "no": 1.227}
"""µg/m³ of 1 ppb at 25 °C and 1013.25 hPa: molar mass / 24.45 (GB 3095-2012 amendment of 2018)."""


class Air(NamedTuple):
    """Concentrations in µg/m³, CO in mg/m³, CO2 in ppm."""

    pm1_ugm3: float
    pm25_ugm3: float
    pm10_ugm3: float
    no_ugm3: float
    no2_ugm3: float
    o3_ugm3: float
    so2_ugm3: float
    co_mgm3: float
    co2_ppm: float


class AirOfPlace:
    """Air before one lamppost. `kerb` is how near the traffic is: 0 over the roofs, 1 at the kerb of a busy street."""

    def __init__(
        self, seed: int, place: str, weather: Weather, traffic: Traffic, utc_offset_h: float, kerb: float,
        events: tuple[Event, ...],
    ) -> None:  # fmt: skip
        self._weather, self._traffic, self._offset_h = weather, traffic, utc_offset_h
        self._kerb, self._events = kerb, events
        names = ("region", "slow", "coarse", "ozone", "coal", "burnt")
        self._region, self._slow, self._coarse, self._ozone, self._coal, self._burnt = (
            Chance(seed, "air", name) for name in names
        )
        self._local, self._gas = Chance(seed, "air", "local", place), Chance(seed, "air", "gas", place)

    def at(self, time_ms: int) -> Air:
        """The air at UTC milliseconds."""
        now, sky = moment(time_ms, self._offset_h), self._weather.at(time_ms)
        busy = self._traffic.activity(time_ms)
        lag = math.sqrt(sky.wind_speed_ms / 1.5)
        thinning = max(0.25, lag * (sky.mixing_m / 520) ** 0.36)
        stale = (sky.mixing_m / 520) ** -0.28
        load = self._load(now, sky)
        pm25, pm10 = self._particles(time_ms, now, sky, busy / thinning, load)
        no, no2, o3 = self._oxidants(now, sky, busy / thinning, load * stale**1.6)
        heat = winter(now)
        coal = math.exp(0.7 * self._coal.smooth(now.hours / 30) - 0.24)
        so2 = 2.2 + (1.5 + 15 * heat * heat) * coal * (1 + 0.45 * bump(now, 11, 3)) * load**0.35
        burnt = math.exp(0.42 * self._burnt.smooth(now.hours / 22) - 0.09)
        co = 0.22 + (0.36 + 0.95 * heat) * burnt * load**0.7 * stale + (0.09 + 0.5 * self._kerb) * busy / thinning
        smoke = force(self._events, "fireworks", time_ms)
        pm1 = pm25 * (0.66 + 0.05 * self._gas.smooth(now.hours / 7))
        co2 = self._co2_ppm(now, sky, busy / thinning, co)
        return Air(pm1, pm25, pm10, no, no2, o3, so2 + 110 * smoke, co + 0.6 * smoke, co2)

    def _co2_ppm(self, now: Moment, sky: Sky, fresh: float, co_mgm3: float) -> float:
        """What the region burns goes with its CO, what lives breathes into the shallow air of a night, and leaves take
        up by day; at the kerb comes exhaust, a hundred times its CO by volume (petrol cars with catalysts).

        Beijing's mean is 448 ppm (Yang et al. 2021, doi 10.5194/acp-21-11741-2021); on a residential street of Phoenix
        workdays' mornings are 22 ppm in summer and 36 in winter above weekends' (Idso et al. 2002).
        """
        green = 0.5 + 0.5 * season(now, 200)
        breath: float = (10 + 8 * green) * (520 / sky.mixing_m) ** 0.7
        return 399 + 16 * co_mgm3 + breath - 14 * green * sky.sun + (6 + 40 * self._kerb) * fresh

    def _load(self, now: Moment, sky: Sky) -> float:
        """What has piled up over the region: 1 in the middle, many times that when stagnant, little after a front."""
        slow = self._region.smooth(now.hours / FRONT_H)
        fast = self._slow.smooth(now.hours / 5)
        return math.exp(0.62 * sky.calm + 0.66 * slow + 0.22 * fast - 0.33)

    def _particles(self, time_ms: int, now: Moment, sky: Sky, fresh: float, load: float) -> tuple[float, float]:
        washed = math.exp(-0.25 * min(4.0, sky.rain_mm_h))
        night = 1 + 0.10 * math.cos(2 * math.pi * (now.hour - 23) / 24)
        own = math.exp(0.10 * self._local.smooth(now.hours / 0.7))
        pm25 = (62 * (1 + 0.27 * season(now, 345)) * night * load + (3 + 9 * self._kerb) * fresh) * washed * own
        smoke, dust = (force(self._events, kind, time_ms) for kind in ("fireworks", "dust"))
        pm25 += smoke * 620 * math.exp(0.2 * self._local.smooth(now.hours / 0.4)) + 160 * dust
        dry = max(0.2, 1.25 - sky.rh_pct / 110) * washed
        stirred = (3 + 9 * self._kerb) * fresh + 4 * sky.wind_speed_ms * (1 + 0.3 * season(now, 100))
        coarse = (8 * night + stirred) * dry * math.exp(0.75 * self._coarse.smooth(now.hours / 14)) + 0.05 * pm25
        return max(1.0, pm25), max(1.0, pm25) + max(0.5, coarse + 1150 * dust)

    def _oxidants(self, now: Moment, sky: Sky, fresh: float, load: float) -> tuple[float, float, float]:
        """NO, NO2 and O3 in µg/m³ from nitrogen oxides, the region's ozone and the sun, in ppb."""
        heat = winter(now)
        own = math.exp(0.12 * self._gas.smooth(now.hours / 1.5))
        nox = (32 + 20 * heat) * load**0.62 + (5 + 115 * self._kerb) * fresh * own
        warm = max(0.0, sky.temp_c - 2) / 24
        made = bump(now, 16, 3.8) * warm**1.3 * math.exp(0.33 * self._ozone.smooth(now.hours / 30))
        region = (22 + 9 * season(now, 135)) * (1 + 0.35 * math.tanh(sky.wind_speed_ms - 1.4)) + 58 * made
        oxidant = region + 0.22 * nox + 8 * load**0.5
        balance = 3 + 26 * sky.sun  # [NO][O3]/[NO2] in ppb: photolysis by reaction rate
        total = nox + oxidant + balance
        no2 = (total - math.sqrt(total * total - 4 * nox * oxidant)) / 2
        o3 = max(0.6, oxidant - no2)
        gases = {"no": nox - no2, "no2": no2, "o3": o3}
        no_ugm3, no2_ugm3, o3_ugm3 = (max(0.2, ppb) * UGM3_OF_PPB[gas] for gas, ppb in gases.items())
        return no_ugm3, no2_ugm3, o3_ugm3
