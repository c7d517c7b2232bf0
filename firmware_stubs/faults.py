"""Damage on the way from a stub to its reader: the line's faults, seeded, so that any run can be repeated.

`Faults(seed, bitflip=0.01)` damages that share of the frames it is given. Every damaged frame is counted in `done` by
kind, and a listener learns of each, so that a checker knows exactly what was injected.
"""

from __future__ import annotations

import random
from collections import Counter

KINDS = ("drop", "dup", "bitflip", "truncate", "checksum", "garbage", "stuck", "zero", "baud")


class Faults:
    """A share for each kind; at most one fault a frame. `silent` mutes the line altogether."""

    def __init__(self, seed: int = 0, **shares: float) -> None:
        for kind in shares:
            if kind not in KINDS:
                raise ValueError(f"fault {kind!r} is not known; known are {', '.join(KINDS)}")
        self.shares = shares
        self.silent = False
        self.done: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._last = b""

    def __call__(self, frame: bytes) -> bytes:
        """The frame as it arrives."""
        if self.silent or not frame:
            return b""
        roll = self._random.random()
        for kind, share in self.shares.items():
            roll -= share
            if roll < 0:
                self.done[kind] += 1
                return self._damaged(kind, frame)
        self._last = frame
        return frame

    def _damaged(self, kind: str, frame: bytes) -> bytes:
        at = self._random.randrange(len(frame))
        if kind == "bitflip":
            return frame[:at] + bytes((frame[at] ^ 1 << self._random.randrange(8),)) + frame[at + 1 :]
        if kind == "checksum":
            return frame[:-2] + bytes((frame[-2] ^ 0x01, frame[-1] ^ 0x01))
        if kind == "garbage":
            return self._random.randbytes(self._random.randrange(1, 12)) + frame
        return {
            "drop": b"",
            "dup": frame + frame,
            "truncate": frame[:at],
            "stuck": self._last or frame,
            "zero": bytes(len(frame)),
            "baud": bytes(byte & 0xF8 | 0x80 for byte in frame[::2]),
        }[kind]
