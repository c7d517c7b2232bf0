"""Whether it is our own clock that is off (T15): most nodes see the same of it, and an alarm for each would name the
wrong ones. Pure.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from statistics import median_low
from typing import Final, NamedTuple

from wire.times import MINUTE_MS

HEARD_MS: Final = 3 * MINUTE_MS  # a node, and what it said of its clock, count for so long; it says it once a minute
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
