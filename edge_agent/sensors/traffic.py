"""Counting on the device: what a radar says of each target becomes counts and speeds per interval. Pure.

A radar reports one vehicle several times while it is in the beam. Reports of one direction that follow each other
within `GAP_MS` are one vehicle, where a distance is told those alone that are less than `GAP_MS` of its way from where
it should be by now: on a busy road the next one comes into the beam before the first has left. Its speed is the median
of its reports. Without a distance what goes on for `BEAM_M` of road has been one vehicle at least, and another begins.
A report alone may be a damaged line and is not believed, nor are two with a word between them that nothing is there. A
radar that sums up a vehicle when it has passed, with its length, is believed in one report. No record of a single
vehicle leaves the box.

Some radars, and some lines of others, tell a speed without a sign. Such a report belongs to the vehicle in the beam
that drives about as fast; where there is none, the vehicle's direction is not known and it is counted as `any`, unless
the road is a one-way street.

A radar tells the speed at which a vehicle comes nearer, which is its own times the cosine of the angle between beam and
path: 6 % too little at 20°. With the angle known, speeds (and lengths, which are speeds times a time) are the road's.

An interval starts when counting starts and ends at the next boundary; the state of the open one is committed with the
readings every second, so that a restart loses at most one second of vehicles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from edge_agent.reading import Reading, Series
from edge_agent.sensors.interval import Interval, Stretch
from edge_agent.sensors.tally import Tally

GAP_MS = 1_000
NEAR_M = 2.0  # distances are told in steps of as much
BEAM_M = 200.0  # no radar here sees one vehicle on more of its way
LATE_MS = 3_000  # a radar sums a vehicle up once it has not seen it for a while
REPORTS_MIN = 2  # radar lines carry no checksum: one report alone may be a damaged line
SLOWEST_KMH = 1.0
WRONG_WAY_FROM_KMH = 20.0  # slower: somebody on foot, a hand-cart, a bicycle, which may
ALIKE_KMH, ALIKE = 3.0, 0.06  # how much the reports of one vehicle differ from one to the next
UNKNOWN = "any"
_OTHER = {"in": "out", "out": "in"}


@dataclass(slots=True)
class _Passing:
    """A vehicle in the beam."""

    last_ms: int
    speeds: list[float]
    range_m: float | None = None
    way_m: float = 0.0  # on which it has been seen
    length_m: float | None = None

    def is_sure(self) -> bool:
        """Whether it was more than one damaged line."""
        return len(self.speeds) >= REPORTS_MIN or self.length_m is not None

    def off(self, speed_kmh: float) -> float:
        """How far a report is from this vehicle's last one, km/h."""
        return abs(self.speeds[-1] - speed_kmh)

    def off_m(self, time_ms: int, range_m: float | None, direction: str) -> float:
        """How far a report is from where this vehicle should be by now; infinity when that is another one's."""
        if range_m is None or self.range_m is None:
            return 0.0
        speed_ms = self.speeds[-1] / 3.6
        moved_m = speed_ms * (time_ms - self.last_ms) / 1000
        off_m = abs(range_m - (self.range_m + (moved_m if direction == "out" else -moved_m)))
        return off_m if off_m <= max(NEAR_M, speed_ms * GAP_MS / 1000) else math.inf

    def add(self, time_ms: int, speed_kmh: float, range_m: float | None) -> None:
        """One more report of this vehicle."""
        self.way_m += speed_kmh / 3.6 * (time_ms - self.last_ms) / 1000
        self.last_ms, self.range_m = time_ms, range_m
        self.speeds.append(speed_kmh)


class Counter:
    """Counts the vehicles of one sensor, by direction, in intervals of `interval_s` seconds.

    With `one_way` the lane has one direction: others count as driving against it. `signed` False: the sensor is known
    to tell no direction. `angle_deg` is between beam and path.
    """

    def __init__(
        self, sensor: str, profile: str, lane: str, directions: tuple[str, ...], interval_s: int,
        one_way: str | None = None, *, signed: bool = True, angle_deg: float = 0.0,
    ) -> None:  # fmt: skip
        self._lane, self._one_way = lane, one_way
        self._along = 1 / math.cos(math.radians(angle_deg))
        self._known = (one_way,) if one_way is not None else directions
        self._series = {
            d: Series(sensor, "traffic_flow", (("lane", lane), ("direction", d)), profile)
            for d in (*self._known, UNKNOWN)
        }
        self._interval = Interval(interval_s)
        self._tallies = {direction: Tally() for direction in self._series}
        self._tells: set[str] = set() if signed or one_way is not None else {"unsigned"}
        self._open: dict[str, list[_Passing]] = {"in": [], "out": []}
        self._unsigned: list[_Passing] = []  # in the beam, direction not told: parted by their speeds
        self._endless = 0  # of those counted in this interval, that filled the beam for `BEAM_M` of road
        self.crowded = False  # whether in the last one they were half of all, or more: several were taken for one
        self._unmeasured_ms: dict[str, int] = {}  # when the last vehicle was seen whose length is still to come

    def detect(
        self, time_ms: int, speed_kmh: float, length_m: float | None = None, range_m: float | None = None
    ) -> None:
        """One report: positive speed inbound, negative outbound. A direction that is not counted is passed over."""
        direction, speed_kmh = ("in" if speed_kmh > 0 else "out"), abs(speed_kmh) * self._along
        if speed_kmh < SLOWEST_KMH or (direction not in self._known and self._one_way is None):
            return
        self._tells.add("signed")
        if length_m is not None:
            self._whole(time_ms, direction, speed_kmh, length_m * self._along)
            return
        passing = self._report(time_ms, direction, speed_kmh, range_m)
        nameless = _alike(self._unsigned, time_ms, speed_kmh)
        if nameless is not None:  # the same vehicle, before its direction was told
            self._unsigned.remove(nameless)
            passing.speeds[:0] = nameless.speeds

    def detect_unsigned(self, time_ms: int, speed_kmh: float) -> None:
        """One report that does not tell the direction."""
        speed_kmh *= self._along
        if speed_kmh < SLOWEST_KMH:
            return
        if self._one_way is not None:
            self._report(time_ms, self._one_way, speed_kmh)
            return
        self._tells.add("unsigned")
        one = _alike([*self._open["in"], *self._open["out"], *self._unsigned], time_ms, speed_kmh)
        if one is None:
            self._unsigned.append(_Passing(time_ms, [speed_kmh]))
        else:
            one.add(time_ms, speed_kmh, one.range_m)

    def see_nothing(self, time_ms: int) -> None:  # noqa: ARG002 (the same duties as `presence.Presence`)
        """The radar says that nothing is before it: what was reported once until now will not be confirmed any more."""
        for direction, passing in self._open.items():
            self._open[direction] = [one for one in passing if one.is_sure()]
        self._unsigned = [one for one in self._unsigned if one.is_sure()]

    def tick(self, now_ms: int) -> list[Reading]:
        """Close vehicles that have passed and, at a boundary, the interval: one reading a direction, zeros included."""
        for direction, passing in (*self._open.items(), (UNKNOWN, self._unsigned)):
            for one in [one for one in passing if self._is_over(one, now_ms)]:
                passing.remove(one)
                self._count(direction, one)
        over = self._interval.tick(now_ms)
        if over is None:
            return []
        counted = sum(len(tally.speeds) for tally in self._tallies.values())
        self.crowded, self._endless = 0 < counted <= 2 * self._endless, 0
        return [self._reading(direction, over) for direction in self._told()]

    def state(self) -> dict[str, Any]:
        """The open interval as plain data."""
        tallies = {direction: tally.state() for direction, tally in self._tallies.items()}
        of = {"lane": self._lane, "one_way": self._one_way}
        return self._interval.state() | {"tallies": tallies, "tells": sorted(self._tells)} | of

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on with an interval that was open when the program ended, which may have been an older one."""
        if not state or not isinstance(state.get("start_ms"), int):
            return
        self._interval.restore(state)
        self._tells |= set(state.get("tells", ()))
        before = {direction: {"speeds": speeds} for direction, speeds in state.get("speeds", {}).items()}
        for direction, told in (before | state.get("tallies", {})).items():
            if direction in self._tallies:
                self._tallies[direction].restore(told)

    def shift(self, offset_ms: int) -> None:
        """The clock was set: what is open moves to true time."""
        self._interval.shift(offset_ms)
        for one in (*self._open["in"], *self._open["out"], *self._unsigned):
            one.last_ms += offset_ms
        self._unmeasured_ms = {direction: time_ms + offset_ms for direction, time_ms in self._unmeasured_ms.items()}

    def _report(self, time_ms: int, direction: str, speed_kmh: float, range_m: float | None = None) -> _Passing:
        passing = [one for one in self._open[direction] if not self._is_over(one, time_ms)]
        off_m, one = min(
            ((one.off_m(time_ms, range_m, direction), one) for one in passing),
            key=lambda found: found[0],
            default=(math.inf, None),
        )
        if one is None or off_m == math.inf:
            one = _Passing(time_ms, [speed_kmh], range_m)
            self._open[direction].append(one)
        else:
            one.add(time_ms, speed_kmh, range_m)
        return one

    def _is_over(self, one: _Passing, now_ms: int) -> bool:
        """Whether the next report is another vehicle's; who sums them up parts them itself."""
        return self._is_endless(one) or now_ms - one.last_ms > GAP_MS

    def _is_endless(self, one: _Passing) -> bool:
        return one.way_m > BEAM_M and "length" not in self._tells

    def _whole(self, time_ms: int, direction: str, speed_kmh: float, length_m: float) -> None:
        """A vehicle has passed and is summed up: its reports came before, if any came."""
        self._tells.add("length")
        unmeasured_ms = self._unmeasured_ms.pop(direction, None)
        passing = self._open[direction]
        if not passing and unmeasured_ms is not None and time_ms - unmeasured_ms <= LATE_MS:
            if direction in self._tallies:
                self._tallies[direction].lengths.append(length_m)
            return
        passed = passing.pop(0) if passing else _Passing(time_ms, [speed_kmh])
        passed.length_m = length_m
        self._count(direction, passed)

    def _count(self, direction: str, passed: _Passing) -> None:
        if not passed.is_sure():
            return
        speed_kmh = round(median(passed.speeds), 2)
        if self._one_way is not None and direction == _OTHER[self._one_way]:
            self._tallies[self._one_way].wrong_way += speed_kmh >= WRONG_WAY_FROM_KMH
            return
        self._endless += self._is_endless(passed)
        self._tallies[direction].speeds.append(speed_kmh)
        if passed.length_m is not None:
            self._tallies[direction].lengths.append(passed.length_m)
        else:
            self._unmeasured_ms[direction] = passed.last_ms

    def _told(self) -> list[str]:
        """The directions to tell of: a sensor that is known to tell none says nothing of `in` and `out`.

        In a one-way street the road tells it; of what was counted before it was one, this is the last word.
        """
        one_way, unsigned, signed = self._one_way is not None, "unsigned" in self._tells, "signed" in self._tells
        nameless = (unsigned and not one_way) or bool(self._tallies[UNKNOWN].speeds)
        return [*(self._known if one_way or signed or not unsigned else ()), *((UNKNOWN,) if nameless else ())]

    def _reading(self, direction: str, over: Stretch) -> Reading:
        values = self._tallies[direction].close(
            over.counted_s,
            tells_length="length" in self._tells,
            one_way=self._one_way is not None,
        )
        return Reading(self._series[direction], over.start_ms, values)


def _alike(passing: list[_Passing], time_ms: int, speed_kmh: float) -> _Passing | None:
    """The vehicle in the beam that a report without a sign may be of: the one whose last report was nearest to it."""
    seen = [one for one in passing if time_ms - one.last_ms <= GAP_MS]
    nearest = min(seen, key=lambda one: one.off(speed_kmh), default=None)
    if nearest is None or nearest.off(speed_kmh) > max(ALIKE_KMH, ALIKE * speed_kmh):
        return None
    return nearest
