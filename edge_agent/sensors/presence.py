"""Counting with an eye that measures distance: a lidar or ultrasonic ranger that looks at the lane. Pure.

What it sees of an empty lane is the background. Something nearer by `NEARER_M` for `REPORTS_MIN` reports is a vehicle;
it has gone when the background is back, or nothing is in reach, for `GONE_MS`. A weak or spoilt signal tells neither,
but what comes when `BLIND_MS` have passed without a distance is another vehicle. The share of time under it is the
occupancy. Speed and direction are not known. What stays for `PARKED_MS` becomes background (snow, a parked car, a
moved pole).
"""

from __future__ import annotations

from typing import Any

from edge_agent.reading import Reading, Series
from edge_agent.sensors.interval import Interval, Stretch
from measures.flow import flow_vph, headway_s, occupancy_ratio

NEARER_M = 0.5
REPORTS_MIN = 3
GONE_MS = 150
BLIND_MS = 2_000  # or, of one that is asked more seldom, two of its reports
PARKED_MS = 180_000
FOLLOWS_MS = 20_000  # a moment of something farther (a puddle mirrors) may not turn the lane into a vehicle
DIRECTION = "any"


class Presence:
    """Counts what passes one eye, in intervals of `interval_s` seconds; the same duties as `traffic.Counter`."""

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
        self._last_ms = self._gap_ms = 0  # the last report of a distance, and how long after the one before it came

    def detect(self, time_ms: int, range_m: float) -> None:
        """One report of the distance."""
        gap_ms = time_ms - self._last_ms
        if gap_ms > max(BLIND_MS, 2 * self._gap_ms):
            self._leave()
        self._last_ms, self._gap_ms = time_ms, gap_ms
        if self._background_m is None:
            self._background_m = range_m
        if range_m < self._background_m - NEARER_M:
            self._nearer(time_ms, range_m)
            return
        self.see_nothing(time_ms)
        if self._came_ms is None:
            self._background_m += (range_m - self._background_m) * min(gap_ms / FOLLOWS_MS, 1.0)

    def see_nothing(self, time_ms: int) -> None:
        """One report that nothing is there: the lane, or nothing in reach at all."""
        if time_ms - self._seen_ms > GONE_MS:
            self._leave()

    def tick(self, now_ms: int) -> list[Reading]:
        """At a boundary one reading, a zero included; what stands there then is covered time of both intervals."""
        over = self._interval.tick(now_ms)
        if over is None:
            return []
        covered_ms = self._covered_ms
        if self._came_ms is not None and self._reports >= REPORTS_MIN:
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

    def _nearer(self, time_ms: int, range_m: float) -> None:
        if self._came_ms is None:
            self._came_ms, self._booked_ms, self._reports = time_ms, time_ms, 0
        self._reports += 1
        self._seen_ms = time_ms
        if self._reports == REPORTS_MIN:
            self._count += 1
        if time_ms - self._came_ms > PARKED_MS:
            self._leave()
            self._background_m = range_m

    def _leave(self) -> None:
        if self._came_ms is not None and self._reports >= REPORTS_MIN:
            self._covered_ms += self._seen_ms - self._booked_ms
        self._came_ms, self._reports = None, 0

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
