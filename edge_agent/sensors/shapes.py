"""The kinds of frame a line can carry, each with its proof.

`measure(buffer, start)` answers for the header at `start`: (size, None) a whole frame of so many bytes; (0, None) not
enough bytes yet; (size, reason) not a frame, the bytes it claimed and why. A verdict depends on the claimed bytes
alone, never on what follows them: else another split of the stream would give other frames.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, Protocol

from edge_agent.sensors.checksums import CHECKSUMS

if TYPE_CHECKING:
    from device_profiles import frames

Verdict = tuple[int, str | None]
WAIT: Final[Verdict] = (0, None)
STUFFED: Final = {0x5E: 0x7E, 0x5D: 0x7D, 0x31: 0x11, 0x33: 0x13}
"""SHDLC: what stands behind 7D for which byte (SPS30 datasheet 4.1.2)."""
_REQUEST_BYTES: Final = 8
_REGISTERS_MAX: Final = 125  # of one read (Modbus application protocol V1.1b3, 6.3)
AFTER_AN_END: Final = rb"(?:(?<=[\r\n])|(?<=\r.))"
_NUMBERS: Final = {"u8": struct.Struct("B"), "u16be": struct.Struct(">H"), "u16le": struct.Struct("<H")}


class CompiledShape(Protocol):
    """What the framer needs of a shape."""

    head: bytes  # a regular expression that finds a possible beginning
    head_bytes: int  # how many bytes it looks at
    longest: int
    shortest: int
    text: bool
    weak: bool  # nothing but its meaning proves it
    tail: bytes  # how every frame ends, empty when that says nothing

    def measure(self, buffer: bytearray, start: int) -> Verdict: ...


def compile_shape(shape: frames.Shape) -> CompiledShape:
    """The working form of one of a profile's `frames`."""
    if shape.kind == "bytes":
        return _Bytes(shape)
    if shape.kind == "shdlc":
        return _Shdlc(shape.longest)
    if shape.kind == "modbus":
        return _Modbus(shape.longest)
    return _Line(shape)


class _Bytes:
    """Header, length, content, checksum, tail."""

    text = False

    def __init__(self, shape: frames.BytesShape) -> None:
        parts = [] if shape.header == "**" else shape.header.split()
        positions = [bytes.fromhex(part.replace("|", "")) for part in parts]
        self.head = b"".join(_one_of(choices) for choices in positions) or b"."
        self.head_bytes = max(len(positions), 1)
        self.longest = shape.longest
        self._fixed, self._field, self._table = shape.length, shape.length_field, None
        self._need = self.head_bytes
        lengths = [shape.length or self.longest]
        if shape.length_field is not None:
            self._unpack = _NUMBERS[shape.length_field.type].unpack_from
            self._need = max(self._need, shape.length_field.at + _NUMBERS[shape.length_field.type].size)
            lengths = shape.length_field.allow or [self._need]
        if shape.length_table is not None:
            self._table = {int(key, 16): size for key, size in shape.length_table.bytes.items()}
            self._table_at = shape.length_table.at
            self._need = max(self._need, self._table_at + 1)
            lengths = list(self._table.values())
        self.shortest = min(lengths)
        self._allowed = frozenset(lengths) if shape.length_field and shape.length_field.allow else None
        self.tail = bytes.fromhex(shape.tail) if shape.tail else b""
        self._check = shape.check
        self.weak = shape.check is None
        if shape.check is not None:
            self._sum = CHECKSUMS[shape.check.kind]
            self._from, self._sum_at, self._sum_bytes = shape.check.start, shape.check.position, shape.check.size

    def measure(self, buffer: bytearray, start: int) -> Verdict:
        if len(buffer) - start < self._need:
            return WAIT
        size = self._fixed or self._told(buffer, start)
        if size == 0:
            return self.longest, "bad_length"
        end = start + size
        if len(buffer) < end:
            return WAIT
        tail = self.tail
        if tail and buffer[end - len(tail) : end] != tail:
            return size, self._wrong_tail(buffer[end - len(tail) : end])
        if self._check is not None:
            at = end + self._sum_at
            if buffer[at : at + self._sum_bytes] != self._sum(bytes(buffer[start + self._from : at])):
                return size, "bad_checksum"
        return size, None

    def _told(self, buffer: bytearray, start: int) -> int:
        """The length the frame tells, or 0 when it cannot be."""
        if self._table is not None:
            return self._table.get(buffer[start + self._table_at], 0)
        field = self._field
        assert field is not None
        size = self._unpack(buffer, start + field.at)[0] + field.add
        if self._allowed is not None:
            return size if size in self._allowed else 0
        return size if self._need <= size <= self.longest else 0

    def _wrong_tail(self, seen: bytearray) -> str:
        """A told length that leads to nothing like the tail is itself the likelier damage."""
        near = 2 * sum(map(int.__eq__, seen, self.tail)) >= len(self.tail)
        return "bad_tail" if self._fixed or near else "bad_length"


class _Shdlc:
    """7E address command [state] length data checksum 7E, bytes between the 7E stuffed (SPS30 datasheet 4.1)."""

    head, head_bytes, shortest, tail = rb"\x7e[^\x7e]", 2, 6, b""
    text = weak = False

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def measure(self, buffer: bytearray, start: int) -> Verdict:
        end = buffer.find(0x7E, start + 1, start + self.longest)
        if end < 0:
            return WAIT if len(buffer) - start < self.longest else (self.longest, "bad_length")
        size = end + 1 - start
        content = unstuff(buffer[start + 1 : end])
        if content is None:
            return size, "bad_stuffing"
        if len(content) < 4:
            return size, "bad_length"
        if CHECKSUMS["sum8_inverted"](content[:-1])[0] != content[-1]:
            return size, "bad_checksum"
        # replies carry a state before the length; requests, which may echo, do not
        if content[3] != len(content) - 5 and content[2] != len(content) - 4:
            return size, "bad_length"
        return size, None


def unstuff(content: bytes | bytearray) -> bytes | None:
    """SHDLC content as it was before stuffing; None when a 7D stands before a byte it cannot."""
    parts = bytes(content).split(b"\x7d")
    out = bytearray(parts[0])
    for part in parts[1:]:
        if not part or part[0] not in STUFFED:
            return None
        out.append(STUFFED[part[0]])
        out += part[1:]
    return bytes(out)


class _Modbus:
    """Address, function, byte count, data, CRC; exceptions; echoes of writes, and of our own requests."""

    head, head_bytes, shortest = rb"[\x01-\xf7\xfe][\x03\x04\x06\x10\x83\x84\x86\x90]", 2, 5
    tail = b""
    text = weak = False

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def measure(self, buffer: bytearray, start: int) -> Verdict:
        function = buffer[start + 1]
        if len(buffer) - start < (5 if function & 0x80 else 7):  # the least there can be
            return WAIT
        count = buffer[start + 2]
        if function & 0x80:
            claim = 5
        elif function in (0x06, 0x10) or count == 0 or count & 1:  # an odd count is the start of a request
            claim = _REQUEST_BYTES
        else:
            claim = 5 + count
        # of a request for registers from 0200h on, the start looks like a count; its number of registers tells it
        registers = int.from_bytes(buffer[start + 4 : start + 6], "big")
        echo = {_REQUEST_BYTES} if function in (0x03, 0x04) and 0 < registers <= _REGISTERS_MAX else set()
        for size in sorted({claim} | echo):
            if size > self.longest:
                return 5, "bad_length"
            if len(buffer) < start + size:
                return WAIT
            end = start + size - 2
            if buffer[end : end + 2] == CHECKSUMS["crc16_modbus"](bytes(buffer[start:end])):
                return size, None
        return claim, "bad_checksum"


class _Line:
    """Printable text up to a line end, of a fixed form or with a checksum where the sensor gives one.

    Lines of the kind `lf` end with CR LF. A CR with something else behind it is such an end, damaged: the line is lost,
    the next one is not. Nor is it where lines are told by their beginning and a new one begins inside.
    """

    text = True

    def __init__(self, shape: frames.LineShape) -> None:
        opening = _template(shape.opening).pattern if shape.opening else _one_of(shape.start.encode())
        self.head = (AFTER_AN_END if shape.anchored else b"") + opening
        self.head_bytes = len(shape.opening) if shape.opening else 1
        self._next = re.compile(opening) if not shape.anchored and len(shape.start) < 2 else None
        self.longest = shape.longest
        self._texts = shape.templates or []
        self._templates = [_template(text) for text in self._texts]
        self.shortest = min(map(len, self._texts), default=2)
        self.tail = {"lf": b"\n", "cr": b"\r", "none": b""}[shape.end]
        self._ends = {"lf": re.compile(rb"\n|\r(?s:.)"), "cr": re.compile(rb"\r"), "none": None}[shape.end]
        self._check = shape.check.kind if shape.check is not None else None
        self.weak = not self._texts

    def measure(self, buffer: bytearray, start: int) -> Verdict:
        if self._ends is None:
            return self._measure_form(buffer, start)
        found = self._ends.search(buffer, start, start + self.longest)
        if found is None:
            return WAIT if len(buffer) - start < self.longest else (self.longest, "bad_length")
        if self._next is not None and (later := self._next.search(buffer, start + 1, found.start())):
            # the next line begins in this one: whole without its end, where that can be proved, or damaged there
            proved = (self._check or self._templates) and not self._wrong(bytes(buffer[start : later.start()]))
            return later.start() - start, None if proved else "bad_tail"
        size = found.end() - start
        if not found[0].endswith(self.tail):
            return size, "bad_tail"
        return size, self._wrong(bytes(buffer[start : found.start()]))

    def _wrong(self, line: bytes) -> str | None:
        carries_crc = self._check == "crc16_vaisala" and line[1:2].islower()
        told = line[:-3] if carries_crc else line  # the CRC is of characters from 40 to 7F, which is no letter
        if not line.isascii() or not told.decode().isprintable():
            return "bad_format"
        if self._templates and not any(form.fullmatch(line) for form in self._templates):
            return "bad_format"
        return _line_damage(line, self._check) if self._check else None

    def _measure_form(self, buffer: bytearray, start: int) -> Verdict:
        """Without a line end the form alone says where the line stops."""
        for form in self._templates:
            if whole := form.match(buffer, start):
                return whole.end() - start, None
        seen = bytes(buffer[start : start + self.longest])
        return WAIT if any(_begins(text, seen) for text in self._texts) else (self.shortest, "bad_format")


def _one_of(choices: bytes) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % choice for choice in choices) + b"]"


def _template(text: str) -> re.Pattern[bytes]:
    """`V±###.#` as a pattern: `#` a digit, `±` a sign, `@` a letter or digit, all else itself."""
    kinds = {"#": rb"[0-9]", "±": rb"[+-]", "@": rb"[0-9A-Za-z]"}
    return re.compile(b"".join(kinds.get(c) or re.escape(c.encode()) for c in text))


def _begins(text: str, seen: bytes) -> bool:
    """True when `seen` may grow into a line of this form."""
    return len(seen) < len(text) and _template(text[: len(seen)]).fullmatch(seen) is not None


def _line_damage(line: bytes, kind: str) -> str | None:
    """What is wrong with a line that carries a checksum."""
    if kind == "crc16_vaisala" and not line[1:2].islower():
        return None  # only lower-case messages carry the CRC (WXT520 user's guide, appendix C)
    parts = checked_parts(line, kind)
    if parts is None:
        return "truncated"
    return None if CHECKSUMS[kind](parts[0]) == parts[1] else "bad_checksum"


def checked_parts(line: bytes, kind: str) -> tuple[bytes, bytes] | None:
    """Of a line what its checksum covers, and the checksum that it carries; None where it has none."""
    if kind == "crc16_vaisala":
        return line[:-3], line[-3:] if len(line) > 5 else b""
    at = line.rfind(b"*" if kind == "xor8_nmea" else b",")
    if at < 0 or len(line) - at != 3:
        return None
    return line[1:at] if kind == "xor8_nmea" else line[: at + 1], line[at + 1 :].upper()
