"""Sensirion SPS30 (datasheet 1.0, SHDLC) and SCD30 (interface description 1.0, Modbus)."""

from __future__ import annotations

import struct

from firmware_stubs.modbus import ModbusSlave
from firmware_stubs.stub import Line, Row, Stub, World, word

OK, WRONG_LENGTH, UNKNOWN_COMMAND, ILLEGAL_PARAMETER, NOT_IN_THIS_STATE = 0, 1, 2, 4, 0x43
SPS30_NAMES = ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm4_raw_ugm3", "pm10_raw_ugm3", "n_to05_per_cm3", "n_to1_per_cm3",
               "n_to25_per_cm3", "n_to4_per_cm3", "n_to10_per_cm3", "typical_size_um")  # fmt: skip


class Sps30(Stub):
    """7E ... 7E with byte stuffing; idle after power-up, measures after the start command, a new value every second."""

    line = Line(115200)
    checksum_at = -2

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.measuring: str | None = None
        self.asleep = False
        self._hears_until_s = 0.0  # while asleep
        self._last_value_s: float | None = None
        self.cleaning_interval_s = 604_800

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if self.asleep and self.t_s >= self._hears_until_s:
            self._hears_until_s = self.t_s + 0.1
            return 1, b""  # the first byte wakes the interface, for 100 ms, and is lost
        if data[0] != 0x7E:
            return 1, b""  # FF wakes the interface and means nothing else
        end = data.find(0x7E, 1)
        if end == 1:
            return 1, b""
        if end < 0:
            return (0, b"") if len(data) < 600 else (1, b"")
        content = _unstuffed(data[1:end])
        if len(content) < 4 or ~sum(content[:-1]) & 0xFF != content[-1]:
            return end, b""  # the closing 7E may open the next frame
        return end + 1, self._answer(content[1], content[3:-1], content[2])

    def _answer(self, command: int, data: bytes, length: int) -> bytes:
        if self.asleep and command != 0x11:
            return b""
        if length != len(data):
            return _reply(command, WRONG_LENGTH)
        if command == 0x00:
            return self._start(data)
        if command == 0x03:
            return self._values()
        if command == 0x01:
            state, self.measuring = (OK if self.measuring else NOT_IN_THIS_STATE), None
            return _reply(command, state)
        if command in (0x10, 0x11):
            state = NOT_IN_THIS_STATE if command == 0x10 and self.measuring else OK
            self.asleep = command == 0x10 and state == OK
            return _reply(command, state)
        if command == 0x56:
            return _reply(command, OK if self.measuring else NOT_IN_THIS_STATE)
        if command == 0xD3:
            self.measuring = None
            return _reply(command, OK)
        return self._told(command, data)

    def _told(self, command: int, data: bytes) -> bytes:
        if command == 0x80 and data == b"\0":
            return _reply(command, OK, self.cleaning_interval_s.to_bytes(4, "big"))
        if command == 0x80 and len(data) == 5:
            self.cleaning_interval_s = int.from_bytes(data[1:], "big")
            return _reply(command, OK)
        if command == 0xD0 and data in (b"\0", b"\3"):
            return _reply(command, OK, b"00080000\0" if data == b"\0" else b"0123456789ABCDEF\0")
        if command == 0xD1:
            return _reply(command, OK, bytes((2, 2, 0, 7, 0, 2, 0)))
        if command == 0xD2:
            return _reply(command, OK, bytes(5))
        return _reply(command, ILLEGAL_PARAMETER if command in (0x80, 0xD0) else UNKNOWN_COMMAND)

    def _start(self, data: bytes) -> bytes:
        if self.measuring is not None:
            return _reply(0, NOT_IN_THIS_STATE)
        if data not in (b"\1\3", b"\1\5"):
            return _reply(0, ILLEGAL_PARAMETER)
        self.measuring = "float" if data[1] == 3 else "integer"
        self._last_value_s = None
        return _reply(0, OK)

    def _values(self) -> bytes:
        if self.measuring is None:
            return _reply(3, NOT_IN_THIS_STATE)
        if self._last_value_s is not None and self.t_s - self._last_value_s < 0.96:
            return _reply(3, OK)  # nothing new yet
        self._last_value_s = self.t_s
        values = _particles(self.world(self.t_s))
        if self.measuring == "float":
            packed = struct.pack(">10f", *values)
            told = [round(value, 3) for value in struct.unpack(">10f", packed)]
        else:
            words = [word(value) for value in values[:9]] + [word(values[9] * 1000)]
            packed = struct.pack(">10H", *words)
            told = [*words[:9], words[9] / 1000]
        row: Row = dict(zip(SPS30_NAMES, told, strict=True))
        return self._measured(self.t_s, _reply(3, OK, packed), [row])


def _particles(air: dict[str, float]) -> list[float]:
    pm25 = air.get("pm25_ugm3", 12.0)
    pm1, pm10 = air.get("pm1_ugm3", pm25 * 0.7), air.get("pm10_ugm3", pm25 * 1.3)
    numbers = [pm25 * share for share in (5.0, 6.1, 6.4, 6.42, 6.43)]
    return [pm1, pm25, (pm25 + pm10) / 2, pm10, *numbers, 0.72]


def _reply(command: int, state: int, data: bytes = b"") -> bytes:
    content = bytes((0, command, state, len(data))) + data
    content += bytes((~sum(content) & 0xFF,))
    stuffed = bytearray()
    for byte in content:
        stuffed += bytes((0x7D, byte ^ 0x20)) if byte in (0x7E, 0x7D, 0x11, 0x13) else bytes((byte,))
    return b"\x7e" + bytes(stuffed) + b"\x7e"


def _unstuffed(data: bytes) -> bytes:
    out = bytearray()
    escaped = False
    for byte in data:
        if byte == 0x7D:
            escaped = True
            continue
        out.append(byte ^ 0x20 if escaped else byte)
        escaped = False
    return bytes(out)


class Scd30(ModbusSlave):
    """Address 61h; measures every `interval_s` after the start command, and says when a value is ready."""

    line = Line(19200)

    def __init__(self, world: World | None = None) -> None:
        super().__init__(world, 0x61)
        self.interval_s, self.running, self.asc = 2, False, 0
        self._taken_s = 0.0

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:  # noqa: ARG002
        if first == 0x28 and count == 6:
            self._taken_s = self.t_s
            air = self.world(self.t_s)
            values = [air.get("co2_ppm", 420.0), air.get("temp_c", 20.0), air.get("rh_pct", 50.0)]
            packed = struct.pack(">3f", *values)
            told = [round(value, 3) for value in struct.unpack(">3f", packed)]
            return list(struct.unpack(">6H", packed)), dict(zip(("co2_ppm", "temp_c", "rh_pct"), told, strict=True))
        ready = int(self.running and self.t_s - self._taken_s >= self.interval_s)
        single = {0x20: 0x0342, 0x25: self.interval_s, 0x27: ready, 0x38: 0, 0x3A: self.asc, 0x3B: 0}
        return ([single[first]] if first in single and count == 1 else None), {}

    def _write(self, register: int, value: int) -> bool:
        if register == 0x25 and 2 <= value <= 1800:
            self.interval_s = value
        elif register == 0x36:
            self.running = True
        elif register in (0x34, 0x37):
            self.running = False
        elif register == 0x3A:
            self.asc = value
        return register in (0x25, 0x34, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B)
