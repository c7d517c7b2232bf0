"""Nodes whose clock is off (T15): a false time server moves a whole station's readings, and nothing else shows it.

Two witnesses. The agent tells the offset that it sees to our own signed time, once a minute (`clock_offset_s`). And a
reading from the future is none, whatever its node says: its clock is ahead by that much at least. What is old proves
nothing, for a backlog is old too.

When most nodes see the same of our clock, it is ours that is off (`OwnClock`): forty alarms would name the wrong ones.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from statistics import median_low
from typing import Any, Final, NamedTuple

from wire.check import Checked

OFF_MS: Final = 5_000
LIVE_MS: Final = 180_000  # a report of the last minutes, told by a true clock
FIELD: Final = "clock_offset_s"
FUTURE: Final = "clock: in the future"
HEARD_MS: Final = 180_000  # a node, and what it said of its clock, count for so long; it says it once a minute
OFTEN_MS: Final = 30_000
NODES_MIN: Final = 3
"""Of two clocks that differ nobody knows which one is off."""
_MEDIAN_OF: Final = 25


class Seen(NamedTuple):
    """What a batch says of its node's clock: ahead by so much (behind when negative), and whether it is off."""

    offset_ms: int
    is_off: bool


class _Heard(NamedTuple):
    """When a node was heard, when it said something of its clock, and what: its offset, and which way it is off."""

    heard_ms: int
    said_ms: int
    offset_ms: int
    way: int


_UNHEARD: Final = _Heard(0, 0, 0, 0)


class OwnClock:
    """Whether our own clock is off, by what the nodes say of theirs: by most of all that are heard, three at least."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}  # by node, who has been silent for longest first
        self._ways: Counter[int] = Counter()  # how many stand ahead of us (1), with us or silent on it (0), behind (-1)

    def note(self, node: str, seen: Seen | None, now_ms: int) -> None:
        """A batch of this node came, and what it says of its clock."""
        known = self._heard.get(node, _UNHEARD)
        if seen is not None:
            known = _Heard(now_ms, now_ms, seen.offset_ms, 0 if not seen.is_off else 1 if seen.offset_ms > 0 else -1)
        elif abs(now_ms - known.heard_ms) < OFTEN_MS:
            return
        else:
            known = (known if abs(now_ms - known.said_ms) <= HEARD_MS else _UNHEARD)._replace(heard_ms=now_ms)
        self._forget(node)
        self._heard[node] = known
        self._ways[known.way] += 1
        oldest = next(iter(self._heard))
        while abs(now_ms - self._heard[oldest].heard_ms) > HEARD_MS:
            self._forget(oldest)
            oldest = next(iter(self._heard))

    def behind_ms(self) -> int | None:
        """By how much ours is behind (ahead when negative); None while the nodes do not agree on that."""
        way, nodes = self._ways.most_common(1)[0] if self._heard else (0, 0)
        if way == 0 or nodes < NODES_MIN or 2 * nodes <= len(self._heard):
            return None
        agreed = (each.offset_ms for each in reversed(self._heard.values()) if each.way == way)
        return median_low(islice(agreed, _MEDIAN_OF))

    def words(self, behind_ms: int) -> str:
        """The alarm."""
        which = "behind" if behind_ms > 0 else "ahead of"
        nodes = f"{max(self._ways.values())} of {len(self._heard)} nodes"
        text = f"our own clock is {abs(behind_ms) / 1000:.0f} s {which} those of {nodes}"
        return f"{text}. Cure: look at our time server (`timedatectl timesync-status` here), then at theirs"

    def _forget(self, node: str) -> None:
        if node in self._heard:
            self._ways[self._heard.pop(node).way] -= 1


def look(raw_blocks: list[Any], checked: Checked, now_ms: int) -> Seen | None:
    """What a batch says, or None when it says nothing."""
    ahead_ms = _ahead_ms(raw_blocks, checked, now_ms)
    if ahead_ms > OFF_MS:
        return Seen(ahead_ms, True)
    for block in checked.blocks:
        told = block.fields.get(FIELD) if block.kind == "node_health" else None
        if told is not None and told[-1] is not None:
            offset_ms = round(told[-1] * 1000)
            is_live = abs(now_ms - (block.times_ms[-1] - offset_ms)) < LIVE_MS
            return Seen(offset_ms, abs(offset_ms) > OFF_MS) if is_live else None
    return None


def words(node: str, offset_ms: int) -> str:
    """The alarm."""
    which = "ahead" if offset_ms > 0 else "behind"
    text = f"the clock of {node} is {abs(offset_ms) / 1000:.0f} s {which}; its readings stand at wrong times"
    return f"{text}. Cure: look at its time server (`timedatectl timesync-status` there), and at ours"


def _ahead_ms(raw_blocks: list[Any], checked: Checked, now_ms: int) -> int:
    """By how much the newest reading lies in the future; those that were refused for it count too."""
    newest = max((block.times_ms[-1] for block in checked.blocks), default=now_ms)
    ahead = {refusal.block: refusal.row for refusal in checked.refusals if refusal.reason == FUTURE}
    for block, row in ahead.items():  # the last one of a block, whose times rise
        if row is not None:
            newest = max(newest, raw_blocks[block]["t0"] + sum(raw_blocks[block]["dt"][: row + 1]))
    return newest - now_ms
