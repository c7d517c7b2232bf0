"""Real data, replayed: the shipped series as functions of simulated time. Pure but for reading the file once.

Sources, units and licences of the series stand in `real_data/README.md`.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from datetime import datetime
from pathlib import Path

REAL_DATA = Path(__file__).with_name("real_data")
BEIJING = REAL_DATA / "beijing_wanliu_2016.csv"
I94 = REAL_DATA / "metro_i94_2017.csv"


class SeriesOfHours:
    """One column of an hourly file: linear between its hours, across its gaps too. Times in seconds of `datetime`.

    A direction takes the shorter way round: from 350° to 10° over north.
    """

    def __init__(self, file: Path, column: str, time: str, is_direction: bool) -> None:
        self._is_direction = is_direction
        points: dict[float, float] = {}
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            for row in rows:
                if row[column]:
                    try:
                        points[seconds(row[time])] = float(row[column])  # a repeated hour counts once
                    except ValueError:
                        text = f"{file}:{rows.line_num}: {row[time]!r} and {column} {row[column]!r}"
                        raise ValueError(f"{text}: a time such as 2026-03-16T06:30 and a number or nothing") from None
        self._times = sorted(points)
        self._values = [points[time] for time in self._times]

    def mean(self) -> float:
        """The mean of what is there."""
        return sum(self._values) / len(self._values)

    def holds(self, time_s: float) -> bool:
        """Whether the file knows that time."""
        return bool(self._times) and self._times[0] <= time_s <= self._times[-1]

    def at(self, time_s: float) -> float:
        """The value at a time; before the first and after the last hour, theirs."""
        after = bisect_right(self._times, time_s)
        if after == 0:
            return self._values[0]
        if after == len(self._times):
            return self._values[-1]
        left, right = self._times[after - 1], self._times[after]
        share = (time_s - left) / (right - left)
        before, then = self._values[after - 1], self._values[after]
        if self._is_direction:
            return (before + ((then - before + 180) % 360 - 180) * share) % 360
        return before * (1 - share) + then * share


def seconds(text: str) -> float:
    """Local clock time as seconds; an offset is dropped: the series are read by the clock on the wall."""
    return (datetime.fromisoformat(text).replace(tzinfo=None) - datetime(2016, 1, 1)).total_seconds()
