"""The street before one lamppost, as its stubs feel it: the city's air in small steps of time, vehicles on a road."""

from __future__ import annotations

from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.road import Road, Vehicle
from firmware_stubs.stub import Stub
from simulator.city.chance import Chance
from simulator.city.city import City
from simulator.city.traffic import SLOWEST_KMH
from simulator.scenario.scenario import SensorOf
from simulator.world.clock import Clock
from wire.times import MINUTE_MS

STEP_MS = 5_000  # the air of a street does not change faster than this tells
AHEAD_MS = 5 * MINUTE_MS
PARTICLES = frozenset({"pm1_ugm3", "pm25_ugm3", "pm10_ugm3"})
REACH_M, NEAR_M = 14.0, 2.0  # a beam so short that vehicles a few seconds apart are seen one by one
IN_BEAM_S = REACH_M / (SLOWEST_KMH / 3.6)
LOOK_S = 10
"""Among those who pass in so many seconds a radar looks, not among all of the next minutes."""


class Street:
    """One place. Makes its stubs, and knows when a radar has something to see."""

    def __init__(self, city: City, place: str, clock: Clock) -> None:
        self._city, self._place, self._clock = city, place, clock
        self._road = Road(reach_m=REACH_M, near_m=NEAR_M)
        self._road_s = -1
        self._passing: list[Vehicle] = []
        self._noise = Chance(city.seed, "noise", place)
        self._known_until_ms = clock.now_ms
        self._step: tuple[int, dict[str, float]] | None = None
        self._entering_s: list[float] = []

    def stub(self, wants: SensorOf) -> Stub:
        """A new sensor of that model that stands in this street."""
        more = {"period_s": wants.period_s} if wants.period_s is not None and wants.speaks_every else {}
        if wants.model in RADARS:
            return MODELS[wants.model](self._targets, **more)
        return MODELS[wants.model](self._world, **more)

    def next_seen_s(self, now_s: float) -> float:
        """When a radar that sees nothing now need look again."""
        self._look_ahead()
        self._entering_s = [at_s for at_s in self._entering_s if at_s > now_s]
        return min([now_s + 30.0, *self._entering_s[:1]])

    def sees(self, now_s: float) -> bool:
        """True while a vehicle is in the beam."""
        return bool(self._targets(now_s))

    def _world(self, t_s: float) -> dict[str, float]:
        time_ms = self._clock.start_ms + round(t_s * 1000)
        step = time_ms // STEP_MS
        if self._step is None or self._step[0] != step:
            self._step = step, self._city.world(self._place, step * STEP_MS)
        second = time_ms // 1000
        noise = 1 + 0.02 * self._noise.normal(second)
        dust = 0.4 * abs(self._noise.normal(-second - 1))  # even the steadiest air is not the same twice
        return {name: value * noise + dust if name in PARTICLES else value for name, value in self._step[1].items()}

    def _targets(self, t_s: float) -> list[dict[str, float]]:
        self._look_ahead()
        if self._road_s != t_s // LOOK_S:
            self._road_s = int(t_s // LOOK_S)
            self._road.vehicles = [one for one in self._passing if abs(one.t_s - t_s) < LOOK_S + IN_BEAM_S]
        return self._road.targets(t_s)[:1]

    def _look_ahead(self) -> None:
        """Let the vehicles of the next minutes come."""
        now_ms = self._clock.now_ms
        while self._known_until_ms < now_ms + AHEAD_MS:
            until_ms = self._known_until_ms + AHEAD_MS
            for one in self._city.traffic(self._place).vehicles(self._known_until_ms, until_ms):
                passes_s = (one.time_ms - self._clock.start_ms) / 1000
                self._passing.append(Vehicle(passes_s, one.speed_kmh, one.length_m))
                reach_m = REACH_M if one.speed_kmh > 0 else -NEAR_M
                self._entering_s.append(passes_s - reach_m / abs(one.speed_kmh) * 3.6)
            self._entering_s.sort()
            old_s = self._clock.now_s - 60
            self._passing = [known for known in self._passing if known.t_s > old_s]
            self._known_until_ms = until_ms
