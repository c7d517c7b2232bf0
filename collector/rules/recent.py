"""The readings that may have to be played again: a few minutes of one series, in arrays."""

from __future__ import annotations

import math
from array import array
from binascii import a2b_base64, b2a_base64
from bisect import bisect_left, bisect_right
from typing import Any

from collector.rules.window import doubles, packed_doubles

Columns = dict[str, list[Any]]
_NAN = array("d", [math.nan])


class Recent:
    """Rows in order of time. NaN stands where a column has no value; a column begins with its first value."""

    __slots__ = ("columns", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.columns: dict[str, array[float]] = {}

    def keep(self, times: list[int], columns: Columns) -> None:
        """Rows newer than all that are kept."""
        before = len(self.times)
        self.times.extend(array("q", times))  # an array takes an array twice as fast as a list
        for name, column in columns.items():
            kept = self.columns.get(name)
            if kept is None:
                kept = self.columns[name] = _NAN * before
            kept.extend(_doubles(column))
        if len(columns) < len(self.columns):
            for kept in self.columns.values():
                if len(kept) < len(self.times):
                    kept.extend(_NAN * len(times))

    def forget(self, until_ms: int) -> None:
        """Rows up to `until_ms` will not be played again."""
        gone = bisect_right(self.times, until_ms)
        del self.times[:gone]
        for kept in self.columns.values():
            del kept[:gone]

    def count_after(self, time_ms: int) -> int:
        """How many rows are newer than `time_ms`."""
        return len(self.times) - bisect_right(self.times, time_ms)

    def after(self, time_ms: int) -> tuple[list[int], Columns]:
        """The rows newer than `time_ms`."""
        first = bisect_right(self.times, time_ms)
        return self.times[first:].tolist(), {name: _values(kept[first:]) for name, kept in self.columns.items()}

    def between(self, name: str, after_ms: int, end_ms: int) -> tuple[list[int], list[Any]]:
        """The rows newer than `after_ms` and older than `end_ms`, and their values in one column."""
        first, end = bisect_right(self.times, after_ms), bisect_left(self.times, end_ms)
        kept = self.columns.get(name)
        return ([], []) if kept is None else (self.times[first:end].tolist(), _values(kept[first:end]))

    def put(self, times: list[int], columns: Columns) -> None:
        """Rows of any time. What is known stays: a reading has one value."""
        merged = self.merged(times, columns)
        self.times, self.columns = array("q"), {}
        self.keep(*merged)

    def merged(self, times: list[int], columns: Columns) -> tuple[list[int], Columns]:
        """These rows and those kept, in order. What is known stays: a reading has one value."""
        known = set(self.times)
        fresh = [row for row, time_ms in enumerate(times) if time_ms not in known]
        joined = [*self.times, *(times[row] for row in fresh)]
        order = sorted(range(len(joined)), key=joined.__getitem__)
        merged: Columns = {}
        for name in dict.fromkeys((*self.columns, *columns)):
            kept, column = self.columns.get(name), columns.get(name)
            values: list[Any] = [None] * len(self.times) if kept is None else _values(kept)
            values += [None] * len(fresh) if column is None else [column[row] for row in fresh]
            merged[name] = [values[row] for row in order]
        return [joined[row] for row in order], merged

    def packed(self) -> list[Any]:
        """The rows as a JSON value."""
        columns = {name: packed_doubles(kept) for name, kept in self.columns.items()}
        return [b2a_base64(self.times, newline=False).decode(), columns]

    def unpack(self, packed: list[Any]) -> None:
        """Take the rows of `packed`."""
        self.times = array("q")
        self.times.frombytes(a2b_base64(packed[0]))
        self.columns = {name: doubles(text) for name, text in packed[1].items()}


def _doubles(column: list[Any]) -> array[float]:
    try:
        return array("d", column)
    except TypeError:  # a None: to look for it before would take longer
        return array("d", [math.nan if value is None else value for value in column])


def _values(kept: array[float]) -> list[Any]:
    values: list[Any] = kept.tolist()
    if not math.isnan(sum(values)):
        return values
    return [None if value != value else value for value in values]
