"""The rules at work: committed points go in, transitions come out.

    engine = Engine(rules)
    engine.observe(Series.of("air_quality", tags), times_ms, columns, now_ms)  # each committed row once
    for transition in engine.tick(now_ms): ...                                 # into history and outbox, in one commit

Alerts are decided on event time. Within the allowed lateness the order of arrival decides nothing; older data write
history. A transition may be told again after a restart, always under the same key.

State is a JSON value with one entry a series, and too large to write with every reading. So the caller saves
`changes(most)` from time to time: first the series that said something or hold history, then the longest unsaved. What
was not saved is in the database: after a restart the caller gives every row that is younger than `head_ms(series)` less
the lateness again. What a series has seen it passes over, the rest is decided as before, under the same keys.
`snapshot()` is everything at once. What is decided without readings (absent, offline) begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from collector.rules import derived
from collector.rules.absence import Absences
from collector.rules.fields import INDEX_KIND
from collector.rules.joined import Joined
from collector.rules.plan import Plan, RuleIndex
from collector.rules.recent import Columns
from collector.rules.reel import Reel
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.timeline import Timeline, orphans
from collector.rules.track import Track, how_told
from collector.rules.transition import Transition
from wire.times import DAY_MS

SUPERSEDED_MS: Final = 2 * DAY_MS
_NONE: Final[Mapping[Series, int]] = MappingProxyType({})


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

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = {rule.alert: rule for rule in rules}
        self.kinds = _kinds(self.rules.values())
        self._joined = Joined(self.rules.values(), self._near)
        self._absences = Absences(self.rules.values())
        self._index = RuleIndex((rule for rule in self.rules.values() if rule.spec is not None), self._joined.needed)
        self._timelines: dict[Series, Timeline | None] = {}
        self._expected: dict[Series, Expected] = {}
        self._paces: Mapping[Series, int] = _NONE
        self._places: dict[str, Expected] = {}  # by node, one of its series
        self._touched: dict[Series, None] = {}  # what changes() has not given out, the longest first
        self._urgent: dict[Series, None] = {}  # those of them that the database alone would not bring back
        self._said: list[Transition] = []

    # What comes in

    def expect(self, inventory: Iterable[Expected], now_ms: int, paces: Mapping[Series, int] = _NONE) -> None:
        """The series that should report, with interval and labels. Alerts on series that are gone from it end.

        So do those on what is derived of a sensor that is gone: its lanes, its hours and days, its indices; and those
        on indices that are made no more. `paces` are the intervals of others, as far as they are known.
        """
        self._paces = paces
        gone, self._expected = set(self._expected), {each.series: each for each in inventory}
        gone -= self._expected.keys()
        if gone:
            sensors = set(map(_sensor, gone)) - set(map(_sensor, self._expected))
            gone |= {series for series in self._timelines if _sensor(series) in sensors}
        self._places = {series.node: each for series, each in self._expected.items()}
        self._said += self._absences.expect({each.series: each.labels for each in self._expected.values()}, now_ms)
        for series in gone.union(self._superseded()):
            self._drop(series, now_ms)
        for series, timeline in list(self._timelines.items()):
            if timeline is not None and self._plan(series) is timeline.plan:
                timeline.live.set_interval(self._interval_ms(series))
            else:
                self._enlist(series, None if timeline is None else timeline.packed(), now_ms)

    def observe(self, series: Series, times_ms: list[int], columns: Columns, now_ms: int) -> None:
        """Committed rows of one series: times rising, columns as long; each row once."""
        if not times_ms:
            return
        said = self._absences.saw(series, times_ms[-1], now_ms)
        try:
            timeline = self._timelines[series]
        except KeyError:
            timeline = self._enlist(series, None, now_ms)
        if timeline is not None:
            self._touched.setdefault(series)
            heard = timeline.observe(times_ms, columns, now_ms)
            if heard or timeline.past is not None:
                self._urgent[series] = None
            said += heard
        if said:
            self._said += said

    def node_state(self, node: str, online: bool, now_ms: int) -> None:
        """A node's link is up or down; OWN_LINK ("collector") is our own link to the broker."""
        self._absences.node_state(node, online, now_ms)

    # What comes out

    def tick(self, now_ms: int) -> list[Transition]:
        """Every transition since the last tick, in the order it was found."""
        said = self._said + self._joined.tick(now_ms) + self._absences.tick(now_ms)
        self._said = []
        return said

    @property
    def has_news(self) -> bool:
        """Whether transitions wait for a tick. State that is saved now knows of them, and would not say them again."""
        return bool(self._said)

    def alerts(self) -> Iterator[Alert]:
        """Every pending and firing alert."""
        found = ((series, track) for series, each in self._timelines.items() if each for track in _tracks(each))
        for series, track in chain(found, self._joined.alerts(), self._absences.alerts()):
            yield Alert(series, track.rule, track.state, track.start_ms, track.value)

    def reel(self, series: Series) -> Reel | None:
        """The live windows and tracks of a series, to look at; None when no rule watches it."""
        timeline = self._timelines.get(series)
        return None if timeline is None else timeline.live

    # State

    def snapshot(self) -> dict[str, Any]:
        """The whole state as a JSON value."""
        self._touched = dict.fromkeys(self._timelines)
        return self.changes()

    def changes(self, most: int | None = None) -> dict[str, Any]:
        """Entries of the snapshot that are not saved, at most so many; None stands for what is gone."""
        saved: dict[str, Any] = {"": {"joined": self._joined.packed(), "absences": self._absences.packed()}}
        for series in list(islice(chain(self._urgent, self._touched), most)):
            self._urgent.pop(series, None)
            if series in self._touched:
                del self._touched[series]
                timeline = self._timelines.get(series)
                saved[str(series)] = None if timeline is None else timeline.packed()
        return saved

    def unsaved(self) -> tuple[int, int]:
        """How many entries changes() has not given out, and how many of them are urgent."""
        return len(self._touched), len(self._urgent)

    def head_ms(self, series: Series) -> int | None:
        """The newest reading of a series that the rules have seen; None when they do not know the series."""
        timeline = self._timelines.get(series)
        return None if timeline is None else timeline.live.head_ms

    def oldest_head_ms(self) -> int | None:
        """The oldest of all series' newest readings; None while there is no series."""
        heads = (timeline.live.head_ms for timeline in self._timelines.values() if timeline is not None)
        return min(heads, default=None)

    @classmethod
    def restore(
        cls, rules: Iterable[Rule], snapshot: dict[str, Any], inventory: Iterable[Expected], now_ms: int
    ) -> Engine:
        """An engine that resumes; what fired by a rule that went or changed is resolved at `now_ms`."""
        engine = cls(rules)
        engine.expect(inventory, now_ms)
        for text, packed in snapshot.items():
            if text and packed is not None:
                engine._enlist(Series.read(text), packed, now_ms)
        if "" in snapshot:
            engine._said += engine._joined.unpack(snapshot[""]["joined"], now_ms)
            engine._said += engine._absences.unpack(snapshot[""]["absences"], now_ms)
            for series in {each for each, _ in engine._joined.alerts() if engine._has_moved(each)}:
                engine._said += engine._joined.forget(series, now_ms)
        return engine

    def adopt(self, firing: Iterable[Transition], told: Iterable[Transition] = ()) -> None:
        """Go on for another collector: by what it said these fire from here on, and nothing else does.

        A standby has no snapshot: its windows fill from stored readings, the episodes keep their keys. `told` is what
        the other said of readings that are still to come here; what holds no longer is then corrected.
        """
        self._said = []
        tracks: dict[Series, list[Track]] = {series: [] for series, each in self._timelines.items() if each}
        missing: list[tuple[Series, Track]] = []
        joined: list[tuple[Series, Track]] = []
        for each in firing:
            series, rule = Series.of(each.kind, each.labels), self.rules.get(each.rule)
            if rule is None or rule.version != each.version:
                continue
            track = Track(rule, each.start_ms, each.event_ms, each.value, each.event_ms, told=how_told(each.late))
            if rule.spec is None:
                missing.append((series, track))
            elif rule.joined:
                joined.append((series, track))
            else:
                tracks.setdefault(series, []).append(track)
        self._absences.adopt(missing)
        self._joined.adopt(joined)
        said: dict[Series, list[Transition]] = {}
        for each in told:
            said.setdefault(Series.of(each.kind, each.labels), []).append(each)
        for series in tracks.keys() | said.keys():
            timeline = self._timelines.get(series) or self._enlist(series, None, 0)
            if timeline is not None:
                known = [track for track in tracks.get(series, ()) if track.rule.alert in timeline.plan.rules]
                timeline.live.adopt(known, said.get(series, []))
                self._touched.setdefault(series)

    def forget_readings(self) -> None:
        """Windows and tracks of every series begin anew: a look at the database may have broken off half-way."""
        self._timelines.clear()

    def _drop(self, series: Series, now_ms: int) -> None:
        """The series is no longer expected: what fires on it ends."""
        timeline = self._timelines.pop(series, None)
        if timeline is not None:
            self._said += timeline.end(now_ms) + self._joined.forget(series, now_ms)
            self._touched.setdefault(series)

    def _superseded(self) -> list[Series]:
        """Indices that are made no more, for another standard or edition has told for two days of what they told of."""
        heads = {s: each.live.head_ms for s, each in self._timelines.items() if each and s.kind == INDEX_KIND}
        newest: dict[tuple[object, ...], int] = {}
        for series, head_ms in heads.items():
            name = (*_sensor(series), derived.interval_ms(series))
            newest[name] = max(head_ms, newest.get(name, 0))
        return [s for s, ms in heads.items() if ms < newest[(*_sensor(s), derived.interval_ms(s))] - SUPERSEDED_MS]

    def _has_moved(self, series: Series) -> bool:
        """Whether its node stands at another site by now: what still comes of the old one is history."""
        known = self._places.get(series.node)
        return known is not None and known.series.site != series.site

    def _enlist(self, series: Series, packed: dict[str, Any] | None, now_ms: int) -> Timeline | None:
        """Begin a timeline for a series that some rule watches; `packed` is its state, perhaps under other rules."""
        plan = self._plan(series)
        timeline = None if plan is None else Timeline(series, plan, self._interval_ms(series))
        if packed is not None:
            self._said += orphans(series, packed, plan, self.rules, now_ms)
            if timeline is None:
                self._touched.setdefault(series)  # so that it is not found again
            else:
                timeline.unpack(packed)
        self._timelines[series] = timeline
        if timeline is not None:
            self._joined.enlist(timeline)
        return timeline

    def _plan(self, series: Series) -> Plan | None:
        """The plan of the rules that watch this series; the same for series watched by the same rules."""
        if self._has_moved(series):
            return None
        known = self._known(series)
        return self._index.plan(series, {} if known is None else known.labels)

    def _known(self, series: Series) -> Expected | None:
        """What the inventory says of the series, of its sensor as a whole, or at least of its node."""
        return (
            self._expected.get(series) or self._expected.get(series._replace(tags=())) or self._places.get(series.node)
        )

    def _near(self, series: Series) -> tuple[str, ...] | None:
        known = self._known(series)
        return None if known is None or not known.neighbours else known.neighbours

    def _interval_ms(self, series: Series) -> int | None:
        """What the inventory says, else what the roll-up's name or the index's period say, else its pace if known."""
        known = self._expected.get(series)
        return known.interval_ms if known is not None else derived.interval_ms(series) or self._paces.get(series)


def _sensor(series: Series) -> tuple[str, str, str]:
    return series.site, series.node, series.sensor


def _kinds(rules: Iterable[Rule]) -> frozenset[str]:
    """The measurements that some rule looks at; rows of others need not be shown to an engine."""
    seconds = (each.kind for rule in rules for each in (rule.and_, rule.unless) if each is not None and each.kind)
    return frozenset(chain((rule.kind for rule in rules), seconds))


def _tracks(timeline: Timeline) -> Iterator[Track]:
    return (track for each in timeline.live.tracks for track in each.values())
