"""What is wrong now, in words, and when it is over. Holds no clock: `look` is told the time once a round.

An alarm ends when whoever raised it takes it back (`pop`), or by itself when nobody has raised it again for as long as
its kind stays: a node that does it again raises it again, so silence is the cure. Names are `kind` or `kind:node`.
"""

from __future__ import annotations

import logging
from typing import Final

from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

log = logging.getLogger("lamppost.ingest")

STAYS_MS: Final = {
    "store": None,  # until a write is taken
    "emptied": DAY_MS,  # as long as agents hold what they have sent
    "canary": None,  # until the next start finds it back
    "canary-round": MINUTE_MS // 6,  # looked at several times a second
    "unforeseen": DAY_MS,
    "state": MINUTE_MS,  # a round that fails comes again within seconds
    "quarantine": 10 * MINUTE_MS,  # what was refused comes again after five seconds
    "spool": HOUR_MS,  # what nobody answers is sent again within a quarter of an hour
    "ledger": 10 * MINUTE_MS,  # what was not accounted for comes again after a minute
    "version": HOUR_MS,
    "series": HOUR_MS,
    "status": HOUR_MS,  # who is not answered says it again within five minutes
    "windows": 3 * HOUR_MS,  # those of an hour are made once an hour
    "flapping": 10 * MINUTE_MS,
    "flood": 2 * MINUTE_MS,
    "clock": 10 * MINUTE_MS,  # a live batch comes within a minute
    "own-clock": 10 * MINUTE_MS,
    "certificate": 2 * HOUR_MS,  # they are looked at once an hour
    "calibration": 2 * DAY_MS,  # they are compared once a day
    "undelivered": MINUTE_MS,  # channels are looked at every few seconds
    "clone": DAY_MS,  # a person must look; a second card may be silent for a night
}
"""By kind, how long an alarm stays after it was last raised; None: until it is taken back."""


class Alarms(dict[str, str]):
    """Alarms by name. `since_ms` says when each began."""

    def __init__(self) -> None:
        super().__init__()
        self.since_ms: dict[str, int] = {}
        self._raised: set[str] = set()  # since the last look
        self._last_ms: dict[str, int] = {}

    def sound(self, name: str, text: str) -> None:
        """It is wrong, now. The edge is logged."""
        if name not in self:
            log.warning("%s", text)
        self[name] = text
        self._raised.add(name)

    def look(self, now_ms: int) -> None:
        """Let go of what is over."""
        for name in self._raised:
            self._last_ms[name] = now_ms
            self.since_ms.setdefault(name, now_ms)
        self._raised.clear()
        for name, last_ms in list(self._last_ms.items()):
            stays_ms = STAYS_MS[name.partition(":")[0]]
            last_ms = self._last_ms[name] = min(last_ms, now_ms)  # the clock may have been ahead
            if name not in self or (stays_ms is not None and now_ms - last_ms >= stays_ms):
                text = self.pop(name, "")
                del self._last_ms[name]
                self.since_ms.pop(name, None)
                if text:
                    log.warning("no longer: %s", text)
