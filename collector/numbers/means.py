"""A window of air or weather: mean, smallest, largest and number of readings of each quantity. Pure.

A gauge tells what has fallen since it was reset: by a person, at a limit of its own, by a power cut. A window's own is
the sum of the rises: a fall is a reset, and what stands there afterwards has fallen since.

Means are rounded to six decimals, which hides the order of additions: the same readings give the same window by
whatever road they came.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from collector.numbers.cells import extent, numbers
from measures.averages import DIRECTIONS, LEVELS, direction_deg, energy, level_db
from wire.quantities import STATS

DECIMALS: Final = 6
TOTALS: Final = frozenset({"rain_mm"})
FINER: Final = 0.001
"""Than any gauge tells: what is left of additions and roundings is smaller."""
CELL: Final = 4  # n, sum, smallest, largest


class Means:
    """Mean, smallest, largest and n of each quantity.

    The numbers stand in one array. Kept as objects they would lie scattered among those that live for a moment, and
    everything that a busy collector allocates would be scattered between them.
    """

    __slots__ = ("_cells", "_places", "n", "names", "qc", "totals", "turns")

    def __init__(self, places: Mapping[str, int]) -> None:
        """`places` says of each quantity where in the array its n, sum, smallest and largest stand."""
        self.names: list[str] = []  # of those with values, but directions
        self.turns: dict[str, list[float]] = {}  # n, sum of sines, sum of cosines
        self.totals: dict[str, tuple[float, float | None]] = {}  # what was added; where the gauge stood last, if known
        self.n = 0
        self.qc = 0
        self._places = places
        self._cells = array("d", bytes(CELL * len(places) * 8))

    def readings(self, columns: Mapping[str, list[Any]], first: int, end: int) -> None:
        codes = extent(columns["qc"][first:end]) if "qc" in columns else None
        if codes is not None and codes[1] > self.qc:
            self.qc = codes[1]
        places = self._places
        for name, column in columns.items():
            if name not in places:
                continue
            found = numbers(column[first:end])
            if found is None:
                continue
            values, low, high = found
            if name in DIRECTIONS:
                self._turn(name, values)
            else:
                self._add(name, places[name], values, low, high)
                if name in TOTALS:
                    self._rise(name, values)

    def below(self, fields: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, fields.get("qc") or 0)
        for field, mean in fields.items():
            name = field[:-5]
            at = self._places.get(name)
            if at is None or mean is None or not field.endswith("_mean"):
                continue
            if name in DIRECTIONS:
                self._turn(name, [mean])
            else:
                low, high = fields.get(name + "_min", mean), fields.get(name + "_max", mean)
                self._add(name, at, [mean], low, high)
                if name in TOTALS:
                    self._rise_below(name, low, high, fields.get(name + "_sum"))

    def minute(self, minute: Means, fields: Mapping[str, Any]) -> None:
        """Take a minute that is still in memory: the same as `below` of its fields, without looking for them."""
        self.n += 1
        self.qc = max(self.qc, minute.qc)
        for name in minute.names:
            mean, low, high, _ = stat_fields(name)
            self._add(name, self._places[name], [fields[mean]], fields[low], fields[high])
            if name in TOTALS:
                self._rise_below(name, fields[low], fields[high], fields[name + "_sum"])
        for name in minute.turns:
            degrees = minute.direction(name)
            if degrees is not None:
                self._turn(name, [degrees])

    def direction(self, name: str) -> float | None:
        """The middle of the directions; None where they cancel out."""
        return direction_deg(*self.turns[name])

    def _add(self, name: str, at: int, values: list[float], low: float, high: float) -> None:
        cells = self._cells
        if not cells[at]:
            self.names.append(name)
            cells[at + 2], cells[at + 3] = low, high
        else:
            if low < cells[at + 2]:
                cells[at + 2] = low
            if high > cells[at + 3]:
                cells[at + 3] = high
        if name in LEVELS:
            values = list(map(energy, values))
        cells[at] += len(values)
        cells[at + 1] = sum(values, cells[at + 1])

    def _turn(self, name: str, degrees: list[float]) -> None:
        """Directions are added as unit vectors: the middle of 350° and 10° is north, not south."""
        turn = self.turns.setdefault(name, [0, 0.0, 0.0])
        turn[0] += len(degrees)
        turn[1] += sum(math.sin(math.radians(value)) for value in degrees)
        turn[2] += sum(math.cos(math.radians(value)) for value in degrees)

    def _rise(self, name: str, values: list[float]) -> None:
        added, last = self.totals.get(name, (0.0, values[0]))
        for value in values:
            added, last = added + _risen(last, value), value
        self.totals[name] = added, last

    def _rise_below(self, name: str, low: float, high: float, total: float | None) -> None:
        """A window's own, and what came between it and the one before.

        One that rose by another length than from its lowest to its highest was reset within, and nobody knows where it
        began and ended. A thinned one knows these two alone: it was reset within when the gauge stood between them
        before, ended at its lowest or above, and the next tells by how much.
        """
        added, last = self.totals.get(name, (0.0, None))
        first: float | None = low
        end: float | None = high
        own = high - low
        if total is not None and abs(total - own) > FINER:
            first, end, own = None, None, total
        elif total is None and last is not None and low < last <= high:
            first, end, own = last, low, high - last + low
        self.totals[name] = added + _risen(last, first) + own, end

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.names:
            at = self._places[name]
            n, total, low, high = self._cells[at : at + CELL]
            mean_field, min_field, max_field, n_field = stat_fields(name)
            mean = total / n
            found[mean_field] = round(level_db(mean) if name in LEVELS else mean, DECIMALS)
            found[min_field] = low
            found[max_field] = high
            found[n_field] = int(n)
        for name, (n, _, _) in self.turns.items():
            degrees = self.direction(name)
            if degrees is not None:
                found[name + "_mean"] = degrees
            found[name + "_n"] = int(n)
        found |= {name + "_sum": round(added, DECIMALS) for name, (added, _) in self.totals.items()}
        return found | {"qc": self.qc} if self.qc else found


def _risen(last: float | None, value: float | None) -> float:
    """What fell between two readings: at least what stands there, if the gauge was reset."""
    if last is None or value is None:
        return 0.0
    return value - last if value >= last else value


@cache
def stat_fields(name: str) -> tuple[str, ...]:
    """What the statistics of a quantity are called."""
    return tuple(f"{name}_{stat}" for stat in STATS)
