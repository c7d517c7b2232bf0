"""What passed in one direction since the interval began, and what it comes to when the interval ends. Pure.

Speeds and lengths leave the box as counts in cells, never as those of one vehicle: as long as fewer than `FEW` are
together their cells wait, and go with the interval in which there are enough. So the cells of an hour are those of its
vehicles but for a handful at either end, and nobody's speed is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from measures.flow import flow_vph, headway_s
from measures.speed import percentile_kmh, space_mean_kmh, time_mean_kmh
from measures.vehicle_classes import HEAVY_FROM_M
from wire.traffic import length_cell, speed_cell

FEW = 5
PERCENTILES = (15, 50)
"""Told from `FEW` vehicles on; V85 always, as it has been."""


@dataclass(slots=True)
class Tally:
    """Vehicles of the open interval, and cells of earlier ones that still wait."""

    speeds: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    wrong_way: int = 0
    waiting: Counter[str] = field(default_factory=Counter)

    def close(self, duration_s: float, *, tells_length: bool, one_way: bool) -> dict[str, float | int]:
        """The values of the interval that ends now; the next one begins empty."""
        count = len(self.speeds)
        values: dict[str, float | int | None] = {
            "count": count,
            "duration_s": duration_s,
            "flow_vph": flow_vph(count, duration_s),
            "speed_tms_kmh": time_mean_kmh(self.speeds),
            "speed_sms_kmh": space_mean_kmh(self.speeds),
            "v85_kmh": percentile_kmh(self.speeds, 85),
            "headway_s": headway_s(count, duration_s),
        }
        if count >= FEW:
            values |= {f"v{percent}_kmh": percentile_kmh(self.speeds, percent) for percent in PERCENTILES}
        if tells_length:
            values["heavy_count"] = sum(round(length, 2) >= HEAVY_FROM_M for length in self.lengths)
        if one_way:
            values["wrong_way_count"] = self.wrong_way
        cells = self._ripe(self.speeds, speed_cell, "n_speed_") | self._ripe(self.lengths, length_cell, "n_length_")
        self.speeds, self.lengths, self.wrong_way = [], [], 0
        return {name: round(value, 2) for name, value in values.items() if value is not None} | cells

    def state(self) -> dict[str, Any]:
        """Plain data, committed with the readings."""
        return {
            "speeds": self.speeds,
            "lengths": self.lengths,
            "wrong_way": self.wrong_way,
            "waiting": dict(self.waiting),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.speeds, self.lengths = list(state.get("speeds", ())), list(state.get("lengths", ()))
        self.wrong_way, self.waiting = state.get("wrong_way", 0), Counter(state.get("waiting", {}))

    def _ripe(self, values: Iterable[float], cell_of: Callable[[float], str], prefix: str) -> dict[str, int]:
        """The cells of one measure that may go: none as long as fewer than `FEW` vehicles are in them."""
        self.waiting.update(map(cell_of, values))
        cells = {name: count for name, count in sorted(self.waiting.items()) if name.startswith(prefix)}
        if sum(cells.values()) < FEW:
            return {}
        for name in cells:
            del self.waiting[name]
        return cells
