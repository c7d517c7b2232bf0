"""A capture: what went over one serial line and when, as a text file that a person can read and a test can replay.

    # lamppost capture 1
    # profile: nova-sds011@1
    # line: 9600 8N1
    # started: 2026-11-25T22:00:00Z
    0.013 < aac04b005100e977fcab
    1.002 > aab406010100000000000000000000ffff06ab
    1.041 <                                            (a comment or an empty line is passed over)

`<` was read from the sensor, `>` written to it; seconds count from the start. A line of hex alone is a read of unknown
time. Facts (`# key: value`) may stand anywhere; `measurements` and `damaged` say what a test must find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from wire import numerals

HEAD = "# lamppost capture 1"


class CaptureError(ValueError):
    """The file is no capture; the message names file and line."""


class Piece(NamedTuple):
    """Bytes that went over the line at once: `written` by us, or read; at `t_s` seconds, None when nobody noted."""

    t_s: float | None
    data: bytes
    written: bool = False

    def line(self) -> str:
        """As it stands in a file."""
        return f"{self.t_s or 0.0:.3f} {'>' if self.written else '<'} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Capture:
    """Facts and pieces."""

    facts: dict[str, str] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)

    @property
    def reads(self) -> list[bytes]:
        """What the sensor sent."""
        return [piece.data for piece in self.pieces if not piece.written]

    @property
    def seconds(self) -> float:
        """From the start to the last piece."""
        return max((piece.t_s or 0.0 for piece in self.pieces), default=0.0)

    def text(self) -> str:
        """The whole file."""
        return "\n".join([*head(self.facts), *(piece.line() for piece in self.pieces)]) + "\n"

    def part(self, from_s: float, to_s: float) -> Capture:
        """What lies between two times, counted anew from the first of them."""
        pieces = [p._replace(t_s=(p.t_s or 0.0) - from_s) for p in self.pieces if from_s <= (p.t_s or 0.0) < to_s]
        facts = {key: value for key, value in self.facts.items() if key not in ("measurements", "damaged")}
        return Capture(facts | {"part": f"{from_s:g} to {min(to_s, self.seconds):g} s"}, pieces)


def head(facts: dict[str, str]) -> Iterator[str]:
    """The first lines of a file."""
    yield HEAD
    for key, value in facts.items():
        yield f"# {key}: {value}"


def load(path: Path) -> Capture:
    """A capture from its file. Raises CaptureError with file and line, OSError as it comes."""
    try:
        return parse(path.read_text(encoding="utf-8").splitlines(), str(path))
    except UnicodeDecodeError as error:
        raise CaptureError(
            f"{path}:1: bytes that are no text; raw bytes are read by lamppost profiles decode"
        ) from error


def parse(lines: Iterable[str], name: str = "capture") -> Capture:
    """A capture from its lines."""
    found = Capture()
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            key, colon, value = line[1:].strip().partition(": ")
            if colon:
                found.facts[key] = value
        elif line.strip():
            try:
                found.pieces.append(_piece(line.split()))
            except ValueError as error:
                text = "seconds, < or >, and bytes in hex without blanks are wanted, or the bytes alone"
                raise CaptureError(f"{name}:{number}: {text}") from error
    return found


def _piece(words: list[str]) -> Piece:
    if len(words) == 1:
        return Piece(None, bytes.fromhex(words[0]))
    time, way, *rest = words
    if way not in ("<", ">"):
        raise ValueError(way)
    return Piece(numerals.number(time), bytes.fromhex("".join(rest)), way == ">")
