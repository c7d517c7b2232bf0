"""How frames are told apart on the line, as a profile says it: header, length, checksum, tail; or a line of text."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from common.strict_model import Strict, misplaced

FRAME_BYTES_MAX = 512
CheckKind = Literal[
    "sum16be", "sum8", "sum8_to_zero", "sum8_negated", "sum8_inverted", "crc16_modbus", "xor8", "xor8_nmea",
    "xor8_from_dollar", "xor8_before_etx", "crc16_vaisala",
]  # fmt: skip
CHECK_BYTES = {"sum16be": 2, "crc16_modbus": 2, "xor8_nmea": 2, "xor8_from_dollar": 2, "xor8_before_etx": 2,
               "crc16_vaisala": 3}  # fmt: skip
"""What takes more than one byte."""
LINE_CHECKS = ("xor8_nmea", "xor8_from_dollar", "crc16_vaisala")
"""Those that a line of text can carry: written in characters, each with bounds of its own."""
ANY_BYTE = "**"
HEX = re.compile(r"[0-9A-Fa-f]{2}(\|[0-9A-Fa-f]{2})*")
"""A byte in hex, with alternatives."""
BYTES = r"[0-9A-Fa-f]{2}( [0-9A-Fa-f]{2})*"
"""Bytes in hex."""


class Check(Strict):
    """A checksum from the closed list: over the bytes from `from` up to where it stands, `at`, counted from the end."""

    kind: CheckKind
    start: Annotated[int, Key(ge=0, le=16, alias="from")] = 0
    at: int | None = None

    @field_validator("at")
    @classmethod
    def _from_the_end(cls, at: int | None) -> int | None:
        if at is not None and not -FRAME_BYTES_MAX <= at < 0:
            raise ValueError("counted from the frame's end, such as -3 for two bytes before a tail of one")
        return at

    @property
    def size(self) -> int:
        """Bytes the checksum itself takes."""
        return CHECK_BYTES.get(self.kind, 1)

    @property
    def position(self) -> int:
        """Where the checksum starts, counted from the frame's end (negative)."""
        return -self.size if self.at is None else self.at


class LengthField(Strict):
    """The frame tells its length: the number at `at` plus `add` is the whole frame."""

    at: Annotated[int, Key(ge=0, le=16)]
    type: Literal["u8", "u16be", "u16le"]
    add: Annotated[int, Key(ge=-8, le=64)] = 0
    allow: list[Annotated[int, Key(ge=1, le=FRAME_BYTES_MAX)]] | None = None
    max: Annotated[int, Key(ge=1, le=FRAME_BYTES_MAX)] = 256


class LengthTable(Strict):
    """One byte of the frame (its command, say) tells the length of the whole frame; other bytes are no frame."""

    at: Annotated[int, Key(ge=0, le=16)]
    bytes: Annotated[dict[str, Annotated[int, Key(ge=1, le=FRAME_BYTES_MAX)]], Key(min_length=1)]

    @field_validator("bytes")
    @classmethod
    def _hex(cls, table: dict[str, int]) -> dict[str, int]:
        for key in table:
            if not re.fullmatch("[0-9A-Fa-f]{2}", key):
                raise misplaced(f"a byte in hex is wanted here, such as 06, not {key!r}", key)
        return table


class BytesShape(Strict):
    """Binary frame: header (a byte may have alternatives, `AA C0|C5`), a length, then checksum and tail if any.

    The header `**` is any byte, for formats that have none. With `option` the shape counts only where options say so.
    """

    kind: Literal["bytes"]
    header: str
    option: dict[str, int | float | str | bool] | None = None
    length: Annotated[int, Key(ge=1, le=FRAME_BYTES_MAX)] | None = None
    length_field: LengthField | None = None
    length_table: LengthTable | None = None
    check: Check | None = None
    tail: str | None = None

    @field_validator("header")
    @classmethod
    def _hex(cls, text: str) -> str:
        if text != ANY_BYTE and not (text.split() and all(HEX.fullmatch(part) for part in text.split())):
            raise ValueError("bytes in hex with spaces between are wanted, such as '42 4D' or 'AA C0|C5'")
        return text

    @field_validator("tail")
    @classmethod
    def _one_tail(cls, text: str | None) -> str | None:
        if text is not None and not re.fullmatch(BYTES, text):
            raise ValueError("bytes in hex with spaces between are wanted, such as '0D 0A'; a tail has no alternatives")
        return text

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum(x is not None for x in (self.length, self.length_field, self.length_table)) != 1:
            raise ValueError("exactly one of length, length_field, length_table is wanted")
        tail_bytes = len((self.tail or "").split())
        if self.check is not None and -self.check.size - tail_bytes < self.check.position < 0:
            raise ValueError(f"the checksum would stand in the tail: check wants at: {-self.check.size - tail_bytes}")
        return self

    @property
    def longest(self) -> int:
        """The most bytes one frame of this shape can have."""
        if self.length is not None:
            return self.length
        if self.length_table is not None:
            return max(self.length_table.bytes.values())
        assert self.length_field is not None
        return max(self.length_field.allow or [self.length_field.max])


class ShdlcShape(Strict):
    """Sensirion SHDLC: 7E, stuffed content with an inverted sum, 7E. Offsets count in the un-stuffed frame."""

    kind: Literal["shdlc"]
    longest: Annotated[int, Key(ge=8, le=FRAME_BYTES_MAX)] = 128


class ModbusShape(Strict):
    """Modbus RTU replies: address, function, byte count, data, CRC. A request that echoes back is recognised."""

    kind: Literal["modbus"]
    longest: Annotated[int, Key(ge=8, le=256)] = 128


class LineShape(Strict):
    """A line of text.

    `start` lists the characters it may begin with, `opening` what stands there instead when every line begins alike.
    `templates` fix its form where there is no better proof. Both are written as `V±###.#`: `#` is a digit, `±` a sign,
    `@` a letter or digit, all else itself. `anchored` lines begin only where a line or a frame has ended: without a
    checksum the rest of a damaged line must not pass for a shorter one.
    """

    kind: Literal["line"]
    start: str = ""
    opening: str | None = None
    templates: list[str] | None = None
    end: Literal["lf", "cr", "none"] = "lf"
    check: Check | None = None
    anchored: bool = True
    longest: Annotated[int, Key(ge=2, le=FRAME_BYTES_MAX)] = 256

    @model_validator(mode="after")
    def _known_beginning(self) -> Self:
        if bool(self.start) == bool(self.opening):
            raise ValueError("exactly one of start and opening is wanted")
        return self

    @model_validator(mode="after")
    def _check_of_a_line(self) -> Self:
        if self.check is None:
            return self
        if self.check.kind not in LINE_CHECKS:
            raise misplaced(f"a line carries {', '.join(LINE_CHECKS)}, not {self.check.kind}", "check", "kind")
        if {"start", "at"} & self.check.model_fields_set:
            raise misplaced(f"{self.check.kind} has bounds of its own in a line: leave from and at out", "check")
        return self

    @model_validator(mode="after")
    def _fixed_without_end(self) -> Self:
        if self.end == "none" and not self.templates:
            raise ValueError("a line without an end needs templates, or nobody knows where it stops")
        return self


Shape = Annotated[BytesShape | ShdlcShape | ModbusShape | LineShape, Key(discriminator="kind")]
