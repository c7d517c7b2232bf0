"""The demo's city: what three lampposts stand in, replayed from real data at a chosen speed. Pure.

Air is Beijing Wanliu on the night of the Lunar New Year 2016, when fireworks took PM2.5 past 900 µg/m³; traffic is the
hourly volume of I-94 in Minneapolis. Each lamppost sees both a little differently.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulator.replay import BEIJING, I94, SeriesOfHours, start_s

AIR_FROM = "2016-02-07T21:00"
TRAFFIC_FROM = "2017-05-04T05:00"
LANES = 5  # the counter on I-94 saw all lanes; a lamppost sees one direction of one lane
SPEED_KMH = 47.0


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
    traffic_factor: float


LAMPPOSTS = (
    Lamppost("lp-0001", "jianguo-rd-east", "建国路东口", "Jianguo Rd East", 39.9087, 116.4605, 1.0, 1.0),
    Lamppost("lp-0002", "nanhu-park", "南湖公园", "Nanhu Park", 39.9921, 116.4712, 0.85, 0.5),
    Lamppost("lp-0003", "station-square", "站前广场", "Station Square", 39.9022, 116.4272, 1.15, 0.75),
)


class Street:
    """The air and traffic before one lamppost. Times are seconds since the demo began; `speed`: simulated s per s."""

    def __init__(self, lamppost: Lamppost, speed: float, seed: int) -> None:
        self._lamppost = lamppost
        self._speed = speed
        self._rng = random.Random(f"{seed} {lamppost.node}")
        self._pm25 = SeriesOfHours(BEIJING, "pm25_ugm3")
        self._pm10 = SeriesOfHours(BEIJING, "pm10_ugm3")
        self._volume = SeriesOfHours(I94, "traffic_volume_veh_h")
        self._air_from_s = start_s(AIR_FROM)
        self._traffic_from_s = start_s(TRAFFIC_FROM)

    def air(self, time_s: float) -> dict[str, float]:
        """Particles at a time, with the sensors' order kept: PM1 <= PM2.5 <= PM10."""
        at = self._air_from_s + time_s * self._speed
        pm25 = self._pm25.at(at) * self._lamppost.air_factor * self._rng.uniform(0.97, 1.03)
        pm10 = max(pm25, self._pm10.at(at) * self._lamppost.air_factor)
        return {"pm1_ugm3": 0.7 * pm25, "pm25_ugm3": pm25, "pm10_ugm3": pm10}

    def next_vehicle(self, time_s: float) -> tuple[float, float]:
        """When the next vehicle comes after `time_s`, and its signed speed in km/h: positive towards the radar."""
        hourly = self._volume.at(self._traffic_from_s + time_s * self._speed) / LANES * self._lamppost.traffic_factor
        wait_s = 2.5 + self._rng.expovariate(max(hourly, 20.0) / 3600)
        speed_kmh = max(8.0, self._rng.gauss(SPEED_KMH, 7.0))
        return time_s + wait_s, speed_kmh if self._rng.random() < 0.5 else -speed_kmh
