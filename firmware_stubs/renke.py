"""Renke RS-FSXCS all-in-one weather station, from the register table of DFRobot's SEN0657 and SEN0658."""

from __future__ import annotations

from bisect import bisect

from firmware_stubs.modbus import ModbusSlave
from firmware_stubs.stub import Line, Row, World, word

FIRST = 500
BEAUFORT_MS = (0.3, 1.6, 3.4, 5.5, 8.0, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7)  # where each force begins
CLEAR_RAIN = (0x6002, 0x5A)


class Fsxcs(ModbusSlave):
    """Holding registers 500 to 515, in tenths where the table says so; rain adds up until it is cleared.

    As a SEN0657 it hears no noise and sees no dust, and both read 0; `noise_and_dust` are fitted to larger ones.
    """

    line = Line(4800)

    def __init__(self, world: World | None = None, address: int = 1, noise_and_dust: bool = False) -> None:
        super().__init__(world, address)
        self._noise_and_dust = noise_and_dust
        self._felt_s, self._fallen_mm = 0.0, 0.0

    def _power_on(self, t_s: float) -> None:
        self._felt_s, self._fallen_mm = t_s, 0.0

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:
        registers, row = self._registers()
        if function != 3 or first < FIRST or first + count > FIRST + len(registers):
            return None, {}
        whole = (first, count) == (FIRST, len(registers))
        return registers[first - FIRST : first - FIRST + count], row if whole else {}

    def _write(self, register: int, value: int) -> bool:
        if (register, value) == CLEAR_RAIN:
            self._fallen_mm = 0.0
        return (register, value) == CLEAR_RAIN

    def _registers(self) -> tuple[list[int], Row]:
        felt = self.world(self.t_s)
        self._fallen_mm += felt.get("rain_rate_mmh", 0.0) * (self.t_s - self._felt_s) / 3600
        self._felt_s = self.t_s
        wind_ms, direction = felt.get("wind_speed_ms", 2.5), word(felt.get("wind_dir_deg", 180.0))
        speed, rh = word(10 * wind_ms), word(10 * felt.get("rh_pct", 50.0))
        temp = 10 * felt.get("temp_c", 20.0)
        temp = 0x7FFF if temp != temp else round(temp)
        hpa, rain, lux = word(felt.get("press_hpa", 1013.0)), word(10 * self._fallen_mm), 20_000
        row: Row = {"wind_speed_ms": speed / 10, "wind_dir_deg": direction, "rh_pct": rh / 10, "temp_c": temp / 10,
                    "press_hpa": hpa, "rain_mm": rain / 10}  # fmt: skip
        noise = pm25 = pm10 = 0
        if self._noise_and_dust:
            noise, pm25 = word(10 * felt.get("noise_db", 55.0)), word(felt.get("pm25_ugm3", 12.0))
            pm10 = word(felt.get("pm10_ugm3", pm25 * 1.4))
            row |= {"noise_db": noise / 10, "pm25_raw_ugm3": pm25, "pm10_raw_ugm3": pm10}
        force, octant = bisect(BEAUFORT_MS, wind_ms), round(direction / 45) % 8
        light = [lux >> 16, lux & 0xFFFF, lux // 100]
        air = [rh, temp & 0xFFFF, noise, pm25, pm10, hpa]
        return [speed, force, octant, direction, *air, *light, rain, 0, 0], row
