"""Opening a serial line with a profile's settings."""

from __future__ import annotations

import termios
from typing import TYPE_CHECKING, Any

import serial

if TYPE_CHECKING:
    from device_profiles.profile import Serial


def open_line(path: str, settings: Serial, **more: Any) -> serial.Serial:
    """The line, for ourselves alone. Raises OSError, ValueError, termios.error.

    A pseudo-terminal (the simulator's, a serial server's) has no parity: it passes over one beside a new speed, and
    refuses one that comes alone.
    """
    wanted = settings.settings()
    try:
        return serial.Serial(path, exclusive=True, **more, **wanted)
    except termios.error:
        return serial.Serial(path, exclusive=True, **more, **wanted | {"parity": "N"})
