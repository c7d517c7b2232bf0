"""The readings that may have to be played again: a few minutes of one series, in arrays."""

from __future__ import annotations

import math
from array import array
from binascii import a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from collector.rules.window import doubles, packed_doubles

Columns = dict[str, list[Any]]


class Recent:
    """Rows in order of time. NaN stands where a column has no value."""

    __slots__ = ("columns", "times")

    def __init__(self, names: Iterable[str]) -> None:
        self.times = array("q")
        self.columns = {name: array("d") for name in names}

    def keep(self, times: list[int], columns: Columns) -> None:
        """Rows newer than all that are kept."""
        self.times.extend(array("q", times))  # an array takes an array twice as fast as a list
        for name, kept in self.columns.items():
            column = columns.get(name)
            if column is None:
                kept.extend(array("d", [math.nan]) * len(times))
            elif None in column:
                kept.extend(array("d", [math.nan if value is None else value for value in column]))
            else:
                kept.extend(array("d", column))

    def forget(self, until_ms: int) -> None:
        """Rows up to `until_ms` will not be played again."""
        gone = bisect_right(self.times, until_ms)
        del self.times[:gone]
        for kept in self.columns.values():
            del kept[:gone]

    def merged(self, times: list[int], columns: Columns) -> tuple[list[int], Columns]:
        """These rows and those kept, in order. What is known stays: a reading has one value."""
        known = set(self.times)
        fresh = [row for row, time_ms in enumerate(times) if time_ms not in known]
        joined = [*self.times, *(times[row] for row in fresh)]
        order = sorted(range(len(joined)), key=joined.__getitem__)
        merged: Columns = {}
        for name, kept in self.columns.items():
            column = columns.get(name)
            values = [None if math.isnan(value) else value for value in kept]
            values += [None] * len(fresh) if column is None else [column[row] for row in fresh]
            merged[name] = [values[row] for row in order]
        return [joined[row] for row in order], merged

    def packed(self) -> list[Any]:
        """The rows as a JSON value."""
        columns = {name: packed_doubles(kept) for name, kept in self.columns.items()}
        return [b2a_base64(self.times, newline=False).decode(), columns]

    def unpack(self, packed: list[Any]) -> None:
        """Take the rows of `packed`, of the same columns."""
        self.times = array("q")
        self.times.frombytes(a2b_base64(packed[0]))
        self.columns = {name: doubles(text) for name, text in packed[1].items()}
