"""How a sensor is, in a word or two, from what the agent says of itself. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.lines.not_opened import NO_SUCH_PORT

OLD_S = 15.0
FOREIGN_BYTES = 256  # a sensor of the model that the settings name has said something readable by then
DAMAGED = 5  # the first bytes after a start may be half a frame
PASSING = (None, "warming_up", "settling")
"""Doubts about a sensor's values that are no fault of it."""


def state_of(said: dict[str, Any], sensor: dict[str, Any], now_ms: float) -> str:
    """The word for one of its sensors."""
    if is_old(said, now_ms):
        return "not known"
    if not sensor["open"]:
        return "port gone" if sensor.get("trouble") in (None, NO_SUCH_PORT) else "port shut"
    if sensor.get("trouble"):
        return "port stuck"
    silent = sensor["last_frame_ms"] is None or now_ms - sensor["last_frame_ms"] > sensor.get("silence_s", 60) * 1000
    if silent and (sensor.get("unread_bytes", 0) >= FOREIGN_BYTES or only_damage(sensor)):
        return "garbled"
    if sensor["last_frame_ms"] is None:
        return "nothing heard"
    if silent:
        return "silent"
    if sensor.get("doubt"):
        return "warming up" if sensor["doubt"] == "warming_up" else str(sensor["doubt"])
    return "beam full" if sensor.get("crowded") else "ok"


def is_old(said: dict[str, Any], now_ms: float) -> bool:
    """Whether the agent said so too long ago: how anything is now, nobody knows."""
    return bool(now_ms - said["at_ms"] > OLD_S * 1000)


def only_damage(sensor: dict[str, Any]) -> bool:
    """Whether something speaks there, and never in a whole frame: another speed makes few bytes of many."""
    damaged = sum(count for why, count in sensor["bad"].items() if why not in ("no_reply", "refused"))
    return damaged >= DAMAGED and not sensor["frames"]
