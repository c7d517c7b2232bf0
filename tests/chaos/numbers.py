"""A particle counter that numbers its frames: the number travels as two of its counts, through every decoder."""

from __future__ import annotations

from collections.abc import Mapping

from firmware_stubs.plantower import Pms5003
from firmware_stubs.stub import Row

HIGH, LOW = "n_over03_per_dl", "n_over05_per_dl"
RADIX = 60_000


class NumberedPms5003(Pms5003):
    """Each frame carries the next number."""

    def __init__(self, period_s: float) -> None:
        super().__init__(period_s=period_s)
        self.number = 0

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        words, row = super()._words(t_s)
        self.number += 1
        names = list(row)
        row[HIGH], row[LOW] = 1 + self.number // RADIX, self.number % RADIX
        for name in (HIGH, LOW):
            words[names.index(name)] = int(row[name])
        return words, row


def of_values(values: Mapping[str, float | int]) -> int | None:
    """The number that a reading's values carry, or None when they are of something else."""
    if HIGH not in values or LOW not in values:
        return None
    return (int(values[HIGH]) - 1) * RADIX + int(values[LOW])
