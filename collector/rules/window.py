"""Windows over event time: one statistic of one quantity of one series, in a ring of buckets.

        top - count              top
    ----|----|----|----|----|----|--  >      a window of `count` buckets, the last one still open
        \\_____ base: closed ____/ \\_ open

Memory is the ring: 20 or 60 buckets and as many more as a rewind may reach back, whatever the rate of readings; a
window that never had one has no ring. Sums
slide from bucket to bucket and are summed anew once a window's length, so they do not drift; value() rounds to six
decimals, which hides the order of additions: the same readings give the same value by whichever road the window came
there. A window knows how much of it is there; who asks decides whether that is enough.
"""

from __future__ import annotations

import math
from array import array
from binascii import a2b_base64, b2a_base64
from bisect import bisect_left
from copy import copy
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

from collector.rules.present import Present
from collector.rules.rule import Spec
from wire.times import HOUR_MS

FINE_FROM_MS: Final = HOUR_MS
DECIMALS: Final = 6
Bounds = tuple[float, float]
"""Strictly between the two."""
ANY: Final[Bounds] = (-math.inf, math.inf)
NONE: Final[Bounds] = (math.inf, -math.inf)
Stand = tuple[int, list[float]]
"""Where a window stands: the number of its open bucket, and what is in it."""
Number = TypeVar("Number", int, float)


def bucket_ms(spec: Spec) -> int:
    """The width of a bucket: a sixtieth of a long window, a twentieth of a short one, all of it beside last week's."""
    if spec.versus == "last-week" or not spec.over_ms:
        return spec.over_ms or 1
    return spec.over_ms // 60 if spec.over_ms >= FINE_FROM_MS and spec.over_ms % 60 == 0 else spec.over_ms // 20


def packed_doubles(numbers: array[float]) -> str:
    """Numbers as base64 of little-endian doubles: exact, also NaN and infinity, and much faster than decimals."""
    return b2a_base64(numbers, newline=False).decode()


def doubles(text: str) -> array[float]:
    """The numbers of packed_doubles()."""
    numbers = array("d")
    numbers.frombytes(a2b_base64(text))
    return numbers


class Window:
    """A ring of buckets with `columns` numbers each, beside how many readings each one holds.

    Subclasses say how a reading enters the open bucket and how closed buckets are folded into `base`. Readings come
    in the order of their time, after roll(); what came too late for that goes through patch().
    """

    columns: ClassVar[tuple[float, ...]] = ()  # what an empty bucket holds
    __slots__ = (
        "base",
        "base_filled",
        "base_n",
        "cells",
        "count",
        "end_ms",
        "floor",
        "n",
        "open",
        "size",
        "stat",
        "top",
        "width",
    )

    def __init__(self, spec: Spec, reach_ms: int) -> None:
        """`reach_ms` is how far back `rewind` and `at` may go."""
        self.stat = spec.stat
        self.width = bucket_ms(spec)
        self.count = spec.over_ms // self.width
        self.size = self.count + reach_ms // self.width + 2
        self.n = array("I")  # the ring is made with the first reading: most sensors measure a part of what rules know
        self.cells: list[array[float]] = []
        self.top = 0  # number of the open bucket; its content is in `open`, not yet in the ring
        self.floor = -1  # buckets up to this one were overwritten
        self.end_ms = 0
        self.open = self._empty()
        self.base_n: float = 0
        self.base_filled = 0
        self.base = list(self.columns)

    def _empty(self) -> list[float]:
        return [0, *self.columns]

    @property
    def is_unused(self) -> bool:
        """True when it never had a reading."""
        return not self.top and not self.open[0]

    # Readings

    def roll(self, time_ms: int) -> None:
        """Open the bucket of `time_ms`, not older than the open one."""
        if time_ms < self.end_ms:
            return
        new = time_ms // self.width
        top = self.top
        if not top:
            self._make_ring()
            self._stand(new, self._empty())
            return
        slot = top % self.size
        self.n[slot] = int(self.open[0])
        for cell, number in zip(self.cells, self.open[1:], strict=True):
            cell[slot] = number
        if new == top + 1 and new % self.count and new - self.count > self.floor and self._slide(new - self.count):
            self.top, self.open = new, self._empty()
            self.end_ms = (new + 1) * self.width
            return
        for number in range(max(top + 1, new - self.size + 1), new):
            self._write(number % self.size, self._empty())
        self._stand(new, self._empty())

    def _make_ring(self) -> None:
        self.n = array("I", [0]) * self.size
        self.cells = [array("d", [empty]) * self.size for empty in self.columns]

    def _slide(self, gone: int) -> bool:
        """Let the open bucket close and bucket `gone` leave the base; False when only folding anew can tell."""
        return False

    def _slide_n(self, slot: int) -> None:
        self.base_n += self.open[0] - self.n[slot]
        self.base_filled += (self.open[0] > 0) - (self.n[slot] > 0)

    def add(self, time_ms: int, value: float) -> None:
        """A reading into the open bucket."""
        raise NotImplementedError

    def add_all(self, rows: Present) -> None:
        """Several readings into the open bucket, in their order."""
        for time_ms, value in zip(rows.times, rows.values, strict=True):
            self.add(time_ms, value)

    def feed(self, rows: Present) -> None:
        """Readings of any buckets from the open one on."""
        start = 0
        while start < len(rows.times):
            self.roll(rows.times[start])
            part = rows.part(start, self.end_ms)
            self.add_all(part)
            start += len(part.times)

    def patch(self, rows: Present) -> None:
        """Readings that came too late to be judged: they still complete the buckets they belong to."""
        start = bisect_left(rows.times, (max(self.floor, self.top - self.size) + 1) * self.width)
        now_open = self.open
        while start < len(rows.times) and (number := rows.times[start] // self.width) <= self.top:
            part, slot = rows.part(start, (number + 1) * self.width), number % self.size
            is_closed = number < self.top
            self.open = [self.n[slot], *(cell[slot] for cell in self.cells)] if is_closed else now_open
            self.add_all(part)
            if is_closed:
                self._write(slot, self.open)
            start += len(part.times)
        self._stand(self.top, now_open)

    def patch_mark(self, mark: Stand, rows: Present, until_ms: int) -> None:
        """The same, up to `until_ms`, in the bucket that was open at a mark: going back there, no ring has it."""
        first_ms = mark[0] * self.width
        late = rows.between(first_ms, min(first_ms + self.width, until_ms + 1))
        if late is not None:
            kept, self.open = self.open, mark[1]
            self.add_all(late)
            self.open = kept

    # Answers

    def value(self) -> float | None:
        """The statistic up to the newest reading; None when there is no reading."""
        found = self._value(self.base_n, self.base, self.open)
        return None if found is None else round(found, DECIMALS)

    def share(self, time_ms: int, interval_ms: int | None) -> float:
        """How much of the window is there: readings against those expected, else buckets that hold any."""
        if interval_ms is None:
            return (self.base_filled + (self.open[0] > 0)) / self.count
        return min(1.0, (self.base_n + self.open[0]) / self._expected(time_ms, interval_ms))

    def _expected(self, time_ms: int, interval_ms: int) -> int:
        """How many readings there can be up to one of this time, which is one of them: whole ones, at least it."""
        return max(time_ms - (self.top - self.count + 1) * self.width, 0) // interval_ms + 1

    def share_at_most(self, more: int, first_ms: int, interval_ms: int | None) -> float:
        """The largest share() there can be while `more` readings from `first_ms` on enter the open bucket."""
        if interval_ms is None:
            return (self.base_filled + 1) / self.count
        return min(1.0, (self.base_n + self.open[0] + more) / self._expected(first_ms, interval_ms))

    def share_until(self, until_ms: int, more: int, interval_ms: int | None) -> float:
        """The largest share() there can be before `until_ms` while at most `more` readings come."""
        if interval_ms is None:
            return min(1.0, (self.base_filled + 1 + until_ms // self.width - self.top) / self.count)
        expected = (self.count - 1) * self.width // interval_ms + 1
        return min(1.0, (self.base_n + self.open[0] + more) / expected)

    def at(self, time_ms: int, interval_ms: int | None) -> tuple[float | None, float]:
        """Value and share of the buckets that end at or before `time_ms`, as far back as the ring reaches.

        The newest reading's own bucket is one of them once its time is over.
        """
        last = time_ms // self.width - 1
        first = last - self.count + 1
        n, filled, base = self._fold(first, min(last, self.top - 1))
        bucket = self.open if self.top and first <= self.top <= last else self._empty()
        found = self._value(n, base, bucket)
        share = self._share_of(n + bucket[0], filled + (bucket[0] > 0), interval_ms)
        return (None if found is None else round(found, DECIMALS)), share

    def at_with(
        self, unseen: Present | None, head_ms: int, time_ms: int, interval_ms: int | None
    ) -> tuple[float | None, float]:
        """What `at` would say if these readings, which end with `head_ms`, had been fed."""
        ahead = self.copy()
        if unseen is not None:
            ahead.feed(unseen)
        if ahead.top:
            ahead.roll(head_ms)
        return ahead.at(time_ms, interval_ms)

    def _share_of(self, n: float, filled: int, interval_ms: int | None) -> float:
        if interval_ms is None:
            return filled / self.count
        return min(1.0, n * interval_ms / (self.count * self.width))

    def within(self, rows: Present, low: float, high: float) -> bool:
        """True when the statistic is sure to stay between `low` and `high` while these rows enter the open bucket."""
        return False

    def leeway(self, band: Bounds, until_ms: int, rows: int) -> Bounds:
        """Between which values readings may lie, so that the statistic is sure to stay in `band`.

        That holds for any readings before `until_ms`, at most `rows` of them; NONE when nothing is sure.
        """
        return ANY if band == ANY else NONE

    # The ring

    def mark(self) -> Stand:
        """Where the window stands, for `rewind`."""
        return _unused(self.columns) if self.is_unused else (self.top, self.open[:])

    def rewind(self, mark: Stand) -> None:
        """Forget every reading since `mark`."""
        self.floor = max(self.floor, self.top - self.size)
        self._stand(mark[0], mark[1][:])

    def packed_mark(self, mark: Stand) -> list[Any]:
        """A mark as a JSON value, in which what is not finite is None."""
        return [mark[0], [n if math.isfinite(n) else None for n in mark[1]]]

    def unpacked_mark(self, packed: list[Any]) -> Stand:
        """The mark of packed_mark()."""
        top, bucket = packed
        return top, [empty if n is None else n for n, empty in zip(bucket, self._empty(), strict=True)]

    def copy(self) -> Window:
        """An independent window of the same content."""
        new = copy(self)
        new.n, new.cells = self.n[:], [cell[:] for cell in self.cells]
        new.open, new.base = list(self.open), list(self.base)
        return new

    def packed(self) -> list[Any]:
        """The content as a JSON value; the rings as base64 of little-endian numbers."""
        rings = [packed_doubles(ring) for ring in (array("d", self.n), *self.cells)] if self.n else []
        return [self.floor, *self.packed_mark(self.mark()), *rings]

    def unpack(self, packed: list[Any]) -> None:
        """Take the content of `packed`, of a window of the same spec; another version's may have had another reach."""
        floor, top, bucket, *rings = packed
        if rings:
            n, *cells = map(doubles, rings)
            self.n, self.cells = array("I", map(int, n)), cells
            if len(n) != self.size:
                floor = max(floor, top - len(n))
                self._lay_anew(top)
        self.floor = floor
        self._stand(*self.unpacked_mark([top, bucket]))

    def _lay_anew(self, top: int) -> None:
        """The closed buckets of a ring of another size, as many as there is room for."""
        n, cells, size = self.n, self.cells, len(self.n)
        self._make_ring()
        for number in range(max(top - min(size, self.size) + 1, 0), top):
            slot = number % size
            self._write(number % self.size, [n[slot], *(cell[slot] for cell in cells)])

    def _stand(self, top: int, bucket: list[float]) -> None:
        self.top, self.open = top, bucket
        self.end_ms = (top + 1) * self.width if top else 0
        self.base_n, self.base_filled, self.base = self._fold(top - self.count + 1, top - 1)

    def _write(self, slot: int, bucket: list[float]) -> None:
        self.n[slot] = int(bucket[0])
        for cell, number in zip(self.cells, bucket[1:], strict=True):
            cell[slot] = number

    def _fold(self, first: int, last: int) -> tuple[float, int, list[float]]:
        """Readings, filled buckets and folded columns of the closed buckets from `first` to `last`."""
        first = max(first, self.floor + 1, self.top - self.size + 1, 0)
        if first > last:
            return 0, 0, list(self.columns)
        low, high = first % self.size, last % self.size + 1
        n = _cut(self.n, low, high)
        return sum(n), len(n) - n.count(0), self._merge(n, [_cut(cell, low, high) for cell in self.cells])

    def _left(self, until_ms: int) -> range:
        """The buckets that leave the window before `until_ms`, the first to leave first."""
        first = self.top - self.count + 1
        return range(first, min(max(until_ms // self.width - self.count, first - 1), self.top) + 1)

    def _merge(self, n: array[int], cells: list[array[float]]) -> list[float]:
        raise NotImplementedError

    def _value(self, base_n: float, base: list[float], last: list[float]) -> float | None:
        raise NotImplementedError


@cache
def _unused(columns: tuple[float, ...]) -> Stand:
    """The mark of every window without a reading: one for all series."""
    return 0, [0, *columns]


def _cut(ring: array[Number], low: int, high: int) -> array[Number]:
    return ring[low:high] if low < high else ring[low:] + ring[:high]
