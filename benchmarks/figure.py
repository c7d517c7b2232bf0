"""A figure, and the loop that says how fast this machine is at this moment."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `ratio` is the value over what `ratio_to` names: the part that holds across machines."""

    name: str
    value: float
    unit: str
    ratio_to: str | None = None
    ratio: float | None = None
    budget: str | None = None

    def as_json(self) -> dict[str, object]:
        """One line of `lamppost bench --json`."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "ratio_to": self.ratio_to,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
        }


LOOP = "the calibration loop"


def loop_us() -> float:
    """CPU microseconds of a round of what Python does all day: lists, dicts, formatting. The best of seven.

    Costs are given beside it: a machine of half the speed, or one that is shared, doubles both.
    """
    column = [(n * 7919) % 1009 for n in range(60)]
    best = float("inf")
    for _ in range(7):
        start_ns = time.thread_time_ns()
        for _ in range(40):
            found = {str(value): [value, min(column), "%d,%s" % (value, value)] for value in column}  # noqa: UP031
            sorted(column)
            assert found
        best = min(best, (time.thread_time_ns() - start_ns) / 40_000)
    return best
