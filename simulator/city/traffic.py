"""Traffic before a lamppost: profiles of the hour and the weekday, what upsets them, and single vehicles. Pure.

The profiles are those of a North American urban motorway (I-94, 2017; `real_data/README.md`) in hundredths of the mean
hour; speeds follow the BPR function (Bureau of Public Roads 1964); a signal upstream sends vehicles in platoons.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from measures.averages import energy, level_db
from simulator.city.chance import Chance
from simulator.city.events import Event, force
from simulator.city.moment import Moment, moment, season
from simulator.city.weather import Weather

_WORKDAY: Final = (21, 12, 9, 11, 25, 82, 162, 180, 166, 147, 132, 139, 145, 145, 153, 167, 187, 175, 135, 101, 88, 83,
                   68, 43)  # fmt: skip
_SATURDAY: Final = (41, 25, 19, 13, 13, 23, 39, 58, 84, 107, 122, 135, 143, 142, 141, 139, 139, 136, 127, 106, 94, 94,
                    92, 72)  # fmt: skip
_SUNDAY: Final = (46, 28, 21, 13, 12, 17, 29, 38, 59, 85, 109, 119, 127, 129, 130, 131, 130, 126, 113, 96, 86, 71, 56,
                  39)  # fmt: skip
_WEEKDAY: Final = (0.94, 0.98, 1.01, 1.02, 1.04, 1.0, 1.0)
HOLIDAYS: Final = frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)})
"""Month and day of holidays that move with no moon; scenarios bring the others as `festival`."""
CAPACITY_VPH: Final = 900.0  # what a direction takes
FREE_KMH: Final = 52.0  # of a dry and empty street
SLOWEST_KMH: Final = 8.0
CYCLE_S: Final = 90
GREEN_SHARE: Final = 0.45
SATURATION_S: Final = 2.4  # headway of a discharging queue, one lane
HEAVY_SHARE: Final = 0.07


class Flow(NamedTuple):
    """One direction at a time: vehicles an hour, their mean speed, and how full the road is (1 is its capacity)."""

    vph: float
    speed_kmh: float
    load: float


class Passing(NamedTuple):
    """A vehicle passes the pole: speed is positive towards the sensor's face (direction in)."""

    time_ms: int
    speed_kmh: float
    length_m: float


class Traffic:
    """One lamppost's lane in both directions. `mean_vph` is a direction's mean hour."""

    def __init__(
        self, seed: int, place: str, weather: Weather, utc_offset_h: float, mean_vph: float = 300.0,
        events: tuple[Event, ...] = (),
    ) -> None:  # fmt: skip
        self._weather, self._offset_h, self._events = weather, utc_offset_h, events
        self.busy_by: list[Callable[[int], float | None]] = []  # real data that says how busy it is
        self.mean_vph = mean_vph
        self._day, self._hour = Chance(seed, "traffic day"), Chance(seed, "traffic", place)
        self._cells = {direction: Chance(seed, "vehicles", place, direction) for direction in ("in", "out")}

    def activity(self, time_ms: int) -> float:
        """How busy the city's streets are: 1 is the mean hour of the year."""
        now = moment(time_ms, self._offset_h)
        for busy_by in self.busy_by:
            busy = busy_by(time_ms)
            if busy is not None:
                return busy * (1 + 0.9 * force(self._events, "jam", time_ms))
        usual = _usual(now, self._is_festival(time_ms, now.day))
        days = now.hours / 24
        swing = 0.05 * self._day.smooth(days) + 0.06 * self._hour.smooth(now.hours / 1.5)
        busy = usual * (1 + 0.05 * math.cos(2 * math.pi * (now.year_day - 215) / 365)) * math.exp(swing)
        busy *= 1 - 0.06 * min(1.0, self._weather.at(time_ms).rain_mm_h / 4)
        return busy * (1 + 0.9 * force(self._events, "jam", time_ms))

    def flow(self, time_ms: int, direction: str = "in") -> Flow:
        """What passes in one direction: towards town in the morning, out of it in the evening."""
        now = moment(time_ms, self._offset_h)
        tide = 0.22 * math.sin(2 * math.pi * (now.hour - 2.5) / 24) * (1 if direction == "in" else -1)
        demand = self.mean_vph * self.activity(time_ms) * (1 + (tide if now.weekday < 5 else 0.3 * tide))
        blocked = force(self._events, "accident", time_ms)
        capacity = CAPACITY_VPH * (1 - min(0.8, 0.7 * blocked))
        load = demand / capacity
        wet = 0.1 * min(1.0, self._weather.at(time_ms).rain_mm_h / 4)
        speed = FREE_KMH * (1 - wet) / (1 + 0.15 * min(load, 2.2) ** 4 + 0.8 * blocked)
        return Flow(min(demand, 0.97 * capacity), max(6.0, speed), load)

    def noise_db(self, time_ms: int) -> float:
        """Leq at the kerb: CRTN's basic level (UK 1988, L10 = 42.2 + 10 lg q; Leq 3 dB below) over a town's 45 dB."""
        return level_db(energy(45.0) + 2 * self.mean_vph * self.activity(time_ms) * energy(39.2))

    def vehicles(self, from_ms: int, to_ms: int) -> list[Passing]:
        """Everybody who passes in [from, to), by time: drawn cycle by cycle of the signal, so any hour can be asked."""
        found = []
        for direction, cell in self._cells.items():
            for cycle in range(from_ms // (CYCLE_S * 1000), to_ms // (CYCLE_S * 1000) + 1):
                found += [one for one in self._cycle(direction, cell, cycle) if from_ms <= one.time_ms < to_ms]
        return sorted(found)

    def _cycle(self, direction: str, cell: Chance, cycle: int) -> list[Passing]:
        """Those of one cycle: who came at red leaves as a queue, who comes at green passes as he comes.

        No two of a direction follow closer than a driver would: what finds no room waits for the end of the cycle.
        """
        start_ms = cycle * CYCLE_S * 1000
        flow = self.flow(start_ms, direction)
        gap_s = max(SATURATION_S, 1.6 + 14 / (flow.speed_kmh / 3.6))
        count = min(cell.poisson(cycle * 64, flow.vph * CYCLE_S / 3600), int((CYCLE_S - 1) / gap_s))
        green_s = CYCLE_S * GREEN_SHARE
        due = sorted(cell.uniform(cycle * 64 + 1 + number) * CYCLE_S for number in range(count))
        passings, last_s = [], -gap_s
        sign = 1 if direction == "in" else -1
        for number, wish_s in enumerate(due):
            red = wish_s > green_s
            at_s = max(last_s + gap_s, 0.0 if red else wish_s) if number else min(wish_s, green_s)
            last_s = min(at_s, CYCLE_S - 1.0)
            if at_s > CYCLE_S - 1:
                break
            draw = cell.normal(cycle * 64 + 33 + number % 31)
            speed = max(SLOWEST_KMH, flow.speed_kmh * (1 + 0.12 * draw))
            heavy = cell.uniform(-(cycle * 64 + number) - 1) < HEAVY_SHARE
            passings.append(Passing(start_ms + round(at_s * 1000), sign * speed, 10.5 if heavy else 4.4))
        return passings

    def _is_festival(self, time_ms: int, day: date) -> bool:
        return (day.month, day.day) in HOLIDAYS or force(self._events, "festival", time_ms) > 0


def _usual(now: Moment, holiday: bool) -> float:
    """The profile, straight between the middles of its hours."""
    at = now.hour - 0.5
    left = math.floor(at)
    share = at - left
    profile = _SUNDAY if holiday or now.weekday == 6 else _SATURDAY if now.weekday == 5 else _WORKDAY
    value = profile[left % 24] * (1 - share) + profile[(left + 1) % 24] * share
    return value / 100 * (1.0 if holiday else _WEEKDAY[now.weekday])


def winter(now: Moment) -> float:
    """How much is heated, 0 to 1: Beijing's season runs from mid-November to mid-March."""
    return max(0.0, min(1.0, 0.45 + 1.1 * season(now, 12)))
