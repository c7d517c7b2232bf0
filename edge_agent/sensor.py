"""One sensor: bytes from its port become readings. No port, clock or log inside: times are given by the caller."""

from __future__ import annotations

from collections import Counter
from typing import Any

from device_profiles.profile import Profile

from edge_agent.decoding import Values, decode
from edge_agent.framing import BadFrame, Framer
from edge_agent.polling import Poller
from edge_agent.reading import Reading, Series
from edge_agent.traffic import Counter as TrafficCounter
from wire.quantities import QUANTITIES

DETECTION = "detection"


class Sensor:
    """Framing, decoding, polling and, for radars, counting of one sensor."""

    def __init__(self, name: str, profile: Profile, traffic: TrafficCounter | None = None) -> None:
        self.name = name
        self.profile = profile
        self.traffic = traffic
        self.bad: Counter[str] = Counter()
        self.frames = 0
        self.last_frame_ms: int | None = None
        self.last_values: dict[str, float | int] = {}
        self.poller = Poller(profile)
        self._framer = Framer(profile)

    def feed(self, data: bytes, now_ms: int) -> list[Reading]:
        """Readings in `data`, all at `now_ms`: the time of the last byte. Damage is counted by reason."""
        readings: list[Reading] = []
        for frame in self._framer.feed(data):
            decoded = frame if isinstance(frame, BadFrame) else decode(self.profile, frame)
            if isinstance(decoded, BadFrame):
                self.bad[decoded.reason] += 1
            elif isinstance(decoded, Values):
                self.frames += 1
                self.last_frame_ms = now_ms
                readings += self._readings(decoded, now_ms)
        return readings

    def tick(self, now_ms: int) -> list[Reading]:
        """Readings that come with time alone: closed traffic intervals."""
        return self.traffic.tick(now_ms) if self.traffic is not None else []

    def state(self) -> dict[str, Any] | None:
        """State of the open interval, committed with the readings."""
        return self.traffic.state() if self.traffic is not None else None

    def _readings(self, decoded: Values, now_ms: int) -> list[Reading]:
        readings = []
        for row in decoded.rows:
            by_kind: dict[str, dict[str, float | int]] = {}
            for name, value in row.items():
                by_kind.setdefault(QUANTITIES[name].kind, {})[name] = value
            seen = by_kind.pop(DETECTION, None)
            if seen is not None and self.traffic is not None and "speed_kmh" in seen:
                self.traffic.detect(now_ms, seen["speed_kmh"])
            self.last_values = dict(row)
            readings += [
                Reading(Series(self.name, kind, (), self.profile.ref), now_ms, values)
                for kind, values in by_kind.items()
            ]
        return readings
