"""One series with its present and, while an outage is being filled, its past.

Readings newer than the head, or no older than the allowed lateness, go to the live reel and may page. When the series
jumps ahead over a hole, the reel's state at the hole is kept; what arrives for the hole later goes through that copy,
in its own order, and tells history: "would have fired at". Both go on until the past reaches the jump.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from collector.rules import derived
from collector.rules.columns import wanted
from collector.rules.lateness import LATENESS_MS
from collector.rules.packed_reel import copy_of, pack, unpack
from collector.rules.plan import Plan
from collector.rules.recent import Columns
from collector.rules.reel import Reel
from collector.rules.rule import Rule, Spec
from collector.rules.series import Series
from collector.rules.track import Track
from collector.rules.transition import Transition, orphan, taken_down, transition
from collector.rules.window import bucket_ms
from wire.times import MINUTE_MS

HOLE_MS = 10 * MINUTE_MS
"""A jump this long, or three intervals if they are longer, is a hole that a backlog may fill."""


class Timeline:
    """Everything the engine holds of one series."""

    __slots__ = ("jump_ms", "live", "past", "plan", "series", "spans", "wait_ms")

    def __init__(self, series: Series, plan: Plan, interval_ms: int | None) -> None:
        self.series = series
        self.plan = plan
        self.spans = derived.is_span(series)
        self.wait_ms = derived.wait_ms(series)
        self.live = Reel(plan, interval_ms, self.say)
        self.past: Reel | None = None
        self.jump_ms = 0

    def observe(self, times: list[int], columns: Columns, now_ms: int) -> list[Transition]:
        """Committed rows of this series, times rising; each row is given once."""
        if self.live.interval_ms is None and (lengths := columns.get("duration_s")):
            self.live.set_interval(int(1000 * (lengths[0] or 0)) or None)
        now_ms -= self.wait_ms  # a row is as old as the time since it could be there
        columns = wanted(self.plan, columns)
        head_ms = self.live.head_ms
        # What was told by another collector may be newer than what came here: until then rows may correct it.
        known_ms = max(head_ms, self.live.told[-1].event_ms) if self.live.told else head_ms
        if times[0] > known_ms:
            self._keep_past(times[0])
            return self.live.advance(times, columns, now_ms)
        oldest = bisect_left(times, max(head_ms - LATENESS_MS, self.live.base.time_ms + 1))
        said: list[Transition] = []
        if oldest:
            old = times[:oldest], {name: column[:oldest] for name, column in columns.items()}
            self.live.patch(*old)
            said = self._history(*old)
            times, columns = times[oldest:], {name: column[oldest:] for name, column in columns.items()}
        if times and times[0] <= known_ms:
            return said + self.live.reorder(times, columns, now_ms)
        return said + (self.live.advance(times, columns, now_ms) if times else [])

    def behind_ms(self, spec: Spec) -> int:
        """How long after the end of a bucket its rows are there, on a good day.

        A bucket of whole intervals is over when they are; a narrower one holds the beginning of an interval to come.
        """
        every_ms = self.live.interval_ms or 0
        return self.wait_ms + (every_ms if self.spans and bucket_ms(spec) < every_ms else 0)

    def say(self, track: Track, state: str, event_ms: int, late: bool) -> Transition:
        """The words for a change of `track`."""
        return transition(self.series, track.rule, track.start_ms, track.value, state, event_ms, late)

    def _keep_past(self, first_ms: int) -> None:
        """At a jump over a hole, keep a reel that stands before it; what fires there stays the live reel's."""
        live = self.live
        hole_ms = max(HOLE_MS, 3 * (live.interval_ms or 0))
        if not live.head_ms or first_ms - live.head_ms <= hole_ms or self.past is not None:
            return
        self.past, self.jump_ms = copy_of(live), first_ms
        self.past.mute()

    def _history(self, times: list[int], columns: Columns) -> list[Transition]:
        """Rows for a hole: what would have fired. An episode of the live reel is not history's to end."""
        past = self.past
        if past is None or times[0] < past.head_ms - LATENESS_MS:
            past = self.past = Reel(self.plan, self.live.interval_ms, self.say)
            self.jump_ms = self.jump_ms or self.live.head_ms
        feed = past.advance if times[0] > past.head_ms else past.reorder
        said = feed(times, columns, _END_OF_TIME_MS)
        if self.jump_ms - times[-1] <= max(2 * (past.interval_ms or 0), LATENESS_MS):
            said += self._end_past(past)
        ours = self.live.firing().keys() | {(each.rule, each.start_ms) for each in self.live.told if not each.late}
        return [each for each in said if (each.rule, each.start_ms) not in ours]

    def _end_past(self, past: Reel) -> list[Transition]:
        """The past has reached the jump; what still fires there is history's last word, the rest is the live reel's."""
        self.past, self.jump_ms = None, 0
        return [
            self.say(track, "firing", track.fired_ms, True).ended(past.head_ms, "the live series goes on")
            for tracks in past.tracks
            for track in tracks.values()
            if track.fired_ms is not None and not track.mute
        ]

    def end(self, now_ms: int) -> list[Transition]:
        """The end of every alert that fires: the series is no longer watched."""
        firing = [track for tracks in self.live.tracks for track in tracks.values() if track.fired_ms is not None]
        return [taken_down(self.series, each.rule, each.start_ms, each.value, now_ms) for each in firing]

    def packed(self) -> dict[str, Any]:
        """The state as a JSON value."""
        past = None if self.past is None else pack(self.past)
        return {"live": pack(self.live), "past": past, "jump": self.jump_ms}

    def unpack(self, packed: dict[str, Any]) -> None:
        """Take the state of `packed`."""
        unpack(self.live, packed["live"])
        self.jump_ms = packed["jump"]
        if packed["past"] is not None:
            self.past = Reel(self.plan, self.live.interval_ms, self.say)
            unpack(self.past, packed["past"])


def orphans(
    series: Series, packed: dict[str, Any], plan: Plan | None, rules: dict[str, Rule], now_ms: int
) -> list[Transition]:
    """The end of what fires in a packed timeline by rules that are no longer in its plan, or mean something else."""
    watched = {} if plan is None else plan.rules
    said = []
    for tracks in packed["live"]["tracks"]:
        for name, (version, track) in tracks.items():
            rule, fires = rules.get(name), track[3] is not None
            if fires and (rule is None or rule.version != version):
                said.append(orphan(series, name, version, track, rule, now_ms))
            elif fires and rule is not None and name not in watched:
                said.append(taken_down(series, rule, track[0], track[2], now_ms))
    return said


_END_OF_TIME_MS = 2**53
