"""Counting on the device: what a radar says of each target becomes counts and speeds per interval. Pure.

A radar reports one vehicle several times while it is in the beam. Reports of one direction that follow each other
within `GAP_MS` are one vehicle; its speed is the median of its reports. No record of a single vehicle leaves the box.
An interval starts when counting starts and ends at the next boundary; the state of the open one is committed with the
readings every second, so that a restart loses at most one second of vehicles.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from edge_agent.reading import Reading, Series
from measures.flow import flow_vph, headway_s
from measures.speed import percentile_85_kmh, space_mean_kmh, time_mean_kmh

GAP_MS = 1_000
REPORTS_MIN = 2  # radar lines carry no checksum: one report alone may be a damaged line
SLOWEST_KMH = 1.0
HEAVY_FROM_M = 6.0


class Counter:
    """Counts the vehicles of one sensor, by direction, in intervals of `interval_s` seconds."""

    def __init__(self, sensor: str, profile: str, lane: str, directions: tuple[str, ...], interval_s: int) -> None:
        self._series = {
            d: Series(sensor, "traffic_flow", (("lane", lane), ("direction", d)), profile) for d in directions
        }
        self._interval_ms = interval_s * 1000
        self._start_ms: int | None = None
        self._speeds: dict[str, list[float]] = {d: [] for d in directions}
        self._open: dict[str, tuple[int, list[float]]] = {}
        self.strays = 0

    def detect(self, time_ms: int, speed_kmh: float) -> None:
        """One report: positive speed inbound, negative outbound. A direction that is not counted is passed over."""
        direction = "in" if speed_kmh > 0 else "out"
        if abs(speed_kmh) < SLOWEST_KMH or direction not in self._series:
            return
        last = self._open.get(direction)
        if last is not None and time_ms - last[0] <= GAP_MS:
            last[1].append(abs(speed_kmh))
            self._open[direction] = (time_ms, last[1])
        else:
            self._close(direction)
            self._open[direction] = (time_ms, [abs(speed_kmh)])

    def tick(self, now_ms: int) -> list[Reading]:
        """Close vehicles that have passed and, at a boundary, the interval: one reading a direction, zeros included."""
        for direction in [d for d, (last_ms, _) in self._open.items() if now_ms - last_ms > GAP_MS]:
            self._close(direction)
        if self._start_ms is None:
            self._start_ms = now_ms
        end_ms = (self._start_ms // self._interval_ms + 1) * self._interval_ms
        if now_ms < end_ms:
            return []
        readings = [self._reading(direction, self._start_ms, end_ms) for direction in self._series]
        self._speeds = {d: [] for d in self._series}
        self._start_ms = now_ms // self._interval_ms * self._interval_ms
        return readings

    def state(self) -> dict[str, Any]:
        """The open interval as plain data."""
        return {"start_ms": self._start_ms, "speeds": self._speeds}

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on with an interval that was open when the program ended."""
        if state and isinstance(state.get("start_ms"), int):
            self._start_ms = state["start_ms"]
            self._speeds |= {d: list(v) for d, v in state.get("speeds", {}).items() if d in self._series}

    def shift(self, offset_ms: int) -> None:
        """The clock was set: what is open moves to true time."""
        if self._start_ms is not None:
            self._start_ms += offset_ms
        self._open = {d: (last_ms + offset_ms, speeds) for d, (last_ms, speeds) in self._open.items()}

    def _close(self, direction: str) -> None:
        passed = self._open.pop(direction, None)
        if passed is not None:
            if len(passed[1]) >= REPORTS_MIN:
                self._speeds[direction].append(round(median(passed[1]), 2))
            else:
                self.strays += 1

    def _reading(self, direction: str, start_ms: int, end_ms: int) -> Reading:
        speeds = self._speeds[direction]
        duration_s = (end_ms - start_ms) / 1000
        values: dict[str, float | int | None] = {
            "count": len(speeds),
            "duration_s": duration_s,
            "flow_vph": flow_vph(len(speeds), duration_s),
            "speed_tms_kmh": time_mean_kmh(speeds),
            "speed_sms_kmh": space_mean_kmh(speeds),
            "v85_kmh": percentile_85_kmh(speeds),
            "headway_s": headway_s(len(speeds), duration_s),
        }
        known = {name: round(value, 2) for name, value in values.items() if value is not None}
        return Reading(self._series[direction], start_ms, known)
