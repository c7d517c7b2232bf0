"""From a proved frame to values: quantities with numbers, flags, and what the sensor tells beside them.

Pure and stateless. A profile's messages are compiled once into `struct` reads; what YAML cannot say is done by the
helper the message names. Zero is a value: an all-zero frame decodes, and its flags say what to think of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from edge_agent.sensors.fields import FREE, INFO, PROOF, Number, plan, readers
from edge_agent.sensors.framing import BadFrame, Frame
from edge_agent.sensors.shapes import unstuff
from edge_agent.sensors.unforeseen import broken_by

if TYPE_CHECKING:
    from device_profiles.messages import Flag, Message
    from device_profiles.profile import Profile

Row = dict[str, Number]


class Values(NamedTuple):
    """What one frame says.

    `rows` map quantities to numbers: one row for an air sensor, one a target for a radar, none for a reply or when
    there is no target. A row may mix kinds (air quality and weather). `flags` name what is odd; `fit` is False when
    the rows are not to be published as measurements. `info` holds what is told but not measured (firmware, ids).
    """

    message: str
    measurement: bool
    rows: list[Row]
    info: dict[str, Any]
    flags: tuple[str, ...] = ()
    fit: bool = True


Decoded = Values | BadFrame
_KEPT = "compiled decoder"
_ANYBODY = (0x00, 0xFF)  # who is asked so, alone on a line, answers with an address of its own
Helper = Callable[[bytes, Mapping[str, Any]], Decoded]


def decode(profile: Profile, frame: Frame, asked: str | None = None) -> Decoded:
    """Decode one frame; `asked` is the command it may answer, which Modbus replies do not say themselves."""
    kept = profile.__dict__  # where functools.cached_property would keep it; the plan belongs to this room, though
    if _KEPT not in kept:
        kept[_KEPT] = Decoder(profile)
    return kept[_KEPT].decode(frame.data, asked)  # type: ignore[no-any-return]


class Decoder:
    """A profile's messages, compiled. One for all units with the same options."""

    __slots__ = ("_address", "_messages", "_ref", "_shdlc", "_text")

    def __init__(self, profile: Profile) -> None:
        settings = profile.settings
        self._ref = profile.ref
        self._messages = [_Message(message, settings) for message in profile.messages]
        self._shdlc = profile.speaks("shdlc")
        self._text = profile.speaks("line")
        address = settings.get("address") if profile.speaks("modbus") else None
        self._address = None if address in _ANYBODY else address

    def decode(self, data: bytes, asked: str | None = None) -> Decoded:
        """Decode the exact bytes of one frame. Raises nothing, whatever a helper does."""
        content = data
        if self._shdlc and b"\x7d" in data:
            content = b"\x7e" + (unstuff(data[1:-1]) or b"") + b"\x7e"
        for message in self._messages:
            if message.fits(content, asked):
                if asked and self._address is not None and content[0] != self._address:
                    return Values("another_address", False, [], {"address": content[0]})
                try:
                    return message.decode(content)
                except Exception as error:  # noqa: BLE001 - one frame that breaks us may not stop those behind it
                    return broken_by(self._ref, data, error)
        if self._text and data.isascii() and data.rstrip().decode().isprintable():
            return BadFrame(data, "bad_format")
        # proved whole, but not one this profile knows: neither value nor damage
        return Values("unknown", False, [], {})


class _Message:
    """One message: its conditions, its fields as few `struct` reads, and the bytes that its flags need."""

    __slots__ = ("_asked", "_cells", "_columns", "_conditions", "_fields", "_flags", "_length", "_measurement", "_name",
                 "_need", "_readers", "_starts", "helper", "settings")  # fmt: skip

    def __init__(self, message: Message, settings: Mapping[str, Any]) -> None:
        self._name = message.name
        self._measurement = message.role == "measurement"
        self._length = message.length
        self._conditions = [(condition.at, condition.values) for condition in message.when]
        self._starts = message.starts.encode() if message.starts is not None else None
        self._asked = message.asked
        self._columns = message.columns
        fields = [field for field in message.fields if _is_meant(field.option, settings)]
        fields.sort(key=lambda field: field.at if field.at is not None and field.at >= 0 else 1000)
        self._readers = readers([field for field in fields if field.at is not None])
        self._cells = [field.column or 0 for field in fields]
        self._fields = [plan(field) for field in fields]
        flags = [flag for flag in message.flags if _is_meant(flag.option, settings)]
        self._flags = [_Flag(flag) for flag in flags]
        ats = [(flag.at, flag.bytes) for flag in flags if flag.at is not None]
        self._need = max((at + size if at >= 0 else -at for at, size in ats), default=0)
        self.helper = _helper(message.helper) if message.helper else None
        self.settings = settings

    def fits(self, data: bytes, asked: str | None) -> bool:
        """True when this is what the frame is."""
        if self._length is not None and len(data) != self._length:
            return False
        if self._starts is not None and not data.startswith(self._starts):
            return False
        if self._columns is not None and data.count(b",") != self._columns - 1:
            return False
        if asked is not None and self._asked is not None and asked not in self._asked:
            return False
        for at, values in self._conditions:  # noqa: SIM110 (a generator here costs a tenth of the budget)
            if not -len(data) <= at < len(data) or data[at] not in values:
                return False
        return True

    def decode(self, data: bytes) -> Decoded:
        """The values of a frame that fits."""
        if self.helper is not None:
            return self.helper(data, self.settings)
        raws = self._raw(data)
        if raws is None or len(data) < self._need:
            return BadFrame(data, "bad_format")
        row: Row = {}
        info: dict[str, Any] = {}
        flags: tuple[str, ...] = ()
        for (label, finish, low, high, target), raw in zip(self._fields, raws, strict=True):
            value = raw if finish is None else finish(raw)
            if target == INFO:
                info[label] = value
            elif target == FREE:
                row[label] = value
            elif value is not None:
                if not low <= value <= high:
                    if target == PROOF:
                        return BadFrame(data, "bad_field")
                    flags = ("out_of_range",)
                row[label] = value
        fit = True
        for flag in self._flags:
            if flag.raised(data, row, info):
                flags = (*flags, flag.name)
                fit = fit and not flag.unfit
        return Values(self._name, self._measurement, [row] if row else [], info, flags, fit)

    def _raw(self, data: bytes) -> Sequence[Any] | None:
        """The raw number of every field, in order; None when the frame has not the bytes or columns."""
        if self._columns is not None:
            cells = data.decode("ascii").strip("$\r\n").split(",")
            cells[-1] = cells[-1].partition("*")[0]  # behind its star stands the checksum
            return [cells[column] for column in self._cells]
        if len(self._readers) == 1:
            unpack, size, at = self._readers[0]
            return unpack(data, at if at >= 0 else len(data) + at) if size <= len(data) else None
        raws: list[Any] = []
        for unpack, size, at in self._readers:
            if size > len(data):
                return None
            raws += unpack(data, at if at >= 0 else len(data) + at)
        return raws


def _is_meant(option: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> bool:
    """Whether a field or flag belongs to a unit with these settings; one without an option belongs to all."""
    return option is None or all(settings[name] == value for name, value in option.items())


class _Flag:
    """One flag, compiled."""

    __slots__ = ("_at", "_below", "_equals", "_field", "_mask", "_order", "_positive", "_size", "_zero", "name",
                 "unfit")  # fmt: skip

    def __init__(self, flag: Flag) -> None:
        self.name, self.unfit = flag.name, flag.unfit
        self._at, self._size = flag.at, flag.bytes
        self._field = flag.field
        self._order: Literal["big", "little"] = "little" if flag.type == "u16le" else "big"
        self._mask, self._equals, self._below = flag.mask, flag.equals, flag.below
        self._zero, self._positive = flag.when_zero, flag.when_positive

    def raised(self, data: bytes, row: Row, info: Mapping[str, Any]) -> bool:
        """True when the frame says so."""
        if self._at is not None:
            at = self._at if self._at >= 0 else len(data) + self._at
            value = data[at] if self._size == 1 else int.from_bytes(data[at : at + self._size], self._order)
            return self._says(value & self._mask)
        if self._field is not None:
            return isinstance(told := info.get(self._field), int) and self._says(told & self._mask)
        for name in self._zero:
            if row.get(name) != 0:
                return False
        return not self._positive or any(row.get(name, 0) > 0 for name in self._positive)

    def _says(self, value: int) -> bool:
        if self._below is not None:
            return value < self._below
        return value == self._equals if self._equals is not None else value != 0


def _helper(name: str) -> Helper:
    from importlib import import_module

    return import_module(f"edge_agent.sensors.helpers.{name}").decode  # type: ignore[no-any-return]
