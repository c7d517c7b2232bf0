"""From a stream of bytes to frames that are proved whole, and damage as values with a reason.

Pure: bytes in, frames out; any split of the same bytes gives the same frames. The framer looks for the header of any
of the profile's shapes, measures the frame behind it, and when the proof fails searches on *inside* the damaged
frame, so a damaged frame costs itself only:

    42 4D 00 1C <28 bytes> | 42 4D 00 1C <9 bytes> 42 4D 00 1C <28 bytes> | 1C 00 <30 bytes> | 42 4D ...
    Frame                    BadFrame              Frame                    BadFrame           (waiting)

Bytes between two frames are one BadFrame for each frame that must have been there (`edge_agent/sensors/damage.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from edge_agent.sensors.damage import Damage
from edge_agent.sensors.frame import REASONS, BadFrame, Frame
from edge_agent.sensors.shapes import AFTER_AN_END, compile_shape
from edge_agent.sensors.unforeseen import broken_by

if TYPE_CHECKING:
    from device_profiles.frames import Shape
    from device_profiles.profile import Profile

__all__ = ["REASONS", "BadFrame", "Frame", "Framer"]
_KEPT: Final = 2  # settled bytes that are kept, for lines that must begin after an end


class Framer:
    """Cuts a stream into frames; feed it whatever a read returned. Holds less than two of the longest frames."""

    __slots__ = ("_at", "_behind", "_blanks", "_buffer", "_damage", "_heads", "_longest", "_overlap", "_prove", "_ref",
                 "_shapes")  # fmt: skip

    def __init__(self, profile: Profile) -> None:
        settings = profile.settings
        self._ref = profile.ref
        self._shapes = [compile_shape(shape) for shape in profile.frames if chosen(shape, settings)]
        heads = [shape.head for shape in self._shapes]
        self._heads = _any_of(heads)
        # directly behind a frame that is no line a line may begin as well
        mixed = len({shape.text for shape in self._shapes}) > 1
        self._behind = _any_of([head.removeprefix(AFTER_AN_END) for head in heads]) if mixed else self._heads
        self._overlap = max(shape.head_bytes for shape in self._shapes) - 1
        self._longest = max(shape.longest for shape in self._shapes)
        self._blanks = b"\r\n" if any(shape.text for shape in self._shapes) else b""
        # an end says something where every kind has one, that is not a byte which anything may hold
        telling = all(shape.text or len(shape.tail) > 1 for shape in self._shapes)
        tails = [shape.tail for shape in self._shapes if shape.tail] if telling else []
        shortest = min(shape.shortest for shape in self._shapes)
        self._damage = Damage(tails, bool(self._blanks), shortest, self._longest, _expected(profile))
        self._prove = partial(_meaning, profile)
        self._buffer = bytearray(b"\n" * _KEPT)
        self._at = _KEPT  # where the search goes on

    @property
    def waiting(self) -> bool:
        """True when bytes are held that may yet become a frame."""
        return len(self._buffer) > _KEPT

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Take what was read; return the frames it completes, damaged ones included, in order."""
        self._buffer += data
        return self._scan(final=False)

    def flush(self) -> list[Frame | BadFrame]:
        """The line has fallen silent: what waits can no longer become a frame; whole frames inside it still count."""
        out = self._scan(final=True)
        if len(self._buffer) == _KEPT:
            self._buffer[:] = b"\n" * _KEPT  # what comes after a silence begins anew, also where a line never ended
        return out

    def _scan(self, final: bool) -> list[Frame | BadFrame]:
        out: list[Frame | BadFrame] = []
        buffer, damage, done, at = self._buffer, self._damage, _KEPT, self._at
        while True:
            found = (at == done and self._behind.match(buffer, at)) or self._heads.search(buffer, at)
            start = found.start() if found else len(buffer) if final else max(at, len(buffer) - self._overlap)
            if start > done:
                done = self._headerless(out, done, start)
            if found is None or found.lastindex is None:
                at = start
                break
            shape = self._shapes[found.lastindex - 1]
            try:
                size, reason = shape.measure(buffer, start)
            except Exception as error:  # noqa: BLE001 - bytes that break us may not stay and break us again
                size, reason = shape.head_bytes, broken_by(self._ref, bytes(buffer[start:]), error).reason
            if size == 0:
                if not final:
                    at = start
                    break
                size, reason = len(buffer) - start, "truncated"
            elif reason is None and shape.weak:
                reason = self._prove(bytes(buffer[start : start + size]))
            if damage.reason is not None and (reason is None or damage.is_another(buffer, done, start, size)):
                out += damage.settle(bytes(buffer[done:start]))
                done = start
            if reason is None:
                done = at = start + size
                out.append(Frame(bytes(buffer[start:done])))
                damage.learn(size)
                if done == len(buffer):
                    break
                continue
            damage.begin(reason, size)
            at = start + 1
        if final and damage.reason is not None:
            out += damage.settle(bytes(buffer[done:]))
            done = len(buffer)
        self._at = max(at, done) - done + _KEPT
        del buffer[: done - _KEPT]
        return out

    def _headerless(self, out: list[Frame | BadFrame], done: int, start: int) -> int:
        """No header begins before `start`: settle what is damage for certain, and return where the rest begins."""
        buffer, damage = self._buffer, self._damage
        if damage.reason is None:
            while done < start and buffer[done] in self._blanks:
                done += 1
            if done < start:
                damage.begin("bad_header")
        while damage.reason is not None and (end := damage.end(buffer, done, start)) is not None:
            out += damage.settle(bytes(buffer[done:end]))
            done = end
            damage.begin("bad_header")
        return done


def chosen(shape: Shape, settings: Mapping[str, Any]) -> bool:
    """True unless the shape belongs to options that are not in force."""
    return shape.kind != "bytes" or all(settings[name] == value for name, value in (shape.option or {}).items())


def _any_of(heads: list[bytes]) -> re.Pattern[bytes]:
    """Finds a possible beginning; the group that matched tells of which shape."""
    return re.compile(b"|".join(b"(" + head + b")" for head in heads), re.S)


def _meaning(profile: Profile, line: bytes) -> str | None:
    """What is wrong with a frame that no checksum proves: its proof is that it means something."""
    from edge_agent.sensors.decoding import decode

    decoded = decode(profile, Frame(line))
    return decoded.reason if isinstance(decoded, BadFrame) else None


def _expected(profile: Profile) -> int:
    """How long a measurement is before one was seen: as the longest example of the first that the profile names."""
    lengths: dict[str, int] = {}
    for example in profile.examples:
        lengths[example.message] = max(len(example.data), lengths.get(example.message, 0))
    usual = (lengths[m.name] for m in profile.messages if m.role == "measurement" and m.name in lengths)
    return next(usual, len(profile.examples[0].data))
