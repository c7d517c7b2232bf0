"""The sensor ledger: per sensor and hour what was accepted, what came damaged, how long it was silent. Pure.

Cumulative within the hour, and sent several times: each row stands at a time of its own, so that the order in which
batches arrive decides nothing; whoever asks takes the greatest value of the hour.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_agent.reading import Reading, Series

HOUR_MS = 3_600_000
KIND = "sensor_ledger"
TELL_EVERY_MS = 300_000


@dataclass(slots=True)
class Tally:
    """One sensor's counts in the open hour."""

    accepted: int = 0
    bad_frames: int = 0
    silent_s: float = 0.0


class Hours:
    """The open hour of every sensor. `state` and `restore` carry it over a restart."""

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._hour_ms: int = (state or {}).get("hour_ms", 0)
        self._tallies = {name: Tally(**tally) for name, tally in (state or {}).get("tallies", {}).items()}
        self._told_ms = 0

    def accept(self, sensor: str, rows: int) -> None:
        """Rows of a sensor were accepted."""
        self._of(sensor).accepted += rows

    def observe(self, sensor: str, bad_frames: int, silent_s: float) -> None:
        """Damage and silence since the last call."""
        tally = self._of(sensor)
        tally.bad_frames += bad_frames
        tally.silent_s = min(3600.0, tally.silent_s + silent_s)

    def tick(self, now_ms: int, closing: bool = False) -> list[Reading]:
        """Rows to send: every five minutes, at the end of the hour (as of its last millisecond), and when closing."""
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        if self._hour_ms == 0:
            self._hour_ms = hour_ms
        if hour_ms != self._hour_ms:
            rows = self._rows(self._hour_ms + HOUR_MS - 1)
            self._hour_ms, self._tallies, self._told_ms = hour_ms, {}, now_ms
            return rows
        if closing or now_ms - self._told_ms >= TELL_EVERY_MS:
            self._told_ms = now_ms
            return self._rows(now_ms)
        return []

    def state(self) -> dict[str, Any]:
        """Plain data, committed with the readings."""
        return {"hour_ms": self._hour_ms, "tallies": {name: asdict(tally) for name, tally in self._tallies.items()}}

    def _of(self, sensor: str) -> Tally:
        return self._tallies.setdefault(sensor, Tally())

    def _rows(self, time_ms: int) -> list[Reading]:
        return [
            Reading(
                Series(sensor, KIND),
                time_ms,
                {
                    "accepted": tally.accepted,
                    "bad_frames_1h": tally.bad_frames,
                    "silent_s": round(tally.silent_s, 1),
                },
            )
            for sensor, tally in self._tallies.items()
        ]
