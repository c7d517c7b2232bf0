"""What a window can tell: mean, sum, count, least, largest, range, change, 85th percentile, the newest reading.

`within` may say False when it does not know; when it says True, no rule needs to look at the rows one by one.
"""

from __future__ import annotations

import math
from array import array
from typing import ClassVar, Final

from collector.rules.present import Present
from collector.rules.rule import Spec
from collector.rules.window import ANY, DECIMALS, NONE, Bounds, Window
from measures.averages import LEVELS, energy, level_db
from wire.times import DAY_MS, HOUR_MS

_MARGIN = 1e-6  # wider than what rounding in value() moves
_NEVER_MS = 2**62
_WEEK_MS = 7 * DAY_MS
_PUT_BACK_MS = HOUR_MS
"""By so much a week is longer in which clocks were put back."""


class Sums(Window):
    """mean, sum, count and the share of suspect readings."""

    columns: ClassVar[tuple[float, ...]] = (0.0,)
    __slots__ = ()

    def add(self, time_ms: int, value: float) -> None:
        self.open[0] += 1
        self.open[1] += value

    def add_all(self, rows: Present) -> None:
        self.open[0] += len(rows.values)
        self.open[1] += rows.total

    def _slide(self, gone: int) -> bool:
        slot = gone % self.size
        self._slide_n(slot)
        self.base[0] += self.open[1] - self.cells[0][slot]
        return True

    def within(self, rows: Present, low: float, high: float) -> bool:
        """The statistic goes furthest when every value is the least, or the largest, of them."""
        n, total, more = self.base_n + self.open[0], self.base[0] + self.open[1], len(rows.values)
        if self.stat == "count":
            return low < n and n + more < high
        least, most = rows.span
        if self.stat == "sum":
            lowest, highest = total + more * min(least, 0.0), total + more * max(most, 0.0)
        else:
            lowest, highest = (total + more * least) / (n + more), (total + more * most) / (n + more)
            if n:
                lowest, highest = min(lowest, total / n), max(highest, total / n)
            else:
                lowest, highest = least, most
        return low + _MARGIN < lowest and highest < high - _MARGIN

    def leeway(self, band: Bounds, until_ms: int, rows: int) -> Bounds:
        """A mean far from a level bears values beyond it: the nearer, and the fewer readings it has, the less far.

        Buckets leave meanwhile, so that is asked of what is left after each of them.
        """
        if band == ANY or self.stat in ("sum", "count"):
            return ANY if band == ANY else NONE
        low, high = band[0] + _MARGIN, band[1] - _MARGIN
        least, most = -math.inf, math.inf
        n, total = self.base_n + self.open[0], self.base[0] + self.open[1]
        for gone in (None, *self._left(until_ms)):
            if gone == self.top:
                n = 0
            elif gone is not None and gone > max(self.floor, self.top - self.size):
                slot = gone % self.size
                if not self.n[slot]:
                    continue
                n, total = n - self.n[slot], total - self.cells[0][slot]
            if not n:
                return max(least, low), min(most, high)
            mean = total / n
            if not low < mean < high:
                return NONE
            least, most = max(least, low - (mean - low) * n / rows), min(most, high + (high - mean) * n / rows)
        return least, most

    def at_with(
        self, unseen: Present | None, head_ms: int, time_ms: int, interval_ms: int | None
    ) -> tuple[float | None, float]:
        """Readings of buckets that are over are added to what is there; no ring is copied for that."""
        head, last = head_ms // self.width, time_ms // self.width - 1
        first, closed = last - self.count + 1, min(last, head)
        if unseen is None or not self.top or first <= max(self.floor, head - self.size):
            return super().at_with(unseen, head_ms, time_ms, interval_ms)
        n, filled, (total,) = self._fold(first, min(closed, self.top - 1))
        rows = unseen.between(first * self.width, (closed + 1) * self.width)
        buckets = {row_ms // self.width for row_ms in rows.times} if interval_ms is None and rows is not None else set()
        if first <= self.top <= closed and self.open[0]:
            n, total = n + self.open[0], total + self.open[1]
            buckets.add(self.top)
        if rows is not None:
            n, total = n + len(rows.times), total + rows.total
        found = self._value(n, [total], self._empty())
        share = self._share_of(n, filled + len(buckets), interval_ms)
        return (None if found is None else round(found, DECIMALS)), share

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        return [sum(cells[0])]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        n, total = base_n + last[0], base[0] + last[1]
        if self.stat == "count":
            return float(n)
        if not n:
            return None
        return float(total if self.stat == "sum" else total / n)


class Levels(Window):
    """mean of sound levels: the level of their mean energy, Leq. Folded anew with each bucket: energies span too many
    powers of ten for sums that slide."""

    columns: ClassVar[tuple[float, ...]] = (0.0,)
    __slots__ = ()

    def add(self, time_ms: int, value: float) -> None:
        self.open[0] += 1
        self.open[1] += energy(value)

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        return [sum(cells[0])]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        n = base_n + last[0]
        return level_db((base[0] + last[1]) / n) if n else None


class Extremes(Window):
    """min, max and range (largest less smallest: 0 is a stuck sensor)."""

    columns: ClassVar[tuple[float, ...]] = (math.inf, -math.inf)
    __slots__ = ()

    def add(self, time_ms: int, value: float) -> None:
        bucket = self.open
        bucket[0] += 1
        bucket[1] = min(bucket[1], value)
        bucket[2] = max(bucket[2], value)

    def add_all(self, rows: Present) -> None:
        bucket, (least, most) = self.open, rows.span
        bucket[0] += len(rows.values)
        bucket[1] = min(bucket[1], least)
        bucket[2] = max(bucket[2], most)

    def _slide(self, gone: int) -> bool:
        slot, base = gone % self.size, self.base
        if self.n[slot] and (self.cells[0][slot] <= base[0] or self.cells[1][slot] >= base[1]):
            return False
        self._slide_n(slot)
        base[0], base[1] = min(base[0], self.open[1]), max(base[1], self.open[2])
        return True

    def within(self, rows: Present, low: float, high: float) -> bool:
        if not self.base_n + self.open[0]:
            return False
        least, most = min(self.base[0], self.open[1]), max(self.base[1], self.open[2])
        lowest, highest = min(least, rows.span[0]), max(most, rows.span[1])
        if self.stat == "max":
            return most > low + _MARGIN and highest < high - _MARGIN
        if self.stat == "min":
            return lowest > low + _MARGIN and least < high - _MARGIN
        return most - least > low + _MARGIN and highest - lowest < high - _MARGIN

    def leeway(self, band: Bounds, until_ms: int, rows: int) -> Bounds:
        """What stays in the window until then holds one side of the statistic, the new readings the other."""
        if band == ANY or not self.base_n + self.open[0]:
            return ANY if band == ANY else NONE
        low, high = band[0] + _MARGIN, band[1] - _MARGIN
        left = self._left(until_ms)
        stays = self.base if not left else self._fold(left.stop, self.top - 1)[2]
        is_open = self.top not in left
        least, most = min(self.base[0], self.open[1]), max(self.base[1], self.open[2])
        staying = (min(stays[0], self.open[1]), max(stays[1], self.open[2])) if is_open else (math.inf, -math.inf)
        if self.stat == "max":
            return (-math.inf, high) if most < high and (low == -math.inf or staying[1] > low) else NONE
        if self.stat == "min":
            return (low, math.inf) if least > low and (high == math.inf or staying[0] < high) else NONE
        return ANY if band[1] == math.inf and staying[1] - staying[0] > low else NONE

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        return [min(cells[0]), max(cells[1])]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        if not base_n + last[0]:
            return None
        least, most = min(base[0], last[1]), max(base[1], last[2])
        return float({"min": least, "max": most, "range": most - least}[self.stat])


class Change(Window):
    """The newest reading less the oldest of the window."""

    columns: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    __slots__ = ()

    def add(self, time_ms: int, value: float) -> None:
        bucket = self.open
        if not bucket[0]:
            bucket[1] = value
        bucket[0] += 1
        bucket[2] = value

    def add_all(self, rows: Present) -> None:
        bucket = self.open
        if not bucket[0]:
            bucket[1] = rows.values[0]
        bucket[0] += len(rows.values)
        bucket[2] = rows.values[-1]

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        filled = [slot for slot, readings in enumerate(n) if readings]
        return [cells[0][filled[0]], cells[1][filled[-1]]] if filled else [0.0, 0.0]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        if not base_n + last[0]:
            return None
        return float((last[2] if last[0] else base[1]) - (base[0] if base_n else last[1]))


class P85(Window):
    """The 85th percentile by linear interpolation, of at most ten readings a bucket.

    The ten are fixed by the reading's place in its bucket (the newest of each tenth), so that what is kept does not
    hang on the order of arrival; while no two readings share a tenth the percentile is exact.
    """

    columns: ClassVar[tuple[float, ...]] = (math.nan,) * 10
    __slots__ = ()

    def add(self, time_ms: int, value: float) -> None:
        self.open[0] += 1
        self.open[1 + (time_ms % self.width) * 10 // self.width] = value

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        return [value for cell in cells for value in cell if not math.isnan(value)]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        values = sorted(value for value in (*base, *last[1:]) if not math.isnan(value))
        if not values:
            return None
        place = 0.85 * (len(values) - 1)
        low = int(place)
        high = min(low + 1, len(values) - 1)
        return float(values[low] + (values[high] - values[low]) * (place - low))


class Last(Window):
    """The newest reading: one bucket that never closes, always complete."""

    columns: ClassVar[tuple[float, ...]] = (0.0,)
    __slots__ = ()

    def roll(self, time_ms: int) -> None:
        self.end_ms = _NEVER_MS

    def add(self, time_ms: int, value: float) -> None:
        self.open = [1, value]

    def add_all(self, rows: Present) -> None:
        self.open = [1, rows.values[-1]]

    def patch(self, rows: Present) -> None:
        """What came late is not the newest."""

    def share(self, time_ms: int, interval_ms: int | None) -> float:
        return 1.0

    def share_at_most(self, more: int, first_ms: int, interval_ms: int | None) -> float:
        return 1.0

    def share_until(self, until_ms: int, more: int, interval_ms: int | None) -> float:
        return 1.0

    def within(self, rows: Present, low: float, high: float) -> bool:
        least, most = rows.span
        return low + _MARGIN < least and most < high - _MARGIN

    def leeway(self, band: Bounds, until_ms: int, rows: int) -> Bounds:
        return band[0] + _MARGIN, band[1] - _MARGIN

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        return [0.0]

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        return float(last[1]) if last[0] else None


_CLASSES: Final[dict[str, type[Window]]] = {
    **dict.fromkeys(("mean", "sum", "count", "suspect"), Sums),
    **dict.fromkeys(("min", "max", "range"), Extremes),
    **dict.fromkeys(("last", "category"), Last),
    "change": Change,
    "p85": P85,
}


def window(spec: Spec, reach_ms: int) -> Window:
    """An empty window of this spec that can be wound back by `reach_ms`."""
    if spec.versus == "last-week":
        reach_ms += _WEEK_MS + max(spec.over_ms, _PUT_BACK_MS)
    of_levels = spec.stat == "mean" and spec.quantity.removesuffix("_mean") in LEVELS
    return (Levels if of_levels else _CLASSES[spec.stat])(spec, reach_ms if spec.over_ms else 0)
