"""The demo's city: what three lampposts stand in, at a chosen speed.

One city (`simulator/city`) holds all three, so that air, weather and traffic go together, and real data drives it: the
air is Beijing Wanliu on the night of the Lunar New Year 2016, when fireworks took PM2.5 past 900 µg/m³; how busy the
streets are is told by the hourly volume of I-94 in Minneapolis. Each lamppost sees both a little differently.

Vehicles drive in true time, for a radar cannot be hurried: their number and speed are those of the simulated hour.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from firmware_stubs.road import Vehicle
from simulator.city.city import City, Place
from simulator.city.replayed import Replayed
from simulator.city.traffic import HEAVY_SHARE

START_MS = round(datetime(2016, 2, 7, 21, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
AIR_FROM = "2016-02-07T21:00"
TRAFFIC_FROM = "2017-05-04T05:00"
HEADWAY_S = 2.5  # nobody follows closer
CAR_M, LORRY_M = 4.4, 10.5
_PARTICLES = ("pm1_ugm3", "pm25_ugm3", "pm10_ugm3")


@dataclass(frozen=True, slots=True)
class Lamppost:
    """One station of the demo: its names and place, and how its street differs from the others."""

    node: str
    site: str
    zh: str
    en: str
    lat: float
    lon: float
    air_factor: float
    mean_vph: float  # of one direction


LAMPPOSTS = (
    Lamppost("lp-0001", "jianguo-rd-east", "建国路东口", "Jianguo Rd East", 39.9087, 116.4605, 1.0, 420.0),
    Lamppost("lp-0002", "nanhu-park", "南湖公园", "Nanhu Park", 39.9921, 116.4712, 0.85, 200.0),
    Lamppost("lp-0003", "station-square", "站前广场", "Station Square", 39.9022, 116.4272, 1.15, 310.0),
)


def city_of(lampposts: tuple[Lamppost, ...], seed: int) -> City:
    """The city that all of them stand in."""
    places = tuple(Place(lamppost.node, lamppost.mean_vph) for lamppost in lampposts)
    real = (Replayed("beijing", AIR_FROM, START_MS), Replayed("i94", TRAFFIC_FROM, START_MS))
    return City(seed, places=places, replayed=real)


class Street:
    """What one lamppost feels and sees. Times are seconds since the demo began; `speed`: simulated s per s."""

    def __init__(self, city: City, lamppost: Lamppost, speed: float) -> None:
        self._city, self._lamppost, self._speed = city, lamppost, speed
        self._rng = random.Random(f"{city.seed} {lamppost.node}")

    def air(self, time_s: float) -> dict[str, float]:
        """Everything a sensor could feel at a time; particles keep their order: PM1 <= PM2.5 <= PM10."""
        felt = self._city.world(self._lamppost.node, self._simulated_ms(time_s))
        share = self._lamppost.air_factor * self._rng.uniform(0.97, 1.03)
        return felt | {name: felt[name] * share for name in _PARTICLES}

    def next_vehicle(self, direction: str, time_s: float) -> Vehicle:
        """The vehicle that comes next after `time_s`, towards the radar (`in`) or away from it (`out`)."""
        flow = self._city.traffic(self._lamppost.node).flow(self._simulated_ms(time_s), direction)
        wait_s = HEADWAY_S + self._rng.expovariate(max(flow.vph, 20.0) / 3600)
        speed_kmh = max(8.0, flow.speed_kmh * (1 + 0.12 * self._rng.gauss(0, 1)))
        length_m = LORRY_M if self._rng.random() < HEAVY_SHARE else CAR_M
        return Vehicle(time_s + wait_s, speed_kmh if direction == "in" else -speed_kmh, length_m)

    def _simulated_ms(self, time_s: float) -> int:
        return START_MS + round(time_s * self._speed * 1000)
