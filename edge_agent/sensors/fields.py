"""A profile's fields, compiled: few `struct` reads for many numbers, and what becomes of each raw number."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from device_profiles.messages import Field

Number = int | float
Reader = tuple[Callable[[bytes, int], Sequence[Any]], int, int]
"""How to read, the bytes that must be there, and where (negative: from the end)."""

INFO, FREE, RANGED, PROOF = range(4)  # where a value goes; PROOF: out of range the frame itself is bad
Plan = tuple[str, Callable[[Any], Any] | None, float, float, int]


def plan(field: Field) -> Plan:
    """What happens to one raw number: label, conversion, range, target. A plain tuple, for speed."""
    low = float("-inf") if field.min is None else field.min
    high = float("inf") if field.max is None else field.max
    target = INFO if field.quantity is None else PROOF if field.outside == "refuse" else RANGED
    if target == RANGED and low == -high == float("-inf") and not field.absent and field.at is not None:
        target = RANGED if field.type in _PERHAPS_NONE else FREE
    return field.label, _finish(field), low, high, target


_CODES = {"u8": "B", "i8": "b", "u16be": "H", "u16le": "H", "i16be": "h", "i16le": "h", "sign16le": "H",
          "u32be": "I", "u32le": "I", "u32be_low_word_first": "I",
          "i32be": "i", "i32le": "i", "i32be_low_word_first": "4s",
          "f32be": "f", "f32le": "f", "f32be_low_word_first": "4s"}  # fmt: skip
_FLOATS = ("f32be", "f32le", "f32be_low_word_first")
_PERHAPS_NONE = (*_FLOATS, "decimal")


def readers(fields: list[Field]) -> list[Reader]:
    """Few `struct` reads for many fields: runs of rising offsets and one byte order become one read each."""
    made: list[Reader] = []
    run: list[Field] = []
    for field in [*fields, None]:
        if run and (field is None or not _joins(run[-1], field)):
            made.append(_reader(run))
            run = []
        if field is not None:
            run.append(field)
    return made


def _joins(last: Field, field: Field) -> bool:
    """True when `field` can follow in the same `struct`."""
    if last.at is None or field.at is None or last.end is not None or field.end is not None:
        return False
    little = (str(last.type).endswith("le"), str(field.type).endswith("le"))
    single = last.bytes == 1 or field.bytes == 1
    return (
        last.at >= 0 and last.at + last.bytes <= field.at and (little[0] == little[1] or (single and not any(little)))
    )


def _reader(run: list[Field]) -> Reader:
    first = end = run[0].at or 0
    if run[0].end is not None:
        until = run[0].end
        return lambda data, at: (data[at:until],), first - until, first
    layout = "<" if any(str(field.type).endswith("le") for field in run) else ">"
    for field in run:
        assert field.at is not None
        code = f"{field.size}s" if field.size else _CODES[field.type or ""]
        layout += "x" * (field.at - end) + code
        end = field.at + field.bytes
    return struct.Struct(layout).unpack_from, end if first >= 0 else -first, first


def _finish(field: Field) -> Callable[[Any], Any] | None:
    """From the raw number to the value; None when they are the same."""
    steps: list[Callable[[Any], Any]] = []
    if field.column is not None:
        steps.append(decimal)
    elif field.type in _SPECIAL:
        steps.append(_SPECIAL[field.type])
    if field.mask is not None:
        mask = field.mask
        steps.append(lambda raw: raw & mask)
    if field.bit is not None:
        bit = field.bit
        steps.append(lambda raw: bool(raw >> bit & 1))
    if field.words is not None:
        words = {int(key, 0): value for key, value in field.words.items()}
        steps.append(lambda raw: words.get(raw, raw))
    if field.absent:
        absent = frozenset(field.absent)
        steps.append(lambda raw: None if raw in absent else raw)
    steps += _scaling(field)
    if len(steps) < 2:
        return steps[0] if steps else None
    return lambda raw: _through(steps, raw)


def _finite(raw: float) -> float | None:
    """NaN and infinity are no values."""
    return raw if raw - raw == 0 else None


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "hex": lambda raw: raw.hex().upper(),
    "dotted": lambda raw: ".".join(map(str, raw)),
    "dashed": lambda raw: "-".join(map(str, raw)),
    "ascii": lambda raw: raw.rstrip(b"\0 \r\n").decode("ascii", "replace"),
    # Cubic serial numbers: four decimal digits for each 16-bit word (CM1106 manual, "read serial number")
    "digits": lambda raw: "".join(f"{int.from_bytes(raw[at : at + 2], 'big'):04d}" for at in range(0, len(raw), 2)),
    # bit 15 set is positive (LD2450 protocol V1.03, table 13)
    "sign16le": lambda raw: raw - 0x8000 if raw & 0x8000 else -raw,
    "u32be_low_word_first": lambda raw: (raw & 0xFFFF) << 16 | raw >> 16,
    "decimal": lambda raw: decimal(raw.decode("ascii", "replace")),
    "i32be_low_word_first": lambda raw: int.from_bytes(raw[2:] + raw[:2], "big", signed=True),
    "f32be": _finite,
    "f32le": _finite,
    "f32be_low_word_first": lambda raw: _finite(struct.unpack(">f", raw[2:] + raw[:2])[0]),
}


def _scaling(field: Field) -> list[Callable[[Any], Any]]:
    steps: list[Callable[[Any], Any]] = []
    scale, offset = field.scale, field.offset
    divisor = round(1 / scale)
    if scale == 1:
        pass
    elif scale < 1 and abs(1 / scale - divisor) < 1e-9:  # 81 / 10 is 8.1, 81 * 0.1 is not quite
        steps.append(lambda raw: raw / divisor)
    else:
        steps.append(lambda raw: raw * scale)
    if offset:
        steps.append(lambda raw: raw + offset)
    decimals = field.decimals if field.decimals is not None else 3 if field.type in _FLOATS else None
    if decimals is not None:
        steps.append(lambda raw: round(raw, decimals))
    return steps


def _through(steps: list[Callable[[Any], Any]], value: Any) -> Any:
    for step in steps:
        value = step(value)
        if value is None:
            return None
    return value


def decimal(text: str) -> Number | None:
    """A plain decimal number in ASCII digits; None for anything else (`nan`, `1_000`, `12.`, `--5`, full-width)."""
    digits = text[1:] if text[:1] in "+-" else text
    whole, point, part = digits.partition(".")
    if not (digits.isascii() and whole.isdecimal() and len(whole) <= 12 and (part.isdecimal() or not point)):
        return None
    return float(text) if point else int(text)
