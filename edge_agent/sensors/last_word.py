"""The last word of a sensor that the settings no longer name, or name otherwise: what it had counted so far. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from edge_agent.reading import Reading
from edge_agent.sensors.presence import Presence
from edge_agent.sensors.traffic import UNKNOWN, Counter


def last_word(sensor: str, state: dict[str, Any]) -> list[Reading]:
    """The interval that was open when its agent ended, as far as it had come; none of what is no such state."""
    told = list[Reading]()
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        profile, lane, until_ms = state["run_as"].split()[0], state["lane"], state["until_ms"]
        counter: Counter | Presence
        if "tallies" in state:
            directions = tuple(direction for direction in state["tallies"] if direction != UNKNOWN)
            counter = Counter(sensor, profile, lane, directions, 1, state["one_way"])
        else:
            counter = Presence(sensor, profile, lane, (state["direction"],), 1)
        counter.restore(state)
        told = counter.tick(until_ms)
    return told
