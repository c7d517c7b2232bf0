"""The rules at work: committed points go in, transitions come out.

    engine = Engine(rules)
    engine.observe(Series.of("air_quality", tags), times_ms, columns, now_ms)  # each committed row once
    for transition in engine.tick(now_ms): ...                                 # into history and outbox, in one commit

Alerts are decided on event time. Within the allowed lateness the order of arrival decides nothing; older data write
history. A transition may be told again after a restart, always under the same key.

`snapshot()` is the whole state as a JSON value; `changes()` holds only the series touched since it was last asked, for
a store that keeps one row per series. After a restart, give the rows committed since the snapshot again, in any order
of series: the engine resumes where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from collector.rules.columns import Columns
from collector.rules.plan import Plan, RuleIndex
from collector.rules.rule import Rule
from collector.rules.timeline import Timeline
from collector.rules.track import Track
from collector.rules.transition import Series, Transition, orphans

LATENESS_MS: Final = 120_000
ROLLUP_MS: Final = {"_1m": 60_000, "_1h": 3_600_000, "_1d": 86_400_000}


class Expected(NamedTuple):
    """A series that should report every `interval_ms`; `labels` are its station's, `neighbours` other nodes near it."""

    series: Series
    interval_ms: int
    labels: dict[str, str] = {}  # noqa: RUF012
    neighbours: tuple[str, ...] = ()


class Alert(NamedTuple):
    """An alert as it stands: `state` is pending or firing."""

    series: Series
    rule: Rule
    state: str
    start_ms: int
    value: float | None


class Engine:
    """All rules on all series. Pure: it knows the time only from its caller."""

    def __init__(self, rules: Iterable[Rule], lateness_ms: int = LATENESS_MS) -> None:
        self.rules = {rule.alert: rule for rule in rules}
        self.lateness_ms = lateness_ms
        self._index = RuleIndex(rule for rule in self.rules.values() if rule.spec is not None)
        self._timelines: dict[Series, Timeline | None] = {}
        self._expected: dict[Series, Expected] = {}
        self._touched: set[Series] = set()
        self._said: list[Transition] = []

    # What comes in

    def expect(self, inventory: Iterable[Expected], now_ms: int = 0) -> None:
        """The series that should report, with interval and labels; replaces what was expected before."""
        self._expected = {each.series: each for each in inventory}
        for series, timeline in list(self._timelines.items()):
            if timeline is not None and self._plan(series) is timeline.plan:
                timeline.live.interval_ms = self._interval_ms(series)
            else:
                self._enlist(series, None if timeline is None else timeline.packed(), now_ms)

    def observe(self, series: Series, times_ms: list[int], columns: Columns, now_ms: int) -> None:
        """Committed rows of one series: times rising, columns as long; each row once."""
        try:
            timeline = self._timelines[series]
        except KeyError:
            timeline = self._enlist(series, None, now_ms)
        if timeline is None or not times_ms:
            return
        self._touched.add(series)
        said = timeline.observe(times_ms, columns, now_ms)
        if said:
            self._said += said

    # What comes out

    def tick(self, now_ms: int) -> list[Transition]:  # noqa: ARG002
        """Every transition since the last tick, in the order it was found."""
        said, self._said = self._said, []
        return said

    def alerts(self) -> Iterator[Alert]:
        """Every pending and firing alert."""
        for series, timeline in self._timelines.items():
            for track in () if timeline is None else _tracks(timeline):
                state = "pending" if track.fired_ms is None else "firing"
                yield Alert(series, track.rule, state, track.start_ms, track.value)

    # State

    def snapshot(self) -> dict[str, Any]:
        """The whole state as a JSON value."""
        self._touched.clear()
        return {str(series): each.packed() for series, each in self._timelines.items() if each is not None}

    def changes(self) -> dict[str, Any]:
        """The part of the snapshot that was touched since the last changes() or snapshot()."""
        touched = {
            str(series): each.packed() for series in self._touched if (each := self._timelines[series]) is not None
        }
        self._touched.clear()
        return touched

    @classmethod
    def restore(
        cls, rules: Iterable[Rule], snapshot: dict[str, Any], inventory: Iterable[Expected] = (), now_ms: int = 0
    ) -> Engine:
        """An engine that resumes; what fired by a rule that went or changed is resolved at `now_ms`."""
        engine = cls(rules)
        engine.expect(inventory, now_ms)
        for text, packed in snapshot.items():
            series = Series.read(text)
            engine._enlist(series, packed, now_ms)
        return engine

    def _enlist(self, series: Series, packed: dict[str, Any] | None, now_ms: int) -> Timeline | None:
        """Begin a timeline for a series that some rule watches; `packed` is its state, perhaps under other rules."""
        plan = self._plan(series)
        timeline = None if plan is None else Timeline(series, plan, self._interval_ms(series), self.lateness_ms)
        if packed is not None:
            self._said += orphans(series, packed["live"], {} if plan is None else plan.rules, now_ms)
            if timeline is not None:
                timeline.unpack(packed)
        self._timelines[series] = timeline
        return timeline

    def _plan(self, series: Series) -> Plan | None:
        """The plan of the rules that watch this series; equal for series watched by the same rules."""
        known = self._expected.get(series)
        return self._index.plan(series, {} if known is None else known.labels)

    def _interval_ms(self, series: Series) -> int | None:
        known = self._expected.get(series)
        rollup_ms = next((ms for end, ms in ROLLUP_MS.items() if series.kind.endswith(end)), None)
        return rollup_ms if known is None else known.interval_ms


def _tracks(timeline: Timeline) -> Iterator[Track]:
    return (track for each in timeline.live.tracks for track in each.values())
