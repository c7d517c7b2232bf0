"""A backtest: what rules would have said on stored history, and for how much of it people would have been called."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter

from collector.rules import derived
from collector.rules.engine import Engine, Expected
from collector.rules.episode import Episode, episodes
from collector.rules.recent import Columns
from collector.rules.rhythm import Rhythm
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.transition import Transition
from wire.times import HOUR_MS, MINUTE_MS

SLICE_MS = HOUR_MS
"""History comes in slices of so long, aligned to the clock; within one, series after series."""
Rows = tuple[Series, list[int], Columns]
"""Rows of one series."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one rule would have done on stored history. `pages` are the episodes people would have been called for."""

    rule: str
    episodes: list[Episode]
    rows: int
    until_ms: int

    @property
    def pages(self) -> int:
        """How often people would have been called."""
        return len(self.episodes)

    @property
    def firing_ms(self) -> int:
        """How long it fired altogether; what never ended does not count."""
        return sum(each.end_ms - each.fired_ms for each in self.episodes if each.end_ms is not None)

    @property
    def still_ms(self) -> int:
        """How long, until the end of what was played, those have fired that never ended."""
        return sum(self.until_ms - each.fired_ms for each in self.episodes if each.end_ms is None)


def backtest(
    rules: Iterable[Rule],
    history: Iterable[Rows],
    inventory: Iterable[Expected],
) -> list[Backtest]:
    """Play stored rows, each series in order of time, slices of SLICE_MS one after the other; one Backtest a rule."""
    rules, expected = list(rules), list(inventory)
    engine, rhythm = Engine(rules), Rhythm()
    said: list[Transition] = []
    rows = newest_ms = 0
    if any(rule.joined for rule in rules):
        history = _by_minute(history)
    for series, times_ms, columns in history:
        came_ms = times_ms[-1] + _comes_after_ms(series, columns)
        if not newest_ms:
            engine.expect(rhythm.of(expected), times_ms[0])
        elif came_ms // MINUTE_MS > newest_ms // MINUTE_MS:
            said += engine.tick(newest_ms)
        newest_ms = max(newest_ms, came_ms)
        rows += len(times_ms)
        rhythm.note(series, times_ms)
        if rhythm.has_changed():
            engine.expect(rhythm.of(expected), newest_ms, rhythm.found)
        engine.observe(series, times_ms, columns, newest_ms)
    said += engine.tick(newest_ms)
    found = episodes(said)
    return [Backtest(rule.alert, [e for e in found if e.rule == rule.alert], rows, newest_ms) for rule in rules]


def _by_minute(history: Iterable[Rows]) -> Iterator[Rows]:
    """Minute by minute what came of all series: rules that compare look at all of them as they stood."""
    waiting: list[tuple[int, Rows]] = []
    for slice_, parts in groupby(history, key=lambda part: part[1][0] // SLICE_MS):
        waiting = sorted(chain(waiting, *map(_minutes, parts)), key=itemgetter(0))
        come = bisect_left(waiting, (slice_ + 1) * SLICE_MS // MINUTE_MS, key=itemgetter(0))
        yield from (part for _, part in waiting[:come])
        del waiting[:come]
    yield from (part for _, part in waiting)


def _minutes(part: Rows) -> Iterator[tuple[int, Rows]]:
    """The rows of one series by the minute in which they came."""
    series, times, columns = part
    after_ms, start = _comes_after_ms(series, columns), 0
    while start < len(times):
        minute = (times[start] + after_ms) // MINUTE_MS
        end = bisect_left(times, (minute + 1) * MINUTE_MS - after_ms, start + 1)
        yield minute, (series, times[start:end], {name: column[start:end] for name, column in columns.items()})
        start = end


def _comes_after_ms(series: Series, columns: Columns) -> int:
    """How long after its time a row came: one that tells of a span of time when that was over."""
    lengths = columns.get("duration_s") or [0]
    return derived.wait_ms(series) + (derived.interval_ms(series) or int(1000 * (lengths[0] or 0)))
