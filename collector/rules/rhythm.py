"""How often sensors report, where they were set to report more seldom than their model does. Pure.

No birth tells it, and a window counts its readings against those expected: of a sensor that is asked once a minute and
not once a second it had a sixtieth, and no rule that wants three quarters of it could fire. Of a model that nobody here
knows a window counts its parts that have any: of a citizen's sensor, which pushes every 145 seconds, it was never full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import sub
from typing import Final

from collector.rules import derived
from collector.rules.engine import Expected
from collector.rules.series import Series

STEPS: Final = 10
SLOWER: Final = 1.2
"""A least step of so many intervals of the model is no jitter: of a window five sixths are there until it is found."""
AS_TOLD: Final = 1.1
"""With one of so many a sensor that was slower reports as its model again."""
UNKNOWN_MS: Final = 10_000
"""In place of the model's, where it is not known: who is quicker fills the parts of a window."""


class Rhythm:
    """Finds the interval of a series: the least of ten steps between its readings. What is lost makes steps longer."""

    def __init__(self) -> None:
        self._told: dict[Series, int] = {}  # by the model
        self._seen: dict[Series, tuple[int, int, int]] = {}  # the newest reading, steps since it was found, the least
        self._found: dict[Series, int] = {}
        self._changed = False

    def of(self, inventory: Iterable[Expected]) -> list[Expected]:
        """What should report, each as often as it does where that is more seldom than it was thought."""
        inventory = list(inventory)
        self._told = {each.series: each.interval_ms for each in inventory}
        return [each._replace(interval_ms=max(each.interval_ms, self._found.get(each.series, 0))) for each in inventory]

    @property
    def found(self) -> Mapping[Series, int]:
        """The intervals that were found, also of series that nobody expects."""
        return self._found

    def has_changed(self) -> bool:
        """Whether an interval was found, or is no more, since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def note(self, series: Series, times_ms: list[int]) -> None:
        """Readings came, their times rising."""
        told_ms = self._told.get(series) or (0 if derived.is_span(series) else UNKNOWN_MS)
        if not told_ms or not times_ms:
            return
        bound_ms = told_ms * (AS_TOLD if series in self._found else SLOWER)
        if len(times_ms) > 1 and times_ms[1] - times_ms[0] <= bound_ms:  # so it is with most
            self._keeps_pace(series)
            return
        last_ms, count, least_ms = self._seen.get(series, (0, 0, 0))
        steps = [times_ms[0] - last_ms] if 0 < last_ms < times_ms[0] else []
        steps += map(sub, times_ms[1:], times_ms)
        if steps and min(steps) <= bound_ms:
            self._keeps_pace(series)
            count = least_ms = 0
        elif steps:
            count, least_ms = count + len(steps), min([least_ms, *steps] if count else steps)
        if count >= STEPS:
            self._find(series, least_ms)
            count = least_ms = 0
        self._seen[series] = max(last_ms, times_ms[-1]), count, least_ms

    def _keeps_pace(self, series: Series) -> None:
        """It reports as often as its model."""
        self._seen.pop(series, None)
        self._changed |= self._found.pop(series, None) is not None

    def _find(self, series: Series, interval_ms: int) -> None:
        known_ms = self._found.get(series, 0)
        if abs(interval_ms - known_ms) > known_ms / 10:
            self._found[series], self._changed = interval_ms, True
