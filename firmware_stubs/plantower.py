"""Plantower PMS5003 family, from the PMS5003 manual V2.3 (appendices I and II)."""

from __future__ import annotations

import struct

from firmware_stubs.stub import Line, Row, Stub, World, word


class Pms5003(Stub):
    """42 4D 00 1C, thirteen words, a 16-bit sum. Active after power-up; a command with a bad sum is not heard."""

    line = Line(9600)

    def __init__(self, air: World | None = None, period_s: float = 1.0, version: int = 0x97) -> None:
        super().__init__(air)
        self.period_s, self.version = period_s, version
        self.active = self.awake = True

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + self.period_s
        return self._data(t_s)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x42 or (len(data) > 1 and data[1] != 0x4D):
            return 1, b""
        if len(data) < 7:
            return 0, b""
        if sum(data[:5]) != int.from_bytes(data[5:7], "big"):
            return 1, b""
        return 7, self._obey(data[2], data[4])

    def _obey(self, command: int, value: int) -> bytes:
        if command == 0xE4:
            self.awake = value == 1
            self._due_s = self.t_s + self.period_s if self.awake and self.active else None
            return b"" if self.awake else self._answer(command, value)
        if not self.awake:
            return b""
        if command == 0xE1:
            self.active = value == 1
            self._due_s = self.t_s + self.period_s if self.active else None
            return b"" if self.active else self._answer(command, value)
        if command == 0xE2 and not self.active:
            return self._data(self.t_s)
        return b""

    def _answer(self, command: int, value: int) -> bytes:
        return _sealed(bytes((0x42, 0x4D, 0, 4, command, value)))

    def _data(self, t_s: float) -> bytes:
        words, row = self._words(t_s)
        frame = _sealed(struct.pack(f">2sH{len(words)}H", b"BM", 2 * len(words) + 2, *words))
        return self._measured(t_s, frame, [row])

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        row = particles(self.world(t_s))
        return [*map(int, row.values()), self.version << 8], row


class Pms3003(Pms5003):
    """The older one: nine words, the last three reserved, and no commands."""

    def _command(self, data: bytes) -> tuple[int, bytes]:
        return len(data), b""

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        row = dict(list(particles(self.world(t_s)).items())[:6])
        return [*map(int, row.values()), 0x33D2, 0x0F28, 0x003F], row


class Pms5003t(Pms5003):
    """Temperature and humidity of the case in place of the two largest sizes (manual V2.2)."""

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        air = self.world(t_s)
        row = dict(list(particles(air).items())[:10])
        climate = case_climate(air)
        words = [*map(int, row.values()), *climate, 0x9A00]
        return words, row | {"case_temp_c": climate[0] / 10, "case_rh_pct": climate[1] / 10}


class Pms5003s(Pms5003):
    """Formaldehyde in thousandths of mg/m³ in place of the version (PyPMS; its manual was not to be had)."""

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        air = self.world(t_s)
        row = particles(air) | {"hcho_ugm3": word(air.get("hcho_ugm3", 30))}
        return list(map(int, row.values())), row


class Pms5003st(Pms5003):
    """Seventeen words: formaldehyde, temperature and humidity behind the twelve (manual V2.0)."""

    def _words(self, t_s: float) -> tuple[list[int], Row]:
        air = self.world(t_s)
        row = particles(air)
        climate = case_climate(air)
        hcho = word(air.get("hcho_ugm3", 30))
        words = [*map(int, row.values()), hcho, *climate, 0, 0x9100]
        return words, row | {"hcho_ugm3": hcho, "case_temp_c": climate[0] / 10, "case_rh_pct": climate[1] / 10}


def case_climate(air: dict[str, float]) -> tuple[int, int]:
    """Tenths of °C and of % inside the case: some degrees warmer than the street, and drier."""
    return word(10 * max(air.get("temp_c", 20.0) + 4, 0)), word(min(10 * air.get("rh_pct", 50.0) * 0.8, 990))


def particles(air: dict[str, float]) -> Row:
    """The twelve numbers of a Plantower for the air before it, in the order of the frame."""
    pm25 = air.get("pm25_ugm3", 12.0)
    masses = [air.get("pm1_ugm3", pm25 * 0.66), pm25, air.get("pm10_ugm3", pm25 * 1.3)]
    # above about 20 µg/m³ the "standard" values part from the atmospheric ones (captures: 39 for 35)
    standard = [mass if mass < 20 else 20 + (mass - 20) * 1.3 for mass in masses]
    over03 = pm25 * 110 + 40
    shares = (1, 0.29, 0.055, 0.006, 0.002, 0.001)
    names = ("pm1_cf1_ugm3", "pm25_cf1_ugm3", "pm10_cf1_ugm3", "pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3",
             "n_over03_per_dl", "n_over05_per_dl", "n_over1_per_dl", "n_over25_per_dl", "n_over5_per_dl",
             "n_over10_per_dl")  # fmt: skip
    values = [*standard, *masses, *(over03 * share for share in shares)]
    return {name: word(value) for name, value in zip(names, values, strict=True)}


def _sealed(body: bytes) -> bytes:
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")
