"""A window of traffic: what was counted in its intervals, and how fast it drove. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collector.numbers.means import DECIMALS
from measures.speed import percentile_from_histogram
from wire.traffic import CELLS, SPEED_CELLS

PERCENTILES: Final = {"v15_kmh": 15, "v50_kmh": 50, "v85_kmh": 85}
"""Of a window they come from its summed speed cells, never from those of its intervals."""
COUNTED: Final = ("count", "heavy_count", "wrong_way_count", *CELLS)
"""What is summed up. A cell that is not told holds nobody."""
THINNED: Final = tuple(
    f"{name}_{stat}"
    for name in (*COUNTED, "duration_s", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")
    for stat in ("mean", "n")
)
"""What Flow reads of a thinned minute."""
_SUMMED: Final = frozenset(COUNTED)
WHOLE_SUMS: Final = frozenset(name + "_sum" for name in COUNTED)
OCCUPANCY_S: Final = "occupancy_s_sum"
_TIMED: Final = "timed"
"""Vehicles of intervals whose length is known: flow is made of them alone."""
OWN_SUMS: Final = WHOLE_SUMS | {"count_n", "duration_s_sum", OCCUPANCY_S}


class Flow:
    """Traffic: counts are summed, speeds weighted by their vehicles, occupancy by time, flow is vehicles over time.

    Time-mean speed adds speeds, space-mean speed adds slownesses (Wardrop): averages are never averaged without their
    counts. `count_n` is intervals, `speed_*_n` vehicles, `duration_s_sum` the seconds counted, `occupancy_s_sum` those
    whose occupancy is known, `v85_kmh` and its like what the summed speed cells say.
    """

    __slots__ = ("_highest", "_lowest", "_sums", "n", "qc")

    def __init__(self) -> None:
        self.n = 0
        self.qc = 0
        self._sums: dict[str, float] = {}
        self._lowest: dict[str, float] = {}
        self._highest: dict[str, float] = {}

    def readings(self, columns: Mapping[str, list[Any]], first: int, end: int) -> None:
        for row in range(first, end):
            self._interval({name: column[row] for name, column in columns.items()})

    def _interval(self, row: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, row.get("qc") or 0)
        count, seconds = row.get("count"), row.get("duration_s")
        if count is not None:
            self._sum("count_sum", count)
            self._sum("count_n", 1)
            self._span("count", count, count)
        for name, number in row.items():
            if number is not None and name in _SUMMED and name != "count":
                self._sum(name + "_sum", number)
        if seconds and count is not None:
            self._sum("duration_s_sum", seconds)
            self._sum(_TIMED, count)
            self._span("flow_vph", 3600 * count / seconds, 3600 * count / seconds)
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            speed = row.get(name)
            if speed is not None and count:
                self._speed(name, speed, count)
                self._span(name, speed, speed)
        occupancy = row.get("occupancy_ratio")
        if occupancy is not None and seconds:
            self._sum("occupied_s", occupancy * seconds)
            self._sum(OCCUPANCY_S, seconds)
            self._span("occupancy_ratio", occupancy, occupancy)

    def thinned(self, fields: Mapping[str, Any]) -> None:
        """Take a minute of intervals that the agent put together when its spool was full."""
        row = {name: fields.get(name + "_mean") for name in ("speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")}
        for name in (*COUNTED, "duration_s"):
            mean, n = fields.get(name + "_mean"), fields.get(name + "_n")
            row[name] = None if mean is None or n is None else mean * n if name == "duration_s" else round(mean * n)
        self._interval(row)

    def below(self, fields: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, fields.get("qc") or 0)
        for name, value in fields.items():
            if value is not None and name in OWN_SUMS:
                self._sum(name, value)
        flow_vph, counted_s = fields.get("flow_vph_mean"), fields.get("duration_s_sum")
        if flow_vph is not None and counted_s is not None:
            self._sum(_TIMED, round(flow_vph * counted_s / 3600))
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            if fields.get(name + "_mean") is not None:
                self._speed(name, fields[name + "_mean"], fields.get(name + "_n") or 1)
        if fields.get("occupancy_ratio_mean") is not None:
            seconds = fields.get(OCCUPANCY_S) or fields.get("duration_s_sum") or 1
            self._sum("occupied_s", fields["occupancy_ratio_mean"] * seconds)
            if OCCUPANCY_S not in fields:  # stored before it was
                self._sum(OCCUPANCY_S, seconds)
        for name in ("count", "flow_vph", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio"):
            if fields.get(name + "_min") is not None:
                self._span(name, fields[name + "_min"], fields[name + "_max"])

    def _sum(self, name: str, value: float) -> None:
        self._sums[name] = self._sums.get(name, 0) + value

    def _span(self, name: str, low: float, high: float) -> None:
        self._lowest[name] = min(low, self._lowest.get(name, low))
        self._highest[name] = max(high, self._highest.get(name, high))

    def _speed(self, name: str, speed: float, vehicles: float) -> None:
        if name == "speed_sms_kmh" and speed <= 0:
            return  # nothing that stands passes a counter
        self._sum(name + "_n", vehicles)
        self._sum(name, vehicles / speed if name == "speed_sms_kmh" else vehicles * speed)

    def fields(self) -> dict[str, Any]:
        sums = self._sums
        found: dict[str, Any] = {}
        found |= {name: int(value) for name, value in sums.items() if name in WHOLE_SUMS or name == "count_n"}
        if "count_sum" in sums:
            found["count_mean"] = round(sums["count_sum"] / sums["count_n"], DECIMALS)
        if "duration_s_sum" in sums and _TIMED in sums:
            found["duration_s_sum"] = round(sums["duration_s_sum"], DECIMALS)
            found["flow_vph_mean"] = round(3600 * sums[_TIMED] / sums["duration_s_sum"], DECIMALS)
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            if name in sums:
                n = sums[name + "_n"]
                found[name + "_mean"] = round(n / sums[name] if name == "speed_sms_kmh" else sums[name] / n, DECIMALS)
                found[name + "_n"] = int(n)
        found |= self._percentiles()
        if OCCUPANCY_S in sums:
            found[OCCUPANCY_S] = round(sums[OCCUPANCY_S], DECIMALS)
            found["occupancy_ratio_mean"] = round(sums["occupied_s"] / sums[OCCUPANCY_S], DECIMALS)
        for name, low in self._lowest.items():
            found[name + "_min"] = round(float(low), DECIMALS)
            found[name + "_max"] = round(float(self._highest[name]), DECIMALS)
        return found | {"qc": self.qc} if self.qc else found

    def _percentiles(self) -> dict[str, float]:
        histogram = [int(self._sums.get(name + "_sum", 0)) for name in SPEED_CELLS]
        told = {name: percentile_from_histogram(histogram, percent) for name, percent in PERCENTILES.items()}
        return {name: round(speed, 2) for name, speed in told.items() if speed is not None}
