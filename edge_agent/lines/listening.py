"""A port opened by ourselves and run as the agent would run it: for recording and watching where no agent runs."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import serial

from device_profiles.profile import Profile
from edge_agent.lines.captures import Piece
from edge_agent.lines.not_opened import BUSY, STUCK, STUCK_CURE, why_not_opened
from edge_agent.lines.serial_line import open_line
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import Frame, Framer
from edge_agent.sensors.polling import Poller
from wire.exits import Exit, Failure

READ_S = 0.05
DIALOUT_CURE = "sudo adduser $USER dialout, then log in again"


@contextmanager
def opened(path: str, profile: Profile) -> Iterator[serial.Serial]:
    """The port with the settings of a profile. Raises Failure saying what keeps us from it and who has it, or what
    became of it.
    """
    try:
        device = open_line(path, profile.serial, READ_S)
        device.reset_input_buffer()
    except (OSError, ValueError, termios.error) as error:
        raise _failure(path, error) from error
    try:
        with device:
            yield device
    except serial.SerialTimeoutException as error:
        raise Failure(Exit.DEVICE_OR_PORT, "port-stuck", f"{path}: {STUCK}", STUCK_CURE) from error
    except OSError as error:  # pyserial's are such too
        raise Failure(Exit.DEVICE_OR_PORT, "port-lost", f"{path} is gone", "plug it in again") from error


def listen(path: str, profile: Profile, mode: str | None = None, seconds: float = float("inf")) -> Iterator[Piece]:
    """Pieces as they come and go, with seconds from the start; an empty one now and then. Raises Failure."""
    with opened(path, profile) as device:
        poller, framer = Poller(profile, mode), Framer(profile)
        start_s = time.monotonic()
        poller.begin(start_s)
        while (now_s := time.monotonic()) - start_s < seconds:
            if poller.overdue(now_s) is not None:
                framer.flush()
            for ask in poller.due(now_s):
                device.write(ask.data)
                yield Piece(time.monotonic() - start_s, ask.data, written=True)
            data = device.read(1)
            data += device.read(device.in_waiting) if data else b""
            for frame in framer.feed(data):  # some models are asked on only when they have said that there is something
                if isinstance(frame, Frame) and isinstance(values := decode(profile, frame, poller.asked), Values):
                    poller.heard(values)
            yield Piece(time.monotonic() - start_s, data)


def _failure(path: str, error: Exception) -> Failure:
    """What keeps us from a port, and who has it."""
    from edge_agent.lines.ports import holder_of

    if not Path(path).exists():
        return Failure(Exit.DEVICE_OR_PORT, "port-missing", f"{path} does not exist", "lamppost agent ports")
    holder = holder_of(str(Path(path).resolve()))
    if isinstance(error, PermissionError) or "Permission" in str(error):
        return Failure(Exit.NOT_PERMITTED, "port-not-permitted", f"{path}: not permitted", DIALOUT_CURE)
    why = why_not_opened(error)
    busy = holder or why == BUSY
    why = f"is held by {holder or 'another program'}" if busy else f"cannot be opened: {why}"
    text = f"{path} {why}"
    beside = "end that program; of an agent: sudo systemctl stop lamppost-agent, or lamppost agent watch --record"
    cure = beside if busy else "lamppost agent ports"
    return Failure(Exit.DEVICE_OR_PORT, "port-busy", text, cure)
