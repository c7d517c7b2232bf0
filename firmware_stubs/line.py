"""What a UART reads when it is set to another speed than the sender: the bits of the wire, sampled at the wrong pace.

    sent at 9600    start, d0 d1 d2 d3 d4 d5 d6 d7, stop: one bit each 104 µs
    read at 19200   samples two times a bit, and finds frames that nobody sent

A pseudo-terminal carries no speed; the host looks at the speed its reader has set and passes bytes through here.
"""

from __future__ import annotations

import fcntl
import struct
import termios

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B  # asm-generic ioctls.h; glibc's calls know only the classic speeds
_TERMIOS2 = struct.Struct("4IB19s2I")
_CBAUD, _BOTHER = 0o010017, 0o010000
OUT_MAX = 4096


def resampled(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """What a receiver at `read_baud` makes of bytes sent at `sent_baud`, 8N1; a false stop bit is no reason to drop."""
    if sent_baud == read_baud or not data:
        return data
    wire: list[int] = []
    for byte in data:
        wire += [0, *(byte >> bit & 1 for bit in range(8)), 1]
    length = len(wire) / sent_baud
    step = 1 / read_baud
    out = bytearray()
    t_s = 0.0
    while len(out) < OUT_MAX:
        start = _next_start(wire, t_s * sent_baud)
        if start is None:
            break
        t_s = start / sent_baud
        byte = sum(_level(wire, (t_s + (bit + 1.5) * step) * sent_baud) << bit for bit in range(8))
        out.append(byte)
        t_s += 9.5 * step
        if t_s >= length:
            break
    return bytes(out)


def _level(wire: list[int], at: float) -> int:
    return wire[int(at)] if 0 <= int(at) < len(wire) else 1  # an idle line is high


def _next_start(wire: list[int], at: float) -> float | None:
    """Where the line next falls, or is low already: in bits of the sender."""
    if _level(wire, at) == 0:
        return at
    for bit in range(int(at) + 1, len(wire)):
        if wire[bit] == 0:
            return float(bit)
    return None


def speed(descriptor: int) -> int:
    """The speed a terminal is set to now, odd ones such as 256000 included."""
    answer = fcntl.ioctl(descriptor, _TCGETS2, bytes(_TERMIOS2.size))
    return int(_TERMIOS2.unpack(answer)[-1])


def set_speed(descriptor: int, baud: int) -> None:
    """Set a terminal to any speed."""
    *flags, line, keys, _, _ = _TERMIOS2.unpack(fcntl.ioctl(descriptor, _TCGETS2, bytes(_TERMIOS2.size)))
    flags[2] = flags[2] & ~_CBAUD | _BOTHER
    fcntl.ioctl(descriptor, _TCSETS2, _TERMIOS2.pack(*flags, line, keys, baud, baud))
    termios.tcflush(descriptor, termios.TCIOFLUSH)
