"""From a stream of bytes to frames that are proved whole, and damage as values with a reason.

Pure: bytes in, frames out; any split of the same bytes gives the same frames. The framer looks for the header of any
of the profile's shapes, measures the frame behind it, and when the proof fails searches on *inside* the damaged
frame, so a damaged frame costs itself only:

    42 4D 00 1C <28 bytes> | 42 4D 00 1C <9 bytes> 42 4D 00 1C <28 bytes> | 1C 00 <30 bytes> | 42 4D ...
    Frame                    BadFrame              Frame                    BadFrame           (waiting)

Bytes between two frames are one BadFrame for each frame that must have been there: a failed header stands for as many
bytes as it claimed, bytes without a header for the length of a frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge_agent.shapes import compile_shape

if TYPE_CHECKING:
    from device_profiles.frames import Shape
    from device_profiles.profile import Profile

REASONS: Final = (
    "bad_checksum", "truncated", "bad_header", "bad_tail", "bad_length", "bad_count", "bad_format", "bad_field",
    "bad_stuffing",
)  # fmt: skip
"""The closed list of what can be wrong with a frame."""


class Frame(NamedTuple):
    """The exact bytes of one whole frame, as they came over the wire."""

    data: bytes


class BadFrame(NamedTuple):
    """Bytes that are no frame, and why (one of REASONS)."""

    data: bytes
    reason: str


class Framer:
    """Cuts a stream into frames; feed it whatever a read returned. Holds less than two of the longest frames."""

    __slots__ = ("_at", "_blanks", "_buffer", "_heads", "_longest", "_overlap", "_reason", "_shapes", "_shortest",
                 "_until")  # fmt: skip

    def __init__(self, profile: Profile) -> None:
        settings = profile.settings
        self._shapes = [compile_shape(shape) for shape in profile.frames if _chosen(shape, settings)]
        self._heads = re.compile(b"|".join(b"(" + shape.head + b")" for shape in self._shapes), re.S)
        self._overlap = max(shape.head_bytes for shape in self._shapes) - 1
        self._longest = max(shape.longest for shape in self._shapes)
        self._shortest = min(shape.shortest for shape in self._shapes)
        self._blanks = b"\r\n" if any(shape.text for shape in self._shapes) else b""
        self._buffer = bytearray(b"\n")  # the last byte already settled, for lines that must begin after an end
        self._at = 1  # where the search goes on
        self._reason: str | None = None  # of the damage that begins at buffer[1], if any ...
        self._until = 1  # ... and how far it claims to reach

    @property
    def waiting(self) -> bool:
        """True when bytes are held that may yet become a frame."""
        return len(self._buffer) > 1

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Take what was read; return the frames it completes, damaged ones included, in order."""
        self._buffer += data
        return self._scan(final=False)

    def flush(self) -> list[Frame | BadFrame]:
        """The line has fallen silent: what waits can no longer become a frame; whole frames inside it still count."""
        out = self._scan(final=True)
        if len(self._buffer) == 1:
            self._buffer[:] = b"\n"  # what comes after a silence begins anew, also where a line never ended
        return out

    def _scan(self, final: bool) -> list[Frame | BadFrame]:
        out: list[Frame | BadFrame] = []
        buffer, done, at = self._buffer, 1, self._at
        while True:
            found = self._heads.search(buffer, at)
            start = found.start() if found else len(buffer) if final else max(at, len(buffer) - self._overlap)
            if start > done:
                done = self._headerless(out, done, start)
            if found is None or found.lastindex is None:
                at = start
                break
            shape = self._shapes[found.lastindex - 1]
            size, reason = shape.measure(buffer, start)
            if size == 0:
                if not final:
                    at = start
                    break
                size, reason = len(buffer) - start, "truncated"
            if self._reason is not None and (reason is None or start >= self._until):
                out.append(BadFrame(bytes(buffer[done:start]), self._reason))
                done, self._reason = start, None
            if reason is None:
                done = at = start + size
                out.append(Frame(bytes(buffer[start:done])))
                if done == len(buffer):
                    break
                continue
            if self._reason is None:
                self._reason, self._until = reason, start + size
            at = start + size if shape.anchored else start + 1
        if final and self._reason is not None:
            out.append(BadFrame(bytes(buffer[done:]), self._reason))
            done, self._reason = len(buffer), None
        self._at, self._until = at - done + 1, self._until - done + 1
        del buffer[: done - 1]
        return out

    def _headerless(self, out: list[Frame | BadFrame], done: int, start: int) -> int:
        """No header begins before `start`: settle what is damage for certain, and return where the rest begins."""
        buffer = self._buffer
        if self._reason is None:
            while done < start and buffer[done] in self._blanks:
                done += 1
            if done < start:
                self._reason, self._until = "bad_header", done + self._longest
        while self._reason is not None and start >= self._until + self._shortest:
            out.append(BadFrame(bytes(buffer[done : self._until]), self._reason))
            done = self._until
            self._reason, self._until = "bad_header", done + self._longest
        return done


def _chosen(shape: Shape, settings: Mapping[str, Any]) -> bool:
    """True unless the shape belongs to options that are not in force."""
    return shape.kind != "bytes" or all(settings[name] == value for name, value in (shape.option or {}).items())
