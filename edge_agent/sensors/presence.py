"""Counting with an eye that measures distance: a lidar or ultrasonic ranger that looks at the lane. Pure.

What it sees of an empty lane is the background, which may be that nothing is in reach. Something nearer by `NEARER_M`
for a few reports (`BELIEVED`) is a vehicle; it has gone when the background is back, or nothing is in reach, for
`GONE_MS`. A weak or spoilt signal tells neither, but what comes when `BLIND_MS` have passed without a distance is
another vehicle. The share of time under it is the occupancy. Speed and direction are not known. What stays for
`PARKED_MS` becomes background (snow, a parked car, a moved pole).
"""

from __future__ import annotations

import math
from typing import Any

from edge_agent.reading import Reading, Series
from edge_agent.sensors.interval import Interval, Stretch
from measures.flow import flow_vph, headway_s, occupancy_ratio
from wire.times import MINUTE_MS

NEARER_M = 0.5
BELIEVED = ((30, 3), (250, 2), (math.inf, 1))  # reports that make a vehicle, by the ms between two of them at most
OFTEN = 0.1  # how much the latest pause weighs in what is usual
GONE_MS = 150
BLIND_MS = 2_000  # or, of one that is asked more seldom, two of its reports
PARKED_MS = 3 * MINUTE_MS
FOLLOWS_MS = 20_000  # a moment of something farther (a puddle mirrors) may not turn the lane into a vehicle
DIRECTION = "any"


class Presence:
    """Counts what passes one eye, in intervals of `interval_s` seconds; the same duties as `traffic.Counter`."""

    crowded = False  # what stays before it becomes background

    def __init__(self, sensor: str, profile: str, lane: str, directions: tuple[str, ...], interval_s: int) -> None:
        direction = directions[0] if len(directions) == 1 else DIRECTION
        self._series = Series(sensor, "traffic_flow", (("lane", lane), ("direction", direction)), profile)
        self._interval = Interval(interval_s)
        self._count = self._covered_ms = 0
        self._background_m: float | None = None
        self._came_ms: int | None = None  # something is nearer since
        self._booked_ms = 0  # until when its time is in an interval that has closed
        self._seen_ms = 0  # when it was last seen
        self._reports = 0
        self._believed = False  # that it is a vehicle: it is counted
        self._last_ms = self._gap_ms = 0  # the last report of a distance, and how long after the one before it came
        self._every_ms = 0.0  # between two reports, usually
        self._heard_ms = self._nothing_ms = 0  # the last report of any kind; how long more nothing than a lane was seen

    def detect(self, time_ms: int, range_m: float) -> None:
        """One report of the distance."""
        since_ms = self._since(time_ms)
        gap_ms = time_ms - self._last_ms
        if gap_ms > max(BLIND_MS, 2 * self._gap_ms):
            self._leave()
        self._last_ms, self._gap_ms = time_ms, gap_ms
        if self._background_m is None:
            self._background_m = range_m
        if range_m < self._background_m - NEARER_M:
            self._nearer(time_ms, range_m)
            return
        self._clear(time_ms)
        self._nothing_ms = max(0, self._nothing_ms - since_ms)
        if self._came_ms is None:
            self._background_m += (range_m - self._background_m) * min(gap_ms / FOLLOWS_MS, 1.0)

    def see_nothing(self, time_ms: int) -> None:
        """One report that nothing is in reach. Over a lane that is farther away it is all that there is to see."""
        self._clear(time_ms)
        self._nothing_ms += self._since(time_ms)
        if self._nothing_ms > FOLLOWS_MS:
            self._background_m, self._nothing_ms = math.inf, 0

    def tick(self, now_ms: int) -> list[Reading]:
        """At a boundary one reading, a zero included; what stands there then is covered time of both intervals."""
        over = self._interval.tick(now_ms)
        if over is None:
            return []
        covered_ms = self._covered_ms
        if self._came_ms is not None and self._believed:
            until_ms = max(min(self._seen_ms, over.end_ms), self._booked_ms)
            covered_ms += until_ms - self._booked_ms
            self._booked_ms = until_ms
        reading = self._reading(over, covered_ms)
        self._count = self._covered_ms = 0
        return [reading]

    def state(self) -> dict[str, Any]:
        """The open interval as plain data."""
        return self._interval.state() | {"count": self._count, "covered_ms": self._covered_ms} | dict(self._series.tags)

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on with an interval that was open when the program ended."""
        if state and isinstance(state.get("start_ms"), int):
            self._interval.restore(state)
            self._count, self._covered_ms = state.get("count", 0), state.get("covered_ms", 0)

    def shift(self, offset_ms: int) -> None:
        """The clock was set: what is open moves to true time."""
        self._interval.shift(offset_ms)
        if self._came_ms is not None:
            self._came_ms += offset_ms
        self._booked_ms += offset_ms
        self._seen_ms += offset_ms
        self._last_ms += offset_ms
        self._heard_ms += offset_ms

    def _nearer(self, time_ms: int, range_m: float) -> None:
        if self._came_ms is None:
            self._came_ms, self._booked_ms, self._reports = time_ms, time_ms, 0
        self._reports += 1
        self._seen_ms = time_ms
        if not self._believed and self._reports >= self._enough():
            self._believed = True
            self._count += 1
        if time_ms - self._came_ms > PARKED_MS:
            self._leave()
            self._background_m = range_m

    def _enough(self) -> int:
        """Reports that make a vehicle: an eye that tells ten a second has three of a car at 50 km/h at most."""
        return next(reports for at_most_ms, reports in BELIEVED if self._every_ms <= at_most_ms)

    def _since(self, time_ms: int) -> int:
        """How long this report tells of: since the one before it."""
        since_ms, self._heard_ms = min(time_ms - self._heard_ms, BLIND_MS), time_ms
        self._every_ms += (since_ms - self._every_ms) * OFTEN
        return since_ms

    def _clear(self, time_ms: int) -> None:
        if time_ms - self._seen_ms > GONE_MS:
            self._leave()

    def _leave(self) -> None:
        if self._came_ms is not None and self._believed:
            self._covered_ms += self._seen_ms - self._booked_ms
        self._came_ms, self._reports, self._believed = None, 0, False

    def _reading(self, over: Stretch, covered_ms: int) -> Reading:
        duration_s = over.counted_s
        values = {
            "count": self._count,
            "duration_s": duration_s,
            "flow_vph": flow_vph(self._count, duration_s),
            "headway_s": headway_s(self._count, duration_s),
            "occupancy_ratio": occupancy_ratio(min(covered_ms / 1000, duration_s), duration_s),
        }
        known = {name: round(value, 4) for name, value in values.items() if value is not None}
        return Reading(self._series, over.start_ms, known)
