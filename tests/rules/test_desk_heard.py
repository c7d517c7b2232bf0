"""However late readings move, join and part episodes: people hear of each, and each that they hear of ends."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.rules.desk import Desk
from collector.rules.policy import Policy
from tests.rules.transitions import T0, firing, resolved
from wire.times import MINUTE_MS

MINUTES = 12
TRUTH = st.lists(st.booleans(), min_size=MINUTES, max_size=MINUTES)
"""Whether it is too high, minute by minute, as far as anybody knows."""

Episodes = dict[int, int | None]
"""Minutes: start to end, None while it fires."""


def episodes(truth: list[bool]) -> Episodes:
    found: Episodes = {}
    for minute, high in enumerate(truth):
        if high and (minute == 0 or not truth[minute - 1]):
            found[minute] = None
        elif not high and minute and truth[minute - 1]:
            found[max(found)] = minute
    return found


def begins(start: int) -> Any:
    return firing(start, start=T0 + start * MINUTE_MS)


def ends(start: int, end: int) -> Any:
    return resolved(end, start=T0 + start * MINUTE_MS)


def corrections(old: Episodes, new: Episodes) -> list[Any]:
    """What the engine says so that those who heard of `old` know of `new`."""
    gone = map(begins, sorted(old.keys() - new.keys()))
    said = [replace(each, state="resolved", void=True, reason="corrected") for each in gone]
    for start, end in new.items():
        if start not in old or (old[start] is not None and end is None):
            said.append(replace(begins(start), reason="corrected" if start in old else ""))
        if end is not None and old.get(start) != end:
            said.append(ends(start, end))
    return said


def high(*minutes: int) -> list[bool]:
    return [minute in minutes for minute in range(MINUTES)]


@settings(max_examples=80, deadline=None)
@example([(high(10, 11), False), (high(8, 9), False), (high(8), False)], random.Random(0))
@example([(high(8, 9), False), (high(6, 7, 8, 9), True), (high(6, 8, 9), False)], random.Random(0))
@example([(high(8), False), (high(6, 7, 8), True), (high(6, 8), False)], random.Random(0))
@given(st.lists(st.tuples(TRUTH, st.booleans()), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_every_episode_is_heard_of_and_none_stays_open(steps, chance):
    desk, told, known, saved = Desk(Policy(flap_changes=1000, group_ms=0)), [], {}, {}
    last = [*steps[-1][0][:-1], False]
    for now, (truth, restarts) in enumerate([*steps, (last, False)], start=MINUTES):
        said = corrections(known, episodes(truth))
        chance.shuffle(said)
        said.sort(key=lambda each: each.state == "resolved" and not each.void)  # an end after its beginning
        desk.hear(said, T0 + now * MINUTE_MS)
        known = episodes(truth)
        told += [line for each in desk.tick(T0 + now * MINUTE_MS) for line in each.lines]
        saved |= json.loads(json.dumps(desk.changes()))
        if restarts:
            desk = Desk.restore(desk.policy, saved)
    heard: dict[str, int | None] = {}
    for line in told:
        at = line.alert.key
        assert (heard.get(at, 0) is None) == (line.state == "resolved"), f"{line.state} twice: {at}"
        heard[at] = None if line.state == "firing" else line.alert.event_ms
    spans = [(int(key.rpartition("|")[2]), end) for key, end in heard.items()]
    assert all(end is not None for _, end in spans), "something fires for ever"
    for start, end in episodes(last).items():
        assert end is not None
        first, until = T0 + start * MINUTE_MS, T0 + end * MINUTE_MS
        assert any(began <= until and first <= over for began, over in spans if over is not None), (start, end)
