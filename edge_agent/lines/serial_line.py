"""Opening a serial line with a profile's settings."""

from __future__ import annotations

import termios
from typing import TYPE_CHECKING

import serial

if TYPE_CHECKING:
    from device_profiles.profile import Serial


WRITE_S = 1.0  # without an end pyserial asks a line that takes nothing more again and again


def open_line(path: str, settings: Serial, timeout: float) -> serial.Serial:
    """The line, for ourselves alone; who reads waits for so long. Raises OSError, ValueError, termios.error.

    A pseudo-terminal (the simulator's, a serial server's) has no parity: it passes over one beside a new speed, and
    refuses one that comes alone.
    """
    wanted = settings.settings() | {"timeout": timeout, "write_timeout": WRITE_S}
    try:
        return serial.Serial(path, exclusive=True, **wanted)
    except termios.error:
        return serial.Serial(path, exclusive=True, **wanted | {"parity": "N"})
