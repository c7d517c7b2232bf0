"""What goes ahead: a batch whose readings are of now, as far as its first bytes tell, is worked off before a backlog.

    everything but batches            births, questions, other collectors: what batches are judged by, and few
    a small batch with readings of    a live one, or one that was sealed at once for an alarm
    the last two minutes
    anything else                     a backlog, a resend, a replay: in the order of arrival

Nobody is believed without bound: a node has a bucket of what may go ahead (`Pace`), several times what a station with
many sensors needs. What is beyond waits in line as if it were old, so that to call everything live wins nothing.
"""

from __future__ import annotations

import re
from typing import Final

from collector.delivery.pace import Pace
from wire import batch, names
from wire.check import FUTURE_MS
from wire.times import MINUTE_MS

LIVE_MS: Final = 2 * MINUTE_MS
"""As long as the rules wait for a reading, and twice what an agent waits at most to seal one."""
LIVE_BYTES: Final = 8 * 1024
LIVE_UNITS_PER_S: Final = 20
_HEAD_BYTES: Final = 640  # names of 64 letters before the first time
_T0 = re.compile(rb'"t0":([0-9]{13})[,}]')


class LiveLane:
    """Used by one thread, that of the connection. Holds no clock: time is handed in."""

    def __init__(self) -> None:
        self._pace = Pace(LIVE_UNITS_PER_S)

    def goes_ahead(self, topic: str, payload: bytes, again: bool, now_ms: int) -> bool:
        """Whether a message goes ahead of what is old; `again`: kept by the broker or sent for a lost database."""
        address = names.address(topic)
        if address is None or not address.channel.startswith("data"):
            return True
        is_live = not again and address.channel == "data" and is_of_now(payload, now_ms)
        return is_live and self._pace.admits(address.node, len(payload), now_ms)


def is_of_now(payload: bytes, now_ms: int) -> bool:
    """Whether a small batch has readings of the last two minutes, by the times at the head of its first blocks."""
    if len(payload) > LIVE_BYTES:
        return False
    try:
        head = batch.unpack(payload, _HEAD_BYTES)
    except batch.Unaddressed:
        return False
    newest_ms = max(map(int, _T0.findall(head, 0, _HEAD_BYTES)), default=0)
    return now_ms - LIVE_MS <= newest_ms <= now_ms + FUTURE_MS
