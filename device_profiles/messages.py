"""What a frame means, as a profile says it: how to recognise it, its fields, and the flags it raises."""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)
from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from common.strict_model import Strict, misplaced, word
from device_profiles.frames import FRAME_BYTES_MAX, HEX
from wire.quantities import QUANTITIES

NumberType = Literal[
    "u8", "i8", "u16be", "u16le", "i16be", "i16le", "sign16le",
    "u32be", "u32le", "u32be_low_word_first", "i32be", "i32le", "i32be_low_word_first",
    "f32be", "f32le", "f32be_low_word_first", "hex", "ascii", "digits", "dotted", "dashed", "decimal",
]  # fmt: skip
TYPE_BYTES = {"u8": 1, "i8": 1, "u16be": 2, "u16le": 2, "i16be": 2, "i16le": 2, "sign16le": 2}
TEXT_TYPES = ("hex", "ascii", "digits", "dotted", "dashed")
SIZED_TYPES = (*TEXT_TYPES, "decimal")
FLOAT_TYPES = ("f32be", "f32le", "f32be_low_word_first")
NOT_WHOLE = (*SIZED_TYPES, *FLOAT_TYPES)
HelperName = Literal[
    "ops243", "ld2451", "ld2450", "hilink_reply", "ld2415h", "hikvision_csr", "agd315", "nmea", "vaisala_wxt", "modbus"
]
MEASURED_KINDS = ("air_quality", "weather", "detection", "position")
MEASURED = frozenset(
    name for name, quantity in QUANTITIES.items() if quantity.kind in MEASURED_KINDS and quantity.raw is None
)
"""What a sensor can measure; others are about nodes and ledgers, or the collector corrects them from their raw twin."""
Scalar = int | float | str | bool
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class Text(Strict):
    """The same sentence in Chinese and English."""

    zh: str
    en: str


class Condition(Strict):
    """This byte has one of these values (hex, alternatives with `|`), after `mask` when given."""

    at: int
    equals: str = Key(alias="is")

    @field_validator("equals")
    @classmethod
    def _hex(cls, text: str) -> str:
        if not HEX.fullmatch(text):
            raise ValueError("a byte in hex is wanted, in quotes, such as 'C0' or '11|12|13'")
        return text

    @property
    def values(self) -> frozenset[int]:
        """The bytes that satisfy the condition."""
        return frozenset(int(part, 16) for part in self.equals.split("|"))


class Field(Strict):
    """One value of a frame: a `quantity` of the closed list that is measured, or a `name` that is only told.

    Outside `min` and `max` a value is flagged; with `outside: refuse` (formats without a checksum) the frame is bad.
    Raw numbers listed in `absent` mean that there is no value. `words` translate raw numbers that are codes.
    """

    quantity: str | None = None
    name: str | None = None
    at: int | None = None
    column: Annotated[int, Key(ge=0, le=64)] | None = None
    type: NumberType | None = None
    size: Annotated[int, Key(ge=1, le=64)] | None = None
    end: Annotated[int, Key(ge=-8, le=-1)] | None = None
    mask: Annotated[int, Key(ge=1, le=0xFFFF)] | None = None
    bit: Annotated[int, Key(ge=0, le=31)] | None = None
    words: dict[str, Scalar | None] | None = None
    scale: Annotated[float, Key(gt=0, le=1e6)] = 1
    offset: float = 0
    decimals: Annotated[int, Key(ge=0, le=6)] | None = None
    min: float | None = None
    max: float | None = None
    outside: Literal["flag", "refuse"] = "flag"
    absent: list[int] = []
    option: dict[str, Scalar] | None = None
    accuracy: str | None = None
    page: str | None = None
    note: Text | None = None

    @field_validator("words")
    @classmethod
    def _of_numbers(cls, words: dict[str, Scalar | None] | None) -> dict[str, Scalar | None] | None:
        for key in words or {}:
            if not re.fullmatch("-?(0|[1-9][0-9]*|0x[0-9A-Fa-f]+)", key):
                raise misplaced(f"a number is wanted before its word, such as 8 or 0x08, not {key!r}", key)
        return words

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.quantity is None) == (self.name is None):
            raise ValueError("a field has either a quantity (of the closed list) or a name")
        if self.quantity is not None and self.quantity not in MEASURED:
            raise ValueError("quantity " + word(self.quantity, MEASURED))
        if self.name is not None and not _WORD.fullmatch(self.name):
            raise ValueError("a name is lower-case letters, digits and underscores")
        if (self.at is None) == (self.column is None):
            raise ValueError("a field has either at and type, or a column")
        if (self.at is None) != (self.type is None):
            raise ValueError("at and type go together")
        if (self.type in SIZED_TYPES) != ((self.size is None) != (self.end is None)):
            raise ValueError(
                f"{', '.join(SIZED_TYPES)} need a size, or an end counted from the frame's; others neither"
            )
        if self.quantity is not None and (self.words or self.bit is not None or self.type in TEXT_TYPES):
            raise ValueError("a quantity is a number; words, bits and texts have a name instead")
        if self.type in TEXT_TYPES and (self.words or self.absent or self.offset or self.scale != 1):
            raise ValueError(f"{self.type} is a text: it has no words, absent, scale or offset")
        if self.type in NOT_WHOLE and (self.mask is not None or self.bit is not None):
            raise ValueError(f"mask and bit are for whole numbers, which {self.type} is not")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}")
        return self

    @property
    def label(self) -> str:
        """The quantity or the name."""
        return self.quantity or self.name or ""

    @property
    def bytes(self) -> int:
        """How many bytes of the frame the field takes."""
        return 0 if self.end is not None else self.size or TYPE_BYTES.get(self.type or "", 4)


class Flag(Strict):
    """Something the sensor says of its own state, or that its values betray. `unfit` values are not measurements.

    It looks at bytes (`at`), at a number of the same message that is only told (`field`), or at values (`when_zero`).
    """

    name: str
    unfit: bool = False
    at: int | None = None
    field: str | None = None
    type: Literal["u8", "u16be", "u16le", "u32be"] = "u8"
    mask: Annotated[int, Key(ge=1, le=0xFFFFFFFF)] = 0xFFFFFFFF
    equals: int | None = None
    below: int | None = None
    when_zero: list[str] = []
    when_positive: list[str] = []
    option: dict[str, Scalar] | None = None
    note: Text | None = None

    @property
    def bytes(self) -> int:
        """How many bytes of the frame it looks at."""
        return TYPE_BYTES.get(self.type, 4)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sum((self.at is not None, self.field is not None, bool(self.when_zero))) != 1:
            raise ValueError("a flag looks either at bytes (at), or at a number (field), or at values (when_zero)")
        return self


class Message(Strict):
    """One kind of frame: how to recognise it, and what it holds. The first that fits is taken.

    It is a measurement, a reply, `no_data` (nothing now, which is no fault) or a refusal of what was asked.
    `asked` is for Modbus, whose replies do not say what they answer: the commands this message may answer.
    """

    name: str
    role: Literal["measurement", "reply", "no_data", "refusal"] = Key("measurement", alias="is")
    when: list[Condition] = []
    length: Annotated[int, Key(ge=1, le=FRAME_BYTES_MAX)] | None = None
    starts: str | None = None
    asked: list[str] | None = None
    columns: Annotated[int, Key(ge=1, le=64)] | None = None
    fields: list[Field] = []
    flags: list[Flag] = []
    helper: HelperName | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        labels = [(field.label, str(field.option)) for field in self.fields]
        for label, option in labels:
            if labels.count((label, option)) > 1:
                raise ValueError(f"two fields of the same quantity or name: {label}")
        for field in self.fields:
            end = field.at + field.bytes if field.at is not None and field.at >= 0 else 0
            if end > (self.length or FRAME_BYTES_MAX):
                raise ValueError(f"{field.label} ends at byte {end}, outside the frame of {self.length} bytes")
            if (field.column is None) != (self.columns is None):
                raise ValueError(f"{field.label}: a column goes with columns of its message: how many it has")
            if field.column is not None and field.column >= (self.columns or 0):
                raise ValueError(f"{field.label}: of {self.columns} columns the last is {(self.columns or 0) - 1}")
        return self

    @model_validator(mode="after")
    def _flags_look_at_fields(self) -> Self:
        known = {field.quantity for field in self.fields if field.quantity}
        told = {field.name for field in self.fields if field.name}
        for flag in self.flags:
            for name in (*flag.when_zero, *flag.when_positive):
                if name not in known:
                    raise ValueError(f"flag {flag.name}: {word(name, known)}")
            if flag.field is not None and flag.field not in told:
                raise ValueError(f"flag {flag.name}: field {word(flag.field, told)}")
        return self
