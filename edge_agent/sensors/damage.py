"""How many frames a stretch of damaged bytes stands for: each damaged frame is to be counted once, neighbours included.

Damage begins where a frame should begin and none is proved. Where it ends is told, in this order, by

1. its claim: the length that a failed frame has by its kind, or tells, when that is a length frames have here;
2. the end that every frame of this line has (F8 F7 F6 F5, a line end);
3. the usual length: of the longest measurement among the last few.

What follows is another damaged frame if it is long enough to be one. With one damaged byte a frame this counts
exactly, which tests/sensors/test_counting.py shows for every model. Damage of several bytes, or bytes that are lost,
can take header, length and end at once: then the count is as near as the usual length is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from edge_agent.sensors.frame import BadFrame

RECENT: Final = 16
UNBELIEVED: Final = ("bad_length", "bad_count", "truncated", "unforeseen")
"""Damage of which the length itself is a part: what it claims says nothing."""


class Damage:
    """The damage that begins at the first byte that is not settled, if any. `text` lines may be split by damage."""

    __slots__ = ("_claim", "_longest", "_shorter", "_shortest", "_tails", "_text", "reason", "usual")

    def __init__(self, tails: Sequence[bytes], text: bool, shortest: int, longest: int, usual: int) -> None:
        self.reason: str | None = None
        self.usual = usual
        self._tails, self._text, self._shortest, self._longest = tails, text, shortest, longest
        self._claim: int | None = None
        self._shorter = 0

    def begin(self, reason: str, size: int | None = None) -> None:
        """A frame should be here and is not; `size` is what it claims to have."""
        if self.reason is None:
            self.reason = reason
            self._claim = None if reason in UNBELIEVED else size

    def is_another(self, buffer: bytearray, done: int, start: int, size: int) -> bool:
        """True when a frame at `start`, that failed too, is another than the damage that began at `done`."""
        end = self._told_end(buffer, done, start) or done + self.usual
        return start >= end and not self._too_little(size, start - done + size)

    def end(self, buffer: bytearray, done: int, start: int) -> int | None:
        """Where the damage ends for certain when no frame begins before `start`; None while that is not known."""
        told = self._told_end(buffer, done, min(start, done + self._longest))
        if told is None and self._tails and start < done + self._longest:
            return None  # its end may be still to come
        end = told or done + self.usual
        return None if start < end + self._shortest or self._too_little(start - end, start - done) else end

    def settle(self, data: bytes) -> list[BadFrame]:
        """The damage is over, and these are its bytes: one frame, or as many lines as were usual in so much text.

        Two lines run into one another when the end of the first and the beginning of the second are damaged.
        """
        assert self.reason is not None
        reason, self.reason = self.reason, None
        parts = max(1, round(len(data) / self.usual - 0.1)) if self._text else 1
        cuts = [len(data) * part // parts for part in range(parts + 1)]
        return [BadFrame(data[a:b], reason) for a, b in pairwise(cuts)]

    def learn(self, size: int) -> None:
        """A good frame was so long. A short answer between measurements does not change what is usual."""
        if size == self.usual and not self._shorter:
            return
        self._shorter = self._shorter + 1 if size < self.usual else 0
        if size > self.usual or self._shorter >= RECENT:
            self.usual, self._shorter = size, 0

    def _told_end(self, buffer: bytearray, done: int, start: int) -> int | None:
        """By claim or end, as far as the bytes before `start` tell. Binary frames with ends may well be short."""
        if self._claim is not None and (2 * self._claim >= self.usual or (self._tails and not self._text)):
            return done + self._claim
        found = [(buffer.find(tail, done, start), len(tail)) for tail in self._tails]
        return min((at + size for at, size in found if at >= 0), default=None)

    def _too_little(self, rest: int, whole: int) -> bool:
        """True when the `rest` behind a damaged frame is no frame of its own; `whole` is both.

        Less than half a frame is none, unless ends tell where frames begin. Damage can put a line end into a line: two
        parts of about one line are one.
        """
        if self._text:
            return 2 * rest < self.usual or 5 * whole < 7 * self.usual
        return not self._tails and 2 * rest < self.usual
