"""One series in the order of its event time: fed forward, wound back when a reading came out of order.

A reading in order costs one step forward. A reading that is late, but within the allowed lateness, is put where it
belongs: the reel goes back to a mark before it, and everything since runs again in order. What was told meanwhile and
no longer holds is corrected. So the order of arrival within the lateness decides nothing.

A reel rests while its readings keep away from every level (rest.py): the windows stand where they stood, and `recent`
holds what they have not seen. Whoever looks at windows or tracks wakes it before.

           base          mid                    head
    --------|-------------|----------------------|----->  event time
            marks, a lateness or more apart;     newest reading
            `recent` holds the readings since base
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from collector.rules.correction import Say, corrections
from collector.rules.lateness import LATENESS_MS
from collector.rules.plan import Plan
from collector.rules.present import Present
from collector.rules.recent import Columns, Recent
from collector.rules.rest import Rest, rest
from collector.rules.rule import Condition, Rule, Spec
from collector.rules.statistic import window
from collector.rules.track import TO_PEOPLE, UNTOLD, Track, Verdict, how_told, step, verdict
from collector.rules.transition import Transition
from collector.rules.window import Stand
from wire.times import MINUTE_MS

UNKNOWN_GAP_MS = 10 * MINUTE_MS  # what breaks the evidence of a series whose interval nobody told
_ALL = (-math.inf, math.inf)
REACH_MS = 5 * LATENESS_MS  # that a window may be wound back: two marks and two chunks, each so long, and room


class Mark(NamedTuple):
    """Where a reel stood after the reading of `time_ms`."""

    time_ms: int
    windows: list[Stand]
    tracks: list[dict[str, Track]]


class Reel:
    """Windows and tracks of one series up to `head_ms`, the time of the newest reading; 0 before the first."""

    __slots__ = (
        "base",
        "head_ms",
        "high",
        "interval_ms",
        "low",
        "mid",
        "plan",
        "recent",
        "rest",
        "restless_ms",
        "say",
        "told",
        "tracks",
        "windows",
    )

    def __init__(self, plan: Plan, interval_ms: int | None, say: Say) -> None:
        """`say` finds the words for a change of a track."""
        self.plan = plan
        self.say = say
        self.interval_ms = interval_ms
        self.windows = [window(watch.spec, REACH_MS) for watch in plan.watches]
        self.tracks: list[dict[str, Track]] = [{} for _ in plan.watches]
        self.low = [watch.calm[0] for watch in plan.watches]
        self.high = [watch.calm[1] for watch in plan.watches]
        self.head_ms = 0
        self.recent = Recent()
        self.rest: Rest | None = None
        self.restless_ms = 0
        self.told: list[Transition] = []
        self.base = self.mid = self.mark()

    # Readings

    def advance(self, times: list[int], columns: Columns, now_ms: int) -> list[Transition]:
        """Rows newer than the head, in order."""
        if not self._rests(times, columns):
            return self._go_on(times, columns, now_ms)
        self.recent.keep(times, columns)
        self.head_ms = times[-1]
        self._keep_marks_at_rest()
        return []

    def _go_on(self, times: list[int], columns: Columns, now_ms: int) -> list[Transition]:
        said: list[Transition] = []
        start = 0
        while start < len(times):
            end = bisect_right(times, times[start] + LATENESS_MS, start)
            whole = end - start == len(times)
            chunk = (times, columns) if whole else (times[start:end], _cut(columns, start, end))
            self._keep_marks(*chunk)
            self.recent.keep(*chunk)
            self._feed(*chunk, now_ms, said)
            self.head_ms = chunk[0][-1]
            start = end
        self._remember(self._levels(said))
        self._keep_told(self.told + said)
        return said

    def reorder(self, times: list[int], columns: Columns, now_ms: int) -> list[Transition]:
        """Rows of which some are older than the head, but none older than the lateness allows."""
        if self.rest is not None and times[0] > self.rest.since_ms and self._rests(times, columns):
            self.recent.put(times, columns)
            self.head_ms = max(self.head_ms, times[-1])
            return []
        self.wake()
        order, merged = self.recent.merged(times, columns)
        told, self.told = self.told, []
        firing = {name: track.told for name, track in self.firing().items()}
        levels = self._levels(told) | firing  # winding back makes nothing unsaid
        self._rewind()
        self._remember(levels)
        again = self._go_on(order, merged, now_ms)
        self._remember(levels)
        said = corrections(told, again, self.firing(), self.say)
        happened = {(each.key, each.state, each.event_ms) for each in again}
        self._keep_told([e for e in told if (e.key, e.state, e.event_ms) in happened] + said)
        return said

    def patch(self, times: list[int], columns: Columns) -> None:
        """Rows too late to be judged still complete the windows they belong to, also those a rewind goes back to."""
        self.wake()
        marks = [self.base] if self.mid is self.base else [self.base, self.mid]
        late = {name: Present.of(times, column) for name, column in columns.items()}
        for index, (watch, each) in enumerate(zip(self.plan.watches, self.windows, strict=True)):
            rows = late.get(watch.column)
            if rows is not None:
                each.patch(rows)
                for mark in marks:
                    each.patch_mark(mark.windows[index], rows, mark.time_ms)
        first = bisect_right(times, self.base.time_ms)
        if first < len(times):
            self.recent.put(times[first:], _cut(columns, first, len(times)))

    # Rest

    def wake(self) -> None:
        """Give the windows what they have not seen. Nothing comes of it, or there would have been no rest."""
        if self.rest is None:
            return
        times, columns = self.recent.after(self.rest.since_ms)
        self.rest = None
        given = {name: Present.of(times, column) for name, column in columns.items()}
        for watch, each in zip(self.plan.watches, self.windows, strict=True):
            rows = given.get(watch.column)
            if rows is not None:
                each.feed(rows)
            if each.top and times and times[-1] >= each.end_ms:
                each.roll(times[-1])

    def at(self, spec: Spec, time_ms: int) -> tuple[float | None, float]:
        """Value and share of a window's buckets that are closed at `time_ms`. A reel at rest rests on."""
        index = self.plan.place(spec)
        window = self.windows[index]
        if self.rest is None or time_ms <= self.rest.since_ms:
            return window.at(time_ms, self.interval_ms)
        unseen = Present.of(*self.recent.between(self.plan.watches[index].column, self.rest.since_ms, time_ms))
        return window.at_with(unseen, self.head_ms, time_ms, self.interval_ms)

    def _rests(self, times: list[int], columns: Columns) -> bool:
        """Whether these rows can be left for later; the windows know all others if they can not."""
        if self._is_calm(times, columns):
            return True
        self.wake()
        if self.head_ms < self.restless_ms or times[0] <= self.head_ms:
            return False
        self._keep_marks([self.head_ms], {})
        self.rest = rest(self.head_ms, self.interval_ms, zip(self.plan.watches, self.windows, self.tracks, strict=True))
        if self._is_calm(times, columns):
            return True
        self.rest, self.restless_ms = None, self.head_ms + LATENESS_MS
        return False

    def _is_calm(self, times: list[int], columns: Columns) -> bool:
        if self.rest is None:
            return False
        rows = self.recent.count_after(self.rest.since_ms) + len(times)
        return self.rest.holds(times[-1], rows, columns)

    def set_interval(self, interval_ms: int | None) -> None:
        """The readings come in another rhythm from now on."""
        if interval_ms != self.interval_ms:
            self.wake()
            self.interval_ms = interval_ms

    # Feeding

    def _feed(self, times: list[int], columns: Columns, now_ms: int, said: list[Transition]) -> None:
        """Rows of one chunk: in bulk where no value can leave its quiet band, the other windows row by row."""
        # A window that never had a reading stays where it is: most sensors measure a part of what rules know.
        watched = zip(self.windows, self.plan.watches, strict=True)
        windows = [each for each, watch in watched if each.top or watch.column in columns]
        start = 0
        while start < len(times):
            first = times[start]
            for each in windows:
                if first >= each.end_ms:
                    each.roll(first)
            end = bisect_left(times, min((each.end_ms for each in windows), default=math.inf), start + 1)
            some = times[start:end]
            parts = {name: column[start:end] for name, column in columns.items()}
            self._rows(some, parts, self._pass_in_bulk(some, parts), now_ms, said)
            start = end

    def _pass_in_bulk(self, times: list[int], columns: Columns) -> list[int]:
        """Feed the rows at once to every window where no rule can change its state meanwhile; returns the others."""
        there = {name: Present.of(times, column) for name, column in columns.items()}
        loud: set[int] = set()
        given: list[tuple[int, Present]] = []
        for index, watch in enumerate(self.plan.watches):
            rows = there.get(watch.column)
            if rows is None:
                continue
            given.append((index, rows))
            if not self._is_quiet(index, rows):
                loud.update((index, *watch.needs))
        for index, rows in given:
            if index not in loud:
                self.windows[index].add_all(rows)
        return [index for index, _ in given if index in loud]

    def _is_quiet(self, index: int, rows: Present) -> bool:
        """True when no rule of this window can change its state while these rows enter the open bucket."""
        low, high, window = self.low[index], self.high[index], self.windows[index]
        if (low == -math.inf and high == math.inf) or window.within(rows, low, high):
            return True
        share = window.share_at_most(len(rows.values), rows.times[0], self.interval_ms)
        narrow = self.plan.watches[index].quiet_band(self.tracks[index], share)
        return narrow != (low, high) and (narrow == _ALL or window.within(rows, *narrow))

    def _rows(
        self,
        times: list[int],
        columns: Columns,
        loud: list[int],
        now_ms: int,
        said: list[Transition],
    ) -> None:
        """Feed the `loud` windows row by row, and let their rules look at each."""
        fed = [(index, self.windows[index], columns[self.plan.watches[index].column]) for index in loud]
        judged = [each for each in fed if each[0] in self.plan.judged]
        for row, time_ms in enumerate(times if fed else ()):
            for _, each, cell in fed:
                if cell[row] is not None:
                    each.add(time_ms, cell[row])
            for index, each, cell in judged:
                if cell[row] is not None:
                    found = each.value()
                    if found is None or not self.low[index] < found < self.high[index]:
                        self._judge(index, time_ms, found, now_ms, said)

    # Rules

    def _judge(self, index: int, time_ms: int, value: float | None, now_ms: int, said: list[Transition]) -> None:
        """Move every track of one window, and begin those that are raised."""
        tracks, watch = self.tracks[index], self.plan.watches[index]
        share = self.windows[index].share(time_ms, self.interval_ms)
        for rule in watch.raised(value, tracks):
            plain = not rule.conditional and share >= rule.complete
            if plain or self._verdict(rule, time_ms, value, share) is Verdict.RAISE:
                tracks[rule.alert] = Track(rule, time_ms, time_ms, value)
        interval_ms = self.interval_ms or MINUTE_MS
        gap_ms = max(3 * interval_ms, LATENESS_MS) if self.interval_ms else UNKNOWN_GAP_MS
        age_ms = now_ms - time_ms
        past = age_ms > LATENESS_MS + interval_ms
        ended: list[str] = []
        for name, track in tracks.items():
            rule = track.rule
            if not track.restless and value is not None and not rule.clear_limit.met(value):
                if share >= rule.complete:
                    track.last_ms, track.value = time_ms, value
                continue  # fires, was told, and nothing clears it
            found = self._verdict(rule, time_ms, value, share)
            state = step(track, found, time_ms, value, gap_ms)
            if state is None and track.told == TO_PEOPLE:
                continue
            if state in ("inactive", "resolved"):
                ended.append(name)
            if state == "resolved" and not track.mute:  # the end of what people were told is no history
                said.append(self.say(track, state, time_ms, past and track.told < TO_PEOPLE))
            elif track.fired_ms is not None and track.told < how_told(past) and not track.mute:
                track.told = how_told(past)
                said.append(self.say(track, "firing", track.fired_ms, past))
        for name in ended:
            del tracks[name]
        self.low[index], self.high[index] = watch.quiet_band(tracks)

    def _verdict(self, rule: Rule, time_ms: int, value: float | None, share: float) -> Verdict:
        return verdict(rule, value if share >= rule.complete else None, time_ms, self._holds)

    def _holds(self, condition: Condition, time_ms: int) -> bool | None:
        """Whether a second condition on this series holds; None where its window is not complete."""
        each = self.windows[self.plan.place(condition.window.spec)]
        each.roll(time_ms)
        value = each.value()
        if value is None or each.share(time_ms, self.interval_ms) < condition.window.complete:
            return None
        return condition.raise_.met(value)

    def mute(self) -> None:
        """What fires now is told by another reel; this one says nothing of it."""
        self.wake()
        for track in self.firing().values():
            track.mute = True
        self.base = self.mid = self.mark()

    def adopt(self, firing: list[Track], told: list[Transition]) -> None:
        """From here on these fire and nothing else does; `told` was said of what comes, and is corrected if need be."""
        self.wake()
        was = {track.rule.alert: track for track in self.firing().values()}
        self.tracks = [{n: t for n, t in each.items() if n not in was} for each in self.tracks]
        for track in firing:
            assert track.rule.spec is not None
            if track.rule.alert in was:
                track.clear_ms = was[track.rule.alert].clear_ms
            self.tracks[self.plan.place(track.rule.spec)][track.rule.alert] = track
        self.base = self.mid = self.mark()
        self.recent, self.told = Recent(), told
        self.set_bands()

    # Marks

    def _keep_marks(self, times: list[int], columns: Columns) -> None:
        """Before a chunk: the base stays just older than the lateness allows, also behind a hole or a beginning.

        If it stood before the hole, whatever comes to fill that would have to be played again with each late reading.
        """
        before_ms = times[0] - LATENESS_MS - 1
        if before_ms >= self.head_ms:
            for each, watch in zip(self.windows, self.plan.watches, strict=True):
                if each.top or watch.column in columns:
                    each.roll(before_ms)
            self.base = self.mid = self.mark(before_ms)
        elif times[-1] - self.mid.time_ms > LATENESS_MS:
            self.base, self.mid = self.mid, self.mark()
        else:
            return
        self.recent.forget(self.base.time_ms)
        self._keep_told(self.told)

    def _keep_marks_at_rest(self) -> None:
        """The windows stand at a mark already: it is the base as soon as it is old enough."""
        assert self.rest is not None
        since_ms = self.rest.since_ms
        if self.base.time_ms < since_ms < self.head_ms - LATENESS_MS:
            self.base = self.mid = self.mark(since_ms)
            self.recent.forget(since_ms)
            self._keep_told(self.told)

    def _keep_told(self, told: list[Transition]) -> None:
        """Remember what may have to be corrected: what winding back to the base would undo."""
        self.told = [each for each in told if each.event_ms > self.base.time_ms and not each.void]

    def mark(self, time_ms: int | None = None) -> Mark:
        """Where windows and tracks stand, at the head or at a rest's beginning."""
        tracks = _copied(self.tracks) if any(self.tracks) else self.plan.no_tracks
        return Mark(self.head_ms if time_ms is None else time_ms, [each.mark() for each in self.windows], tracks)

    def _rewind(self) -> None:
        self.head_ms = self.base.time_ms
        for each, mark in zip(self.windows, self.base.windows, strict=True):
            each.rewind(mark)
        self.tracks = _copied(self.base.tracks)
        self.set_bands()
        self.mid = self.base
        self.recent = Recent()

    def firing(self) -> dict[tuple[str, int], Track]:
        """What fires, by rule and start."""
        tracks = (track for each in self.tracks for track in each.values())
        return {(track.rule.alert, track.start_ms): track for track in tracks if track.fired_ms is not None}

    def _levels(self, told: list[Transition]) -> dict[tuple[str, int], int]:
        """How far each episode was told, by rule and start."""
        firing = sorted((each for each in told if each.state == "firing"), key=lambda each: not each.late)
        return {(each.rule, each.start_ms): how_told(each.late) for each in firing}

    def _remember(self, levels: dict[tuple[str, int], int]) -> None:
        """What was told stays told, here and in the marks, where it may have begun to fire before it was told."""
        for tracks in (*self.tracks, *self.base.tracks, *self.mid.tracks) if levels else ():
            for track in tracks.values():
                if track.fired_ms is not None:
                    track.told = max(track.told, levels.get((track.rule.alert, track.start_ms), UNTOLD))

    def set_bands(self) -> None:
        """Between which values no rule moves, as the tracks stand."""
        bands = [watch.quiet_band(tracks) for watch, tracks in zip(self.plan.watches, self.tracks, strict=True)]
        self.low, self.high = [low for low, _ in bands], [high for _, high in bands]


def _copied(tracks: list[dict[str, Track]]) -> list[dict[str, Track]]:
    return [{name: track.copy() for name, track in each.items()} for each in tracks]


def _cut(columns: Columns, start: int, end: int) -> Columns:
    return {name: column[start:end] for name, column in columns.items()}
