"""What a bad line makes of a frame: bytes in, bytes out. Chance comes in as a random generator."""

from __future__ import annotations

from random import Random


def bitflip(frame: bytes, chance: Random) -> bytes:
    """One bit changed."""
    at = chance.randrange(len(frame))
    return frame[:at] + bytes((frame[at] ^ 1 << chance.randrange(8),)) + frame[at + 1 :]


def truncated(frame: bytes, chance: Random) -> bytes:
    """The beginning only: at least one byte comes, and at least one is missing (of a frame of one, none comes)."""
    return frame[: chance.randrange(1, max(len(frame), 2))] if len(frame) > 1 else b""


def garbage(frame: bytes, chance: Random, most: int) -> bytes:
    """Up to `most` random bytes, then the frame."""
    return chance.randbytes(chance.randrange(1, max(most, 1) + 1)) + frame


def wrong_checksum(frame: bytes, at: int | None) -> bytes:
    """The frame with another byte where its checksum stands; unchanged when it has none.

    Bytes that mean something to the framing itself (SHDLC's 7E and 7D) are not put there.
    """
    if at is None:
        return frame
    wrong = frame[at] ^ 0x01
    if wrong in (0x7D, 0x7E):
        wrong = frame[at] ^ 0x04
    spoilt = bytearray(frame)
    spoilt[at] = wrong
    return bytes(spoilt)


def misread(frame: bytes, spoken_baud: float, read_baud: float) -> bytes:
    """What a receiver at `read_baud` makes of bytes sent at `spoken_baud`: it samples the same levels at other times.

    A character is a start bit (0), eight data bits, least significant first, and a stop bit (1). The receiver waits
    for a falling edge and looks at the middle of what it takes for bits; a missing stop bit goes unnoticed, as in the
    Pi's driver.
    """
    levels = [bit for byte in frame for bit in (0, *(byte >> at & 1 for at in range(8)), 1)]
    step = spoken_baud / read_baud
    out, at = bytearray(), 0.0
    while True:
        while int(at) < len(levels) and levels[int(at)] == 1:
            at = int(at) + 1.0
        if int(at) >= len(levels):
            return bytes(out)
        middles = (int(at + (1.5 + bit) * step) for bit in range(8))
        out.append(sum((levels[middle] if middle < len(levels) else 1) << bit for bit, middle in enumerate(middles)))
        at += 9.5 * step
