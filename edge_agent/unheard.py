"""Sensors that are not heard any more, for the log, with the cure. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from edge_agent.sensor_state import state_of

AGAIN_S = 3_600.0
STATES = frozenset({"nothing heard", "silent", "garbled"})
"""Of a port that is shut its own room tells (`lines/port.py`)."""


class News(NamedTuple):
    """A line for the log."""

    is_bad: bool
    text: str


class Unheard:
    """Tells the edge, not the level; of a sensor that comes and goes no more than once an hour."""

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}
        self._since: dict[str, bool] = {}  # of each that is not heard: whether that was told

    def news(self, said: dict[str, Any], now_ms: float) -> list[News]:
        """What has changed since the last report."""
        found = []
        for sensor in said["sensors"]:
            name, state = sensor["name"], state_of(said, sensor, now_ms)
            if state.startswith("port "):
                continue
            if state not in STATES:
                if self._since.pop(name, False):
                    found.append(News(False, f"sensor {name} is heard again"))
            elif name not in self._since and said["up_s"] > sensor["silence_s"]:
                self._since[name] = said["up_s"] - self._told_s.get(name, -AGAIN_S) >= AGAIN_S
                if self._since[name]:
                    self._told_s[name] = said["up_s"]
                    found.append(News(True, f"sensor {name}: {state}; lamppost agent doctor --only sensor.{name}"))
        return found
