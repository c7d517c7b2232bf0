"""Senseair S8, from "Modbus on Senseair S8"."""

from __future__ import annotations

from firmware_stubs.modbus import ModbusSlave
from firmware_stubs.stub import Row, World, word

AWAKE_S = 0.5
ABOUT = {25: 0x0001, 26: 0x0E02, 27: 0x0003, 28: 0x0171, 29: 0x0611, 30: 0x2A3F}
"""Input registers: type (two), version of this map, firmware, serial number (two)."""


class S8(ModbusSlave):
    """Address 68h, or FE from a host that has the line for itself; at most eight registers at once."""

    any_addresses = (0xFE,)
    count_max = 8

    def __init__(self, air: World | None = None, sleeps: bool = False) -> None:
        super().__init__(air, 0x68)
        self.sleeps, self._heard_s = sleeps, -AWAKE_S
        self.meter_status, self.acknowledgement, self.abc_period_h = 0, 0, 180

    def receive(self, data: bytes) -> bytes:
        """Of one that sleeps, what wakes it is lost."""
        is_lost = self.sleeps and self.t_s - self._heard_s >= AWAKE_S
        self._heard_s = self.t_s
        return b"" if is_lost else super().receive(data)

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:
        if function == 4:
            ppm = word(self.world(self.t_s).get("co2_ppm", 420.0))
            inputs = dict(enumerate([self.meter_status, 0, 0, ppm])) | ABOUT
            if any(register not in inputs for register in range(first, first + count)):
                return None, {}
            row: Row = {"co2_ppm": ppm} if first <= 3 < first + count else {}
            return [inputs[register] for register in range(first, first + count)], row
        holding = {0: self.acknowledgement, 31: self.abc_period_h}
        return ([holding[first]] if function == 3 and count == 1 and first in holding else None), {}

    def _write(self, register: int, value: int) -> bool:
        if register == 31:
            self.abc_period_h = value
        elif register == 0:
            self.acknowledgement = value
        elif register == 1 and value in (0x7C06, 0x7C07):
            self.acknowledgement |= 1 << 5 if value == 0x7C06 else 1 << 6
        return register in (0, 1, 31)
