"""Tera Sensor NextPM, from its user guide: the simple protocol and Modbus, both 8E1."""

from __future__ import annotations

import struct

from firmware_stubs.modbus import ModbusSlave
from firmware_stubs.stub import Line, Row, Stub, World, word

NAMES = ("n_to1_per_l", "n_to25_per_l", "n_to10_per_l", "pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3")
ASLEEP, NOT_READY = 0x01, 0x04


class NextPm(Stub):
    """81 command ...; answers 81 16 state to anything while it has no data."""

    line = Line(115200, "even")

    def __init__(self, air: World | None = None, ready_s: float = 0.0) -> None:
        super().__init__(air)
        self.ready_s, self.asleep, self._awake_s, self.fan_pct = ready_s, False, 0.0, 66

    def _power_on(self, t_s: float) -> None:
        self._awake_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x81:
            return 1, b""
        if len(data) < 3:
            return 0, b""
        size = 4 if data[1] in (0x21, 0x22) else 3
        if len(data) < size:
            return 0, b""
        if sum(data[:size]) & 0xFF:
            return 1, b""
        return size, self._answer(data[1], data[2])

    def _answer(self, command: int, value: int) -> bytes:
        if command == 0x15:
            self.asleep = not self.asleep
            self._awake_s = self.t_s
            return _sealed(bytes((0x81, 0x15, self._state())))
        if self._state() or command == 0x16:
            return _sealed(bytes((0x81, 0x16, self._state())))
        if command in (0x11, 0x12, 0x13):
            numbers, row = self._particles()
            body = struct.pack(">3B6H", 0x81, command, 0, *numbers)
            return self._measured(self.t_s, _sealed(body), [row])
        if command == 0x14:
            return self._climate()
        if command == 0x17:
            return _sealed(bytes((0x81, 0x17, 0, 0x00, 0x42)))
        if command == 0x21:
            self.fan_pct = value or self.fan_pct
        return _sealed(bytes((0x81, command, 0, self.fan_pct if command == 0x21 else value)))

    def _state(self) -> int:
        if self.asleep:
            return ASLEEP
        return NOT_READY if self.t_s - self._awake_s < self.ready_s else 0

    def _particles(self) -> tuple[list[int], Row]:
        numbers = [word(value) for value in _six(self.world(self.t_s), 10)]
        told = [*numbers[:3], *(tenths / 10 for tenths in numbers[3:])]
        return numbers, dict(zip(NAMES, told, strict=True))

    def _climate(self) -> bytes:
        air = self.world(self.t_s)
        pair = word(100 * (air.get("temp_c", 20.0) + 4)), word(min(80 * air.get("rh_pct", 50.0), 9900))
        row = {"case_temp_c": pair[0] / 100, "case_rh_pct": pair[1] / 100}
        return self._measured(self.t_s, _sealed(struct.pack(">3B2H", 0x81, 0x14, 0, *pair)), [row])


class NextPmModbus(ModbusSlave):
    """Registers 50 to 85: three averages of six 32-bit values in thousandths, low word first."""

    line = Line(115200, "even")

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:
        if function != 3:
            return None, {}
        if (first, count) == (50, 36):
            values = [_long(value) for value in _six(self.world(self.t_s), 1000, 1000)] * 3
            row = dict(zip(NAMES, (value / 1000 for value in values), strict=False))
            return [half for value in values for half in (value & 0xFFFF, value >> 16)], row
        if (first, count) == (106, 2):
            air = self.world(self.t_s)
            pair = [word(min(80 * air.get("rh_pct", 50.0), 9900)), word(100 * (air.get("temp_c", 20.0) + 4))]
            return pair, {"case_rh_pct": pair[0] / 100, "case_temp_c": pair[1] / 100}
        single = {1: 66, 19: 0}
        return ([single[first]] if count == 1 and first in single else None), {}


def _six(air: dict[str, float], mass_scale: float, count_scale: float = 1.0) -> list[float]:
    pm25 = air.get("pm25_ugm3", 12.0)
    counts = [pm25 * 900, pm25 * 950, pm25 * 955]
    masses = [air.get("pm1_ugm3", pm25 * 0.7), pm25, air.get("pm10_ugm3", pm25 * 1.3)]
    return [value * count_scale for value in counts] + [value * mass_scale for value in masses]


def _long(value: float) -> int:
    """A rounded 32-bit number; all ones where the element gives nothing."""
    return 0xFFFFFFFF if value != value else round(value)


def _sealed(body: bytes) -> bytes:
    return body + bytes(((0x100 - sum(body) % 0x100) % 0x100,))
