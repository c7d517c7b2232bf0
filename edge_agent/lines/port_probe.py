"""Probing serial ports: opens them, side by side, and makes the moves that the search (sensors/probing.py) asks for."""

from __future__ import annotations

import termios
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import serial

from device_profiles.profile import Profile
from edge_agent.lines.not_opened import why_not_opened
from edge_agent.sensors.probing import Move, Outcome, Verdict, search, search_addresses

READ_S = 0.05
PORTS_AT_ONCE = 40
_CANNOT_BE_USED = OSError, ValueError, termios.error
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found on one port, or why nothing could be."""

    path: str
    outcome: Outcome | None
    error: str | None = None
    address: int | None = None  # on a line that several share

    @property
    def sensor(self) -> Verdict | None:
        """The model, when it is sure."""
        return self.outcome.found if self.outcome is not None else None

    def options(self, profile: Profile) -> dict[str, int | float | str | bool]:
        """What the settings of that model must say here: its speed and address, where its maker has others."""
        line = self.outcome.serial if self.outcome is not None else None
        wanted: dict[str, int | float | str | bool] = {}
        if self.address is not None and self.address != profile.settings["address"]:
            wanted["address"] = self.address
        if line is not None and line.baud != profile.serial.baud:
            wanted["baud"] = line.baud
        return wanted

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        outcome = self.outcome
        return {
            "port": self.path,
            "address": self.address,
            "error": self.error,
            "profile": self.sensor.profile if self.sensor else None,
            "baud": outcome.serial.baud if outcome and outcome.serial else None,
            "heard_bytes": outcome.heard if outcome else {},
            "verdicts": [verdict._asdict() for verdict in outcome.verdicts] if outcome else [],
        }


def probe_ports(
    paths: Iterable[str], profiles: list[Profile], found: Callable[[Finding], None] = lambda _: None
) -> list[Finding]:
    """Search every port; `found` hears of each as soon as it is known."""

    def one(path: str) -> Finding:
        finding = probe_port(path, profiles)
        found(finding)
        return finding

    with ThreadPoolExecutor(PORTS_AT_ONCE, thread_name_prefix="probe") as pool:
        return list(pool.map(one, paths))


def probe_port(path: str, profiles: list[Profile]) -> Finding:
    """Search one port. The line is left as it was found: no break, no DTR pulse that would reset a board."""
    try:
        return Finding(path, _searched(path, search(profiles)))
    except _CANNOT_BE_USED as error:  # pulled out while we listened, or a speed that the adapter cannot do
        return Finding(path, None, why_not_opened(error))


def probe_addresses(path: str, profiles: list[Profile], addresses: Iterable[int]) -> list[Finding]:
    """Search one port that several sensors share: what answers at these addresses, one finding each."""
    try:
        found = _searched(path, search_addresses(profiles, list(addresses)))
    except _CANNOT_BE_USED as error:
        return [Finding(path, None, why_not_opened(error))]
    return [Finding(path, outcome, address=address) for address, outcome in found.items()] or [
        Finding(path, Outcome(None, [], {}))
    ]


def _searched(path: str, moves: Generator[Move, bytes, T]) -> T:
    """Make the moves on a port; what the search comes to."""
    with _opened(path) as device:
        move, before = next(moves), None
        while True:
            if before is None or before.serial != move.serial:
                heard = _do(device, move) if _set(device, move) else b""
            else:
                heard = _do(device, move)
            before = move
            try:
                move = moves.send(heard)
            except StopIteration as stop:
                found: T = stop.value
                return found


def _opened(path: str) -> serial.Serial:
    device = serial.Serial(None, timeout=READ_S, write_timeout=1.0, exclusive=True)
    device.port = path
    device.dtr = device.rts = False
    device.open()
    return device


def _set(device: serial.Serial, move: Move) -> bool:
    """Set the line. False when this adapter cannot do that speed: nothing can be heard there then."""
    try:
        device.apply_settings(move.serial.settings())
    except termios.error:  # it has no parity to set, as a pseudo-terminal or a serial server has none
        device.apply_settings(move.serial.settings() | {"parity": "N"})
    except (OSError, ValueError):
        return False
    device.reset_input_buffer()
    return True


def _do(device: serial.Serial, move: Move) -> bytes:
    if move.write:
        device.write(move.write)
    heard = b""
    until_s = time.monotonic() + move.listen_s
    while time.monotonic() < until_s:
        heard += device.read(max(1, device.in_waiting))
    return heard + device.read(device.in_waiting)  # it came while a busy processor kept us from reading
