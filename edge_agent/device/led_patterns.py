"""What the status LED shows: one state at a time, told by counting blinks. Pure; the table of docs/install.md.

starting         even: 1 s on, 1 s off
all well         on, with a wink every 3 s; a light without the wink is a program that hangs
1 blink          settings: those sent by the office were put back
2 blinks         a sensor is missing or silent
3 blinks         no broker, or nobody confirms
4 blinks         the spool is full or the disk takes nothing: readings are being lost
5 blinks         the clock is not set yet: readings wait
fast             `identify`: this is the box
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

from edge_agent.screens.status import is_full, nobody_confirms

DISK_FREE_MIN_B = 50 * 2**20


class Shown(IntEnum):
    """A state by its number of blinks; those without one are below 1."""

    STARTING = -1
    WELL = 0
    SETTINGS = 1
    SENSOR = 2
    BROKER = 3
    DISK = 4
    CLOCK = 5


class Step(NamedTuple):
    """On or off, for so long."""

    on: bool
    seconds: float


BLINK, GAP, PAUSE = Step(True, 0.25), Step(False, 0.35), Step(False, 1.6)
_URGENT_FIRST = (Shown.DISK, Shown.SENSOR, Shown.BROKER, Shown.CLOCK, Shown.SETTINGS)


def pattern(state: Shown) -> tuple[Step, ...]:
    """One round of a state's pattern."""
    if state is Shown.STARTING:
        return Step(True, 1.0), Step(False, 1.0)
    if state is Shown.WELL:
        return Step(True, 2.8), Step(False, 0.2)
    return (*((BLINK, GAP) * (state - 1)), BLINK, PAUSE)


def state_of(said: dict[str, Any] | None) -> Shown:
    """What to show for what the agent last said of itself (`lamppost.agent.status/1`): the most urgent trouble."""
    if said is None:
        return Shown.STARTING
    found = {state for state, is_so in _TROUBLES.items() if is_so(said)}
    first = next((state for state in _URGENT_FIRST if state in found), Shown.WELL)
    young = said["up_s"] < YOUNG_S and first in (Shown.SENSOR, Shown.BROKER)
    return Shown.STARTING if young else first


YOUNG_S = 20
"""Ports and the broker are given so long after a start before they count as missing."""


def _disk(said: dict[str, Any]) -> bool:
    free = said.get("disk_free_b")
    full = is_full(said, said["at_ms"]) or (free is not None and free < DISK_FREE_MIN_B)
    return not said["disk_ok"] or said["refused"] > 0 or full


def _sensor(said: dict[str, Any]) -> bool:
    return any(
        not sensor["open"]
        or sensor["last_frame_ms"] is None
        or said["at_ms"] - sensor["last_frame_ms"] > sensor["silence_s"] * 1000
        for sensor in said["sensors"]
    )


def _broker(said: dict[str, Any]) -> bool:
    return said["connected_s"] is None or nobody_confirms(said, said["at_ms"])


def _clock(said: dict[str, Any]) -> bool:
    return bool(said["clock"] == "unsynced")


def _settings(said: dict[str, Any]) -> bool:
    return said.get("config_note") is not None


_TROUBLES: dict[Shown, Callable[[dict[str, Any]], bool]] = {
    Shown.DISK: _disk,
    Shown.SENSOR: _sensor,
    Shown.BROKER: _broker,
    Shown.CLOCK: _clock,
    Shown.SETTINGS: _settings,
}


def is_dark(dark: str | None, minute_of_day: int) -> bool:
    """True within the hours in which the LED stays off, such as `22:00-06:00`."""
    if dark is None:
        return False
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in dark.split("-"))
    return start <= minute_of_day < end if start <= end else minute_of_day >= start or minute_of_day < end
