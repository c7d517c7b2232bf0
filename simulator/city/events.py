"""What happens to a city beside the ordinary: a closed list of events, each rising, lasting and falling. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from wire.times import HOUR_MS

EVENTS: Final = {
    "fireworks": "smoke of a festival night: particles and SO2 rise within minutes, and go with the wind",
    "dust": "a front brings desert dust: PM10 far above PM2.5, a gusty, dry wind",
    "inversion": "cold air under warm: no wind, no mixing, everything a city emits stays at street level",
    "jam": "far more traffic than the road takes: slow, dense, and dirty at the kerb",
    "accident": "a blocked lane: the flow falls, speeds collapse",
    "rain": "hours of rain: particles washed out, traffic slower",
    "festival": "a day without commuters: traffic as on a Sunday, more of it late",
}
"""Every event and what it does, in one line each."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, from `from_ms` to `to_ms`; 1 is an ordinary `strength`; it builds up for `rise_h`."""

    kind: str
    from_ms: int
    to_ms: int
    strength: float = 1.0
    rise_h: float = 0.5

    def force(self, time_ms: int) -> float:
        """How much of it there is at a time: 0 outside, its strength in between, smooth at both ends."""
        if not self.from_ms < time_ms < self.to_ms:
            return 0.0
        rise_ms = min(self.rise_h * HOUR_MS, (self.to_ms - self.from_ms) / 2)
        away_ms = min(time_ms - self.from_ms, self.to_ms - time_ms)
        share = min(1.0, away_ms / rise_ms) if rise_ms else 1.0
        return self.strength * 0.5 * (1 - math.cos(math.pi * share))


def force(events: tuple[Event, ...], kind: str, time_ms: int) -> float:
    """How much of one kind there is at a time: the strongest counts."""
    return max((event.force(time_ms) for event in events if event.kind == kind), default=0.0)
