"""Nodes whose clock is off (T15): a false time server moves a whole station's readings, and nothing else shows it.

Two witnesses. The agent tells the offset that it sees to our own signed time, once a minute (`clock_offset_s`). And a
reading from the future is none, whatever its node says: its clock is ahead by that much at least. What is old proves
nothing, for a backlog is old too.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from wire.check import Checked

OFF_MS: Final = 5_000
LIVE_MS: Final = 180_000  # a report of the last minutes, told by a true clock
FIELD: Final = "clock_offset_s"
_FUTURE: Final = "clock: in the future"


class Seen(NamedTuple):
    """What a batch says of its node's clock: ahead by so much (behind when negative), and whether it is off."""

    offset_ms: int
    is_off: bool


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
    ahead = {refusal.block: refusal.row for refusal in checked.refusals if refusal.reason == _FUTURE}
    for block, row in ahead.items():  # the last one of a block, whose times rise
        if row is not None:
            newest = max(newest, raw_blocks[block]["t0"] + sum(raw_blocks[block]["dt"][: row + 1]))
    return newest - now_ms
