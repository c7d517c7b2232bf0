"""A city: one weather, and places that differ in traffic, kerb and chance. Pure functions of place, time and seed.

city = City(seed=7)
city.air("lp-0001", time_ms)   city.weather(time_ms)   city.traffic("lp-0001").vehicles(from_ms, to_ms)
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.city.air import Air, AirOfPlace
from simulator.city.chance import Chance
from simulator.city.events import Event
from simulator.city.replayed import Replayed
from simulator.city.traffic import Traffic
from simulator.city.weather import Sky, Weather

LAT_DEG, UTC_OFFSET_H = 39.9, 8.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lamppost stands. `mean_vph`: vehicles in the mean hour and direction; `kerb`: 0 roofs to 1 kerb."""

    name: str
    mean_vph: float = 300.0
    kerb: float = 0.2


class City:
    """One seed's city. Places that were never described draw their own traffic and kerb from their name."""

    def __init__(
        self, seed: int, events: tuple[Event, ...] = (), places: tuple[Place, ...] = (),
        replayed: tuple[Replayed, ...] = (),
    ) -> None:  # fmt: skip
        self.seed, self.events, self._replayed = seed, events, replayed
        self._weather = Weather(seed, LAT_DEG, UTC_OFFSET_H, events)
        self._known = {place.name: place for place in places}
        self._places: dict[str, tuple[Traffic, AirOfPlace]] = {}

    def weather(self, time_ms: int) -> Sky:
        """The weather, one for the whole city."""
        return self._weather.at(time_ms)

    def traffic(self, place: str) -> Traffic:
        """The traffic before a lamppost."""
        return self._place(place)[0]

    def air(self, place: str, time_ms: int) -> Air:
        """The air before a lamppost."""
        return self._place(place)[1].at(time_ms)

    def world(self, place: str, time_ms: int) -> dict[str, float]:
        """Everything a sensor there could feel, by the names of physical inputs of the stubs."""
        sky, air = self.weather(time_ms), self.air(place, time_ms)
        felt = {
            **air._asdict(), "temp_c": sky.temp_c, "rh_pct": sky.rh_pct, "press_hpa": sky.press_hpa,
            "wind_speed_ms": sky.wind_speed_ms, "wind_dir_deg": sky.wind_dir_deg, "rain_rate_mmh": sky.rain_mm_h,
            "noise_db": self.traffic(place).noise_db(time_ms),
        }  # fmt: skip
        for real in self._replayed:
            felt.update(real.at(time_ms))
        return felt

    def _place(self, name: str) -> tuple[Traffic, AirOfPlace]:
        if name not in self._places:
            place = self._known.get(name) or drawn(self.seed, name)
            traffic = Traffic(self.seed, name, self._weather, UTC_OFFSET_H, place.mean_vph, events=self.events)
            traffic.busy_by = [real.busy for real in self._replayed]
            air = AirOfPlace(self.seed, name, self._weather, traffic, UTC_OFFSET_H, place.kerb, self.events)
            self._places[name] = traffic, air
        return self._places[name]


def drawn(seed: int, name: str) -> Place:
    """A place by chance: a side street or an avenue, near the kerb or not."""
    chance = Chance(seed, "place", name)
    return Place(name, 120 + 300 * chance.uniform(0), 0.05 + 0.5 * chance.uniform(1) ** 2)
