"""Nodes whose clock is off (T15): a false time server moves a whole station's readings, and nothing else shows it.

Two witnesses. The agent tells the offset that it sees to our own signed time, once a minute (`clock_offset_s`). And a
reading from the future is none, whatever its node says: its clock is ahead by that much at least. What is old proves
nothing, for a backlog is old too.

When most nodes see the same of our clock, it is ours that is off (own_clock.py). One that was set back may be wrong
since then: until they have had the time to say so, nobody knows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from collector.delivery.own_clock import HEARD_MS, OwnClock, Seen
from collector.health.alarms import Alarms
from collector.timers import passed
from wire.check import Checked
from wire.quantities import QUANTITIES
from wire.times import MINUTE_MS

OFF_MS: Final = 5_000
LIVE_MS: Final = 3 * MINUTE_MS  # a report of the last minutes, told by a true clock
FIELD: Final = "clock_offset_s"
FUTURE: Final = "clock: in the future"


class ClockWatch:
    """Calls out whose clock is off, by the alarms and counts of an ingest."""

    def __init__(self, alarms: Alarms, counts: Counter[str]) -> None:
        self._alarms, self._counts = alarms, counts
        self._own = OwnClock()
        self._last_ms = 0
        self._set_back_ms: int | None = None

    def note(self, node: str, seen: Seen | None, now_ms: int) -> bool:
        """What a batch says of its node's clock (`look`); whether ours is off, and behind, or may be."""
        self._own.note(node, seen, now_ms)
        if now_ms < self._last_ms - OFF_MS:
            self._set_back_ms = now_ms
        self._last_ms = now_ms
        if seen is None:
            return False
        behind_ms = self._own.behind_ms()
        self._counts["clock_off"] += seen.is_off
        if behind_ms is not None:
            self._alarms.sound("own-clock", self._own.words(behind_ms))
            for blamed in [name for name in self._alarms if name.startswith("clock:")]:
                del self._alarms[blamed]
            return behind_ms > 0
        self._alarms.pop("own-clock", None)
        if seen.is_off:
            self._alarms.sound(f"clock:{node}", words(node, seen.offset_ms))
        else:
            self._alarms.pop(f"clock:{node}", None)
        return self._set_back_ms is not None and not passed(now_ms, self._set_back_ms, HEARD_MS)


def look(raw_blocks: list[Any], checked: Checked, now_ms: int) -> Seen | None:
    """What a batch says, or None when it says nothing."""
    ahead_ms = _ahead_ms(raw_blocks, checked, now_ms)
    if ahead_ms > OFF_MS:
        return Seen(ahead_ms, True)
    for block in checked.blocks:
        told = block.fields.get(FIELD) if block.kind == "node_health" else None
        if told is not None and told[-1] is not None and abs(told[-1]) <= QUANTITIES[FIELD].high:
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
