"""A profile's commands as bytes, and bytes recognised as commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import hexdigits
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.sensors.checksums import CHECKSUMS
from edge_agent.sensors.shapes import unstuff

if TYPE_CHECKING:
    from device_profiles.commands import Command
    from device_profiles.profile import Profile

_SIZES = {"u8": 1, "u16be": 2, "u16le": 2, "u32be": 4, "u32le": 4}


def command_bytes(profile: Profile, name: str, values: Mapping[str, int | str] | None = None) -> bytes:
    """The bytes of a command with its values filled in. Raises ValueError naming a missing or impossible value."""
    command = profile.commands[name]
    filled = {slot: _value(profile, command, name, slot, values or {}) for slot in command.slots}
    if command.text is not None:
        text, wanted, end = command.text.format(**filled, check="\0").encode().partition(b"\0")
        return text + (_text_check(profile, command, text) if wanted else b"") + end
    return bytes.fromhex(command.before or "") + _binary(profile, command, filled)


def _value(profile: Profile, command: Command, name: str, slot: str, values: Mapping[str, int | str]) -> int | str:
    param, what = command.params.get(slot), f"{profile.ref}: command {name}: {slot}"
    value: Any
    if slot in values:
        value = values[slot]
    elif param is not None and param.default is not None:
        value = param.default
    elif slot in profile.options:
        value, what = profile.options[slot].default, f"{profile.ref}: option {slot}"
    else:
        raise ValueError(f"{profile.ref}: command {name} needs a value for {slot}")
    if param is not None and isinstance(value, int):
        low, high = param.min if param.min is not None else 0, param.max if param.max is not None else 2**32 - 1
        if not low <= value <= high:
            raise ValueError(f"{what} is {value}, allowed {low} to {high}")
    if (wanted := _misfit(value, command.kinds.get(slot))) is not None:
        raise ValueError(f"{what} is {value!r}; {wanted}")
    return value  # type: ignore[no-any-return]


def _misfit(value: Any, kind: str | None) -> str | None:
    """What is wanted in place of a value that cannot be written so; None where it can."""
    if kind is None:
        return None
    if kind.startswith("hex"):
        digits = 2 * int(kind[3:])
        fits = isinstance(value, str) and len(value) == digits and set(value) <= set(hexdigits)
        return None if fits else f"{digits} hexadecimal digits are wanted, in a file between quotes"
    most = 256 ** _SIZES[kind] - 1
    return None if type(value) is int and 0 <= value <= most else f"a whole number of 0 to {most} is wanted"


def _text_check(profile: Profile, command: Command, text: bytes) -> bytes:
    """The checksum of a command's text; NMEA's is of what stands before its asterisk."""
    check = command.check or profile.command_check
    assert check is not None
    return CHECKSUMS[check.kind](text[check.start :].removesuffix(b"*"))


def _binary(profile: Profile, command: Command, filled: Mapping[str, int | str]) -> bytes:
    check = command.check or profile.command_check
    out = bytearray()
    for token in (command.send or "").split():
        if token == "{check}":
            assert check is not None
            out += CHECKSUMS[check.kind](bytes(out[check.start :]))
        elif token[0] != "{":
            out.append(int(token, 16))
        else:
            slot, _, kind = token[1:-1].partition(":")
            value = filled[slot]
            if kind.startswith("hex"):
                out += bytes.fromhex(str(value))
            else:
                out += int(value).to_bytes(_SIZES[kind], "little" if kind.endswith("le") else "big")
    if profile.speaks("shdlc"):
        return stuff(bytes(out))
    return bytes(out)


def stuff(frame: bytes) -> bytes:
    """SHDLC stuffing of everything between the first and the last byte."""
    inside = frame[1:-1].replace(b"\x7d", b"\x7d\x5d")
    for byte, code in ((b"\x7e", b"\x7d\x5e"), (b"\x11", b"\x7d\x31"), (b"\x13", b"\x7d\x33")):
        inside = inside.replace(byte, code)
    return frame[:1] + inside + frame[-1:]


class Recognised(NamedTuple):
    """A command that somebody sent, with its values."""

    command: str
    values: dict[str, int | str]


def recognise(profile: Profile, data: bytes) -> list[Recognised] | str:
    """Which of the profile's commands these bytes are; else what is wrong: bad_checksum, or bad_header for unknown.

    The most particular command comes first: `set_work` before a `set` with values.
    """
    content = data
    if profile.speaks("shdlc"):
        content = data[:1] + (unstuff(data[1:-1]) or b"") + data[-1:]
    by_slots = sorted(profile.commands.items(), key=lambda item: len(item[1].slots))
    damage = "bad_header"
    matches: list[Recognised] = []
    for name, command in by_slots:
        found = _fits_text(profile, command, data) if command.text is not None else _fits(profile, command, content)
        if isinstance(found, dict):
            matches.append(Recognised(name, found))
        else:
            damage = found or damage
    return matches or damage


def _fits(profile: Profile, command: Command, data: bytes) -> dict[str, int | str] | str | None:
    """The values, or None when it is another command, or that only the checksum is wrong."""
    check = command.check or profile.command_check
    values: dict[str, int | str] = {}
    at = 0
    damage = None
    for token in (command.send or "").split():
        slot, _, kind = token[1:-1].partition(":") if token[0] == "{" else ("", "", "u8")
        size = check.size if slot == "check" and check else int(kind[3:]) if kind.startswith("hex") else _SIZES[kind]
        part = data[at : at + size]
        if len(part) < size:
            return None
        if slot == "check" and check is not None:
            damage = None if part == CHECKSUMS[check.kind](data[check.start : at]) else "bad_checksum"
        elif slot:
            order: Any = "little" if kind.endswith("le") else "big"
            values[slot] = part.hex().upper() if kind.startswith("hex") else int.from_bytes(part, order)
        elif part[0] != int(token, 16):
            return None
        at += size
    return None if at != len(data) else damage or values


def _fits_text(profile: Profile, command: Command, data: bytes) -> dict[str, int | str] | str | None:
    pieces = re.split(r"\{([a-z][a-z0-9_]*)\}", command.text or "")
    check = command.check or profile.command_check
    slots = {piece: f"(?P<{piece}>[0-9]+)" for piece in pieces[1::2]}
    if check is not None:
        slots["check"] = f"(?P<check>.{{{check.size}}})"
    pattern = "".join(slots[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
    found = re.fullmatch(pattern, data.decode("ascii", "replace"))
    if found is None:
        return None
    values = found.groupdict()
    told = values.pop("check", None)
    if told is not None and _text_check(profile, command, data[: found.start("check")]) != told.encode():
        return "bad_checksum"
    return {name: int(text) for name, text in values.items()}
