"""The sensor ledger: per sensor and hour what was accepted, what came damaged, how long it was silent. Pure.

Cumulative within the hour, and sent several times: each row stands at a time of its own within its hour, so that the
order in which batches arrive decides nothing; whoever asks takes the greatest value of the hour. What is told of an
hour after it has ended stands in its last second: spread over it, since a restart tells the same hour again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edge_agent.reading import Reading, Series
from edge_agent.timeline import FLOOR_MS
from wire.times import HOUR_MS, MINUTE_MS

KIND = "sensor_ledger"
TELL_EVERY_MS = 5 * MINUTE_MS
GRACE_MS = 2 * MINUTE_MS
LAST_MS = 1_000


@dataclass(slots=True)
class Tally:
    """One sensor's counts in the open hour."""

    accepted: int = 0
    bad_frames: int = 0
    silent_s: float = 0.0

    def state(self) -> dict[str, Any]:
        """What makes it again. (`asdict` took an eighth of a commit.)"""
        return {"accepted": self.accepted, "bad_frames": self.bad_frames, "silent_s": self.silent_s}


class Hours:
    """The open hours of every sensor; what `state` gives carries them over a restart.

    An hour stays open a little longer than it lasts: an interval of traffic is told under the time it began.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self._open: dict[int, dict[str, Tally]] = {}
        with suppress(AttributeError, TypeError, ValueError):  # a disk has changed it: these hours begin anew
            self._open = {
                int(hour): {name: Tally(**tally) for name, tally in tallies.items()}
                for hour, tallies in (state or {}).items()
                if int(hour) >= FLOOR_MS  # an earlier agent counted by the time since boot
            }
        self._first_ms = min(self._open, default=0)  # the hours before it are closed
        self._told_ms = 0

    def accept(self, sensor: str, rows: int, time_ms: int) -> None:
        """Rows of a sensor were accepted under this time."""
        self._at(time_ms, sensor).accepted += rows

    def spread(self, sensor: str, rows: int, from_ms: int, to_ms: int) -> None:
        """So many rows of a sensor, one as often as the other, were accepted from and to these times."""
        ends = [*range((from_ms // HOUR_MS + 1) * HOUR_MS, to_ms + 1, HOUR_MS), to_ms + 1]
        done = 0
        for end_ms in ends:
            until = rows * (end_ms - from_ms) // (to_ms + 1 - from_ms)
            self.accept(sensor, until - done, end_ms - 1)
            done = until

    def observe(self, sensor: str, bad_frames: int, silent_s: float, now_ms: int) -> None:
        """Damage and silence since the last call."""
        tally = self._at(now_ms, sensor)
        tally.bad_frames += bad_frames
        tally.silent_s = min(3600.0, tally.silent_s + silent_s)

    def tick(self, now_ms: int, closing: bool = False) -> list[Reading]:
        """Rows to send: every five minutes, at the end of an hour (as of its last millisecond), and when closing."""
        rows: list[Reading] = []
        for hour_ms in sorted(self._open):
            if now_ms >= hour_ms + HOUR_MS + GRACE_MS:
                rows += _rows(self._open.pop(hour_ms), hour_ms + HOUR_MS - 1)
                self._first_ms = hour_ms + HOUR_MS
                self._told_ms = now_ms
        if self._open and (closing or abs(now_ms - self._told_ms) >= TELL_EVERY_MS):
            self._told_ms = now_ms
            # While an hour waits to be closed the next one is not told yet; whoever stops tells both. One that is still
            # to come, by a clock that was ahead, is told when it comes.
            for hour_ms in [one for one in sorted(self._open) if one <= now_ms] if closing else [min(self._open)]:
                rows += _rows(self._open[hour_ms], _stands_at(hour_ms, now_ms))
        return rows

    def tell(self, sensor: str, now_ms: int) -> list[Reading]:
        """One sensor's row out of turn; none from an hour's last second on, which belongs to the rows in turn."""
        hour_ms = min(self._open, default=0)
        if sensor not in self._open.get(hour_ms, {}) or now_ms >= hour_ms + HOUR_MS - LAST_MS:
            return []
        return _rows({sensor: self._open[hour_ms][sensor]}, now_ms)

    def state(self) -> dict[str, Any]:
        """Plain data, committed with the readings."""
        return {
            str(hour): {name: tally.state() for name, tally in tallies.items()} for hour, tallies in self._open.items()
        }

    def _at(self, time_ms: int, sensor: str) -> Tally:
        """The account of this time; what belongs to an hour that is closed counts in the first after it.

        Unless it was closed by a clock that was far ahead for a while.
        """
        hour_ms = time_ms // HOUR_MS * HOUR_MS
        if hour_ms < self._first_ms <= hour_ms + 2 * HOUR_MS:
            hour_ms = self._first_ms
        return self._open.setdefault(hour_ms, {}).setdefault(sensor, Tally())


def _stands_at(hour_ms: int, now_ms: int) -> int:
    """The time under which an open hour is told now: now, or in its last second when it is over."""
    last_ms = hour_ms + HOUR_MS - LAST_MS
    over_ms = now_ms - hour_ms - HOUR_MS
    if over_ms < 0:
        return min(now_ms, last_ms - 1)
    return last_ms + over_ms * (LAST_MS - 1) // GRACE_MS


def _rows(tallies: dict[str, Tally], time_ms: int) -> list[Reading]:
    return [
        Reading(
            Series(sensor, KIND),
            time_ms,
            {"accepted": tally.accepted, "bad_frames_1h": tally.bad_frames, "silent_s": round(tally.silent_s, 1)},
        )
        for sensor, tally in tallies.items()
    ]
