"""Rules that look at more than one series: neighbours, last week, another kind at the same node.

They are decided on whole minutes of event time, one lateness after the minute, over buckets whose time is over: by then
everything that may still count has come, and the order in which the series reported decides nothing. Hours, days and
intervals come when they are over, and are looked at by so much later (derived.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from collector.rules.lateness import LATENESS_MS
from collector.rules.rule import Condition, Rule, Spec, Window
from collector.rules.series import Series
from collector.rules.timeline import Timeline
from collector.rules.track import TO_PEOPLE, Track, Verdict, step, verdict
from collector.rules.transition import Transition, orphan, taken_down, transition
from collector.timers import SetBack
from collector.zones import week_before
from wire.times import MINUTE_MS

UTC: Final = ZoneInfo("UTC")
CATCH_UP: Final = 30
"""Minutes that are made up for after a pause; windows do not reach further back."""


class Joined:
    """The joined rules at work. `near` names the nodes near a series' own; None stands for the whole site."""

    def __init__(self, rules: Iterable[Rule], near: Callable[[Series], tuple[str, ...] | None]) -> None:
        self.rules = [rule for rule in rules if rule.joined]
        self._near = near
        self._of_site: dict[tuple[str, str], dict[Series, Timeline]] = {}  # by kind and site
        self._of_node: dict[tuple[str, str], dict[Series, Timeline]] = {}  # by kind and node
        self._tracks: dict[tuple[Series, str], Track] = {}
        self._minute_ms = 0
        self._set_back = SetBack()
        self._found: dict[tuple[Timeline, Spec, int], tuple[float | None, float]] = {}  # of one minute's decisions
        self._values: dict[tuple[object, ...], list[float]] = {}  # of a site, in the same minute

    def needed(self, kind: str) -> set[Spec]:
        """Windows that series of this kind must keep because rules on other kinds look into them."""
        conditions = (c for rule in self.rules for c in (rule.and_, rule.unless) if c is not None and rule.kind != kind)
        return {condition.window.spec for condition in conditions if condition.kind == kind}

    def enlist(self, timeline: Timeline) -> None:
        """A series that may take part."""
        if self.rules:
            series = timeline.series
            self._of_site.setdefault((series.kind, series.site), {})[series] = timeline
            self._of_node.setdefault((series.kind, series.node), {})[series] = timeline

    def forget(self, series: Series, now_ms: int) -> list[Transition]:
        """The series is no longer watched; the end of its alerts."""
        self._of_site.get((series.kind, series.site), {}).pop(series, None)
        self._of_node.get((series.kind, series.node), {}).pop(series, None)
        ours = [name for name in self._tracks if name[0] == series]
        tracks = [track for name in ours if (track := self._tracks.pop(name)).fired_ms is not None]
        return [taken_down(series, t.rule, t.start_ms, t.value, now_ms) for t in tracks]

    def tick(self, now_ms: int) -> list[Transition]:
        """Decide every minute that is complete by now."""
        last_ms = (now_ms - LATENESS_MS) // MINUTE_MS * MINUTE_MS
        if self._set_back.look(now_ms):
            self._clock_was_ahead(last_ms)
        if not self.rules or last_ms <= self._minute_ms:
            return []
        first_ms = max(self._minute_ms + MINUTE_MS, last_ms - CATCH_UP * MINUTE_MS) if self._minute_ms else last_ms
        said: list[Transition] = []
        for minute_ms in range(first_ms, last_ms + 1, MINUTE_MS):
            for rule in self.rules:
                for timeline in self._watched(rule):
                    said += self._decide(rule, timeline, minute_ms)
            self._found.clear()
            self._values.clear()
        self._minute_ms = last_ms
        return said

    def _clock_was_ahead(self, last_ms: int) -> None:
        """And is set back: minutes that were decided before they came are decided when they do."""
        self._minute_ms = min(self._minute_ms, last_ms)
        for track in self._tracks.values():
            track.last_ms = min(track.last_ms, last_ms)
            if track.fired_ms is None:
                track.start_ms = min(track.start_ms, last_ms)
            if track.clear_ms is not None:
                track.clear_ms = min(track.clear_ms, last_ms)

    def _watched(self, rule: Rule) -> Iterator[Timeline]:
        ours = (timelines.values() for (kind, _), timelines in self._of_site.items() if kind == rule.kind)
        return (timeline for timelines in ours for timeline in timelines if rule.alert in timeline.plan.joined)

    def alerts(self) -> Iterator[tuple[Series, Track]]:
        """Every pending and firing alert."""
        return ((series, track) for (series, _), track in self._tracks.items())

    def adopt(self, firing: Iterable[tuple[Series, Track]]) -> None:
        """Go on with the alerts that fire already, and no others."""
        self._tracks = {(series, track.rule.alert): track for series, track in firing}

    def packed(self) -> dict[str, Any]:
        """The state as a JSON value."""
        tracks = [[str(s), name, track.rule.version, track.packed()] for (s, name), track in self._tracks.items()]
        return {"minute": self._minute_ms, "tracks": tracks}

    def unpack(self, packed: dict[str, Any], now_ms: int) -> list[Transition]:
        """Take the state of `packed`; the end of alerts whose rule went or changed."""
        rules = {rule.alert: rule for rule in self.rules}
        said: list[Transition] = []
        self._minute_ms = packed["minute"]
        for text, name, version, state in packed["tracks"]:
            rule, series = rules.get(name), Series.read(text)
            if rule is not None and rule.version == version:
                self._tracks[(series, name)] = Track.unpacked(rule, state)
            elif state[3] is not None:
                said.append(orphan(series, name, version, state, rule, now_ms))
        return said

    def _decide(self, rule: Rule, timeline: Timeline, minute_ms: int) -> list[Transition]:
        series = timeline.series
        assert rule.window is not None
        value = self._compared(rule, rule.window, timeline, minute_ms)
        found = verdict(rule, value, minute_ms, lambda condition, time_ms: self._holds(condition, timeline, time_ms))
        track = self._tracks.get((series, rule.alert))
        if track is None:
            if found is not Verdict.RAISE:
                return []
            track = self._tracks[(series, rule.alert)] = Track(rule, minute_ms, minute_ms, value, told=TO_PEOPLE)
        state = step(track, found, minute_ms, value, 3 * MINUTE_MS)
        if state in ("inactive", "resolved"):
            del self._tracks[(series, rule.alert)]
        if state not in ("firing", "resolved"):
            return []
        return [transition(series, rule, track.start_ms, track.value, state, minute_ms)]

    def _compared(self, rule: Rule, window: Window, timeline: Timeline, minute_ms: int) -> float | None:
        """The window's value, against its reference where the rule has one."""
        if window.versus == "neighbours" and self._is_alone(timeline.series):
            return None
        own = self._at(timeline, window, minute_ms)
        if own is None or window.versus is None:
            return own
        if window.versus == "last-week":
            zone = UTC if rule.hours is None else rule.hours.info
            reference = self._at(timeline, window, week_before(minute_ms, zone))
        elif (near := self._near(timeline.series)) is None:
            reference = _middle_of_others(self._values_of_site(timeline.series, window, minute_ms), own)
        else:
            found = [self._at(each, window, minute_ms) for each in self._neighbours(timeline.series, near)]
            known = [value for value in found if value is not None]
            reference = median(known) if known else None
        if reference is None or (rule.limit.percent and reference <= 0):
            return None
        difference = own - reference
        return round(100 * difference / reference if rule.limit.percent else difference, 6)

    def _is_alone(self, series: Series) -> bool:
        """Without asking who is like it: most stations without neighbours are the only ones of their site."""
        return self._near(series) is None and len(self._of_site.get((series.kind, series.site), ())) < 2

    def _values_of_site(self, series: Series, window: Window, minute_ms: int) -> list[float]:
        """What the series of the same kind and tags at its site have, this one too, by size; found once a minute."""
        name = (series.kind, series.site, series.tags, window.spec, window.complete)
        values = self._values.get(name)
        if values is None:
            alike = (e for other, e in self._of_site[series.kind, series.site].items() if other.tags == series.tags)
            found = [self._at(each, window, minute_ms) for each in alike]
            values = self._values[name] = sorted(value for value in found if value is not None)
        return values

    def _neighbours(self, series: Series, near: tuple[str, ...]) -> Iterator[Timeline]:
        """Series of the same kind and tags at the nodes said to be near."""
        for node in near:
            for other, timeline in self._of_node.get((series.kind, node), {}).items():
                if other != series and other.tags == series.tags:
                    yield timeline

    def _holds(self, condition: Condition, timeline: Timeline, minute_ms: int) -> bool | None:
        """Whether the second condition holds for any series of its kind at the same node; None if nobody knows."""
        series = timeline.series
        kind = condition.kind or series.kind
        same = [timeline] if kind == series.kind else self._of_node.get((kind, series.node), {}).values()
        values = [self._at(each, condition.window, minute_ms) for each in same if each.series.site == series.site]
        known = [condition.raise_.met(value) for value in values if value is not None]
        return any(known) if known else None

    def _at(self, timeline: Timeline, window: Window, minute_ms: int) -> float | None:
        """The window's value at `minute_ms`, if it is complete enough. Every neighbour asks for it, too."""
        name = (timeline, window.spec, minute_ms)
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = timeline.live.at(window.spec, minute_ms - timeline.behind_ms(window.spec))
        value, share = found
        return value if share >= window.complete else None


def _middle_of_others(values: list[float], own: float) -> float | None:
    """The median of all `values`, which are in order, but for one that is `own`; None when there is no other."""
    others, at = len(values) - 1, bisect_left(values, own)
    if not others:
        return None
    low, high = (values[place + (place >= at)] for place in ((others - 1) // 2, others // 2))
    return (low + high) / 2
