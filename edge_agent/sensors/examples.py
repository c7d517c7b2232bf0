"""A profile's worked example held to the profile: what of it is not so, and what would be right. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from device_profiles.frames import Check
from edge_agent.sensors.checksums import CHECKSUMS, fitting
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import Frame, Framer, chosen
from edge_agent.sensors.shapes import checked_parts, compile_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from device_profiles.frames import BytesShape, LineShape, Shape
    from device_profiles.messages import Message
    from device_profiles.profile import Example, Profile

_SAME = 1e-3  # values in an example are rounded
_ORDER: Final[dict[str, Literal["big", "little"]]] = {"": "big", "be": "big", "le": "little"}


def wrong(profile: Profile, example: Example) -> str | None:
    """What an example says that is not so; None where all of it is."""
    unit = profile.with_options(example.options)
    meant = next(message for message in unit.messages if message.name == example.message)
    framer = Framer(unit)
    items = framer.feed(example.data) + framer.flush()
    if len(items) != 1 or not isinstance(items[0], Frame):
        reasons = [getattr(item, "reason", "a frame") for item in items]
        return f"not one frame but {reasons}{_of_shape(unit, example.data) or _unlike(unit, meant, example.data)}"
    values = decode(unit, items[0], example.asked)
    if not isinstance(values, Values):
        return f"{values.reason}: the bytes are not all that {example.message} reads"
    if values.message != example.message:
        return f"it is message {values.message}, not {example.message}{_unlike(unit, meant, example.data)}"
    if len(values.rows) != len(example.rows):
        return f"it has {len(values.rows)} rows, not {len(example.rows)}"
    for row, said in zip(values.rows, example.rows, strict=True):
        if found := [
            f"{key} is {row.get(key)}, not {said.get(key)}" for key in {**said, **row} if _differ(row, said, key)
        ]:
            return "; ".join(found)
    if set(values.flags) != set(example.flags):
        return f"flags are {list(values.flags)}, not {example.flags}"
    told = {key: values.info.get(key) for key in example.info}
    return None if told == example.info else f"info is {told}, not {example.info}"


def _differ(seen: Mapping[str, float], said: Mapping[str, float], key: str) -> bool:
    return key not in seen or key not in said or abs(seen[key] - said[key]) > _SAME


def _unlike(profile: Profile, message: Message, data: bytes) -> str:
    """Why bytes are none of a message; empty where that is not for bytes to say."""
    if message.length not in (None, len(data)):
        return f": that is {message.length} bytes long, these are {len(data)}"
    if message.columns is not None and message.columns != (cells := data.count(b",") + 1):
        return f": {message.name} has {message.columns} columns, these are {cells}"
    if profile.speaks("shdlc"):
        return ""  # which counts in what is behind the stuffing
    for wanted in message.when:
        seen = data[wanted.at : wanted.at + 1 or None]
        if not seen or seen[0] not in wanted.values:
            return f": byte {wanted.at} of that is {wanted.equals}, here {seen.hex().upper() or 'none'}"
    return ""


def _of_shape(profile: Profile, data: bytes) -> str:
    """Why bytes are no frame of the first shape that begins like them; empty where nobody knows."""
    shapes = [shape for shape in profile.frames if chosen(shape, profile.settings)]
    for shape in shapes:
        if re.compile(compile_shape(shape).head, re.S).match(b"\n\n" + data, 2):
            return _of_line(shape, data) if shape.kind == "line" else _of_bytes(shape, data)
    begins = [shape.header if shape.kind == "bytes" else shape.opening or f"one of {shape.start}"
              for shape in shapes if shape.kind in ("bytes", "line")]  # fmt: skip
    return f": a frame begins with {', '.join(begins)}" if begins else ""


def _of_bytes(shape: Shape, data: bytes) -> str:
    if shape.kind == "modbus":
        checks, tail, why = [Check(kind="crc16_modbus")], b"", f"byte 2 counts {data[2:3].hex().upper()}"
        size = 5 + data[2] if len(data) > 2 else 5
    elif shape.kind == "bytes":
        checks, tail = [shape.check] if shape.check else [], bytes.fromhex(shape.tail or "")
        size, why = _told_length(shape, data)
    else:
        return ""
    if size != len(data):
        return f": {why}, so the frame is {size} bytes long, these are {len(data)}" if size else f": {why}"
    if not data.endswith(tail):
        return f": a frame ends with {_hex(tail)}, these with {_hex(data[-len(tail) :])}"
    return _of_check(checks[0], data, shape.kind == "bytes") if checks else ""


def _told_length(shape: BytesShape, data: bytes) -> tuple[int, str]:
    """How long the frame is by what it or its profile says, 0 where that is no length; and what says so."""
    if (field := shape.length_field) is not None:
        number = int.from_bytes(data[field.at : field.at + int(field.type[1:3]) // 8], _ORDER[field.type[3:]])
        size, why = number + field.add, f"its length field holds {number}, and add is {field.add}"
        if field.allow is not None and size not in field.allow:
            return 0, f"{why}: {size} is none of allow, {field.allow}"
        return (size, why) if size <= shape.longest else (0, f"{why}: {size} is more than max, {shape.longest}")
    if (table := shape.length_table) is not None:
        key = _hex(data[table.at : table.at + 1])
        size = {one.upper(): size for one, size in table.bytes.items()}.get(key, 0)
        return size, f"byte {table.at} is {key}" + ("" if size else ", which length_table has not")
    return shape.length or 0, f"length is {shape.length}"


def _of_check(check: Check, data: bytes, any_other: bool) -> str:
    """Which checksums the bytes have, where the profile's is another, and what would be right by the profile."""
    fits = fitting(data, check.at) if any_other else []
    return _right(fits, check.kind, CHECKSUMS[check.kind](data[check.start : check.position]))


def _of_line(shape: LineShape, data: bytes) -> str:
    if len(data) > shape.longest:
        return f": a line is at most longest, {shape.longest} bytes long, these are {len(data)}"
    line = data.rstrip(b"\r\n")
    if shape.end != "none" and line == data:
        return f": it does not end with {'0A' if shape.end == 'lf' else '0D'}"
    if shape.check is None:
        return f": it is written as none of templates, {', '.join(shape.templates)}" if shape.templates else ""
    parts = checked_parts(line, shape.check.kind)
    if parts is None:
        return f": {shape.check.kind} is two hex digits at its end"
    right = CHECKSUMS[shape.check.kind](parts[0])
    return "" if right == parts[1] else _right([], shape.check.kind, right)


def _right(fits: list[str], kind: str, right: bytes) -> str:
    """A checksum of one byte fits by chance once in a while: the profile's own is always told."""
    return f": what stands there is {' or '.join(fits) or 'none that is known'}, by {kind} it would be {_hex(right)}"


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()
