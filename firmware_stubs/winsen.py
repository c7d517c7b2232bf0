"""Winsen MH-Z19B, ZH03B, ZE07 and ZPHS01C, from their user's manuals."""

from __future__ import annotations

import struct

from firmware_stubs.stub import Line, Row, Stub, World, word

FRAME_BYTES = 9


class NineBytes(Stub):
    """FF and nine bytes each way, with a checksum that leaves the FF out."""

    line = Line(9600)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0xFF or (len(data) > 1 and data[1] != 0x01):
            return 1, b""
        if len(data) < FRAME_BYTES:
            return 0, b""
        if (0xFF - sum(data[1:8]) + 1) & 0xFF != data[8]:
            return 1, b""
        return FRAME_BYTES, self._answer(data[2], data[3])

    def _answer(self, command: int, value: int) -> bytes:  # noqa: ARG002
        return b""


class Mhz19b(NineBytes):
    """Answers 86 alone; sticks at 410 ppm for `preheat_s`."""

    def __init__(self, air: World | None = None, preheat_s: float = 0.0) -> None:
        super().__init__(air)
        self.preheat_s = preheat_s
        self._on_s = 0.0

    def _power_on(self, t_s: float) -> None:
        self._on_s = t_s

    def _answer(self, command: int, value: int) -> bytes:  # noqa: ARG002
        if command != 0x86:
            return b""
        air = self.world(self.t_s)
        warm = self.t_s - self._on_s >= self.preheat_s
        ppm = word(air.get("co2_ppm", 420.0)) if warm else 410
        frame = _nine(0x86, struct.pack(">HB", ppm, min(word(air.get("temp_c", 20.0) + 44), 0xFF)))
        return self._measured(self.t_s, frame, [{"co2_ppm": ppm}])


class Zh03b(NineBytes):
    """Uploads 24 bytes a second, or answers 86 with another order of sizes."""

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.upload = self.awake = True

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _answer(self, command: int, value: int) -> bytes:
        if command == 0xA7:
            self.awake = value == 0
            self._reschedule()
            return _nine(0xA7, b"\x01")
        if not self.awake:
            return b""
        if command == 0x78:
            self.upload = value == 0x40
            self._reschedule()
        if command == 0x86 and not self.upload:
            row, (pm1, pm25, pm10) = self._masses(self.t_s)
            return self._measured(self.t_s, _nine(0x86, struct.pack(">3H", pm25, pm10, pm1)), [row])
        return b""

    def _reschedule(self) -> None:
        self._due_s = self.t_s + 1 if self.awake and self.upload else None

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        row, masses = self._masses(t_s)
        body = struct.pack(">2sH9H", b"BM", 20, *masses, *masses, 0, 0, 0)
        return self._measured(t_s, body + (sum(body) & 0xFFFF).to_bytes(2, "big"), [row])

    def _masses(self, t_s: float) -> tuple[Row, list[int]]:
        air = self.world(t_s)
        pm25 = air.get("pm25_ugm3", 12.0)
        masses = [word(air.get("pm1_ugm3", pm25 * 0.7)), word(pm25), word(air.get("pm10_ugm3", pm25 * 1.3))]
        return dict(zip(("pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3"), map(float, masses), strict=True)), masses


class Ze07(NineBytes):
    """ZE07-CH2O: uploads ppb until told to answer questions."""

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.upload = True

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _answer(self, command: int, value: int) -> bytes:
        if command == 0x78:
            self.upload = value == 0x40
            self._due_s = self.t_s + 1 if self.upload else None
        if command == 0x86 and not self.upload:
            ugm3, ppb = self._gas(self.t_s)
            frame = _nine(0x86, struct.pack(">3H", ugm3, 0, ppb))
            return self._measured(self.t_s, frame, [{"hcho_ugm3": ugm3, "hcho_ppb": ppb}])
        return b""

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        ppb = self._gas(t_s)[1]
        return self._measured(t_s, _nine(0x17, struct.pack(">2B2H", 4, 0, ppb, 5000)), [{"hcho_ppb": ppb}])

    def _gas(self, t_s: float) -> tuple[int, int]:
        ugm3 = self.world(t_s).get("hcho_ugm3", 30.0)
        return word(ugm3), word(ugm3 / 1.23)  # 1 ppb is 1.23 µg/m³ at 25 °C


class Zphs01c(Stub):
    """11 in, 16 out; after the first answer it pushes every second until power-off."""

    line = Line(9600)

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.long = False

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x11:
            return 1, b""
        if len(data) < 2 or len(data) < data[1] + 3:
            return 0, b""
        frame = data[: data[1] + 3]
        if sum(frame) & 0xFF:
            return 1, b""
        command = frame[2]
        if command in (1, 2):
            self.long = command == 2
            self._due_s = self.t_s + 1
            return len(frame), self._values(self.t_s)
        if command == 3:
            return len(frame), _summed(b"\x16\x01\x03")
        if command == 0x0C:
            return len(frame), _summed(bytes((0x16, 2, 0x0C, frame[3])))
        return len(frame), b""

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        return self._values(t_s)

    def _values(self, t_s: float) -> bytes:
        air = self.world(t_s)
        pm25 = word(air.get("pm25_ugm3", 12.0))
        rh, temp = word(10 * air.get("rh_pct", 50.0)), word(10 * air.get("temp_c", 20.0) + 500)
        words = [word(air.get("co2_ppm", 420.0)), word(air.get("voc_grade", 1)), rh, temp, pm25]
        row: Row = {"co2_ppm": words[0], "voc_grade": words[1], "rh_pct": rh / 10, "pm25_raw_ugm3": pm25,
                    "temp_c": round((temp - 500) / 10, 1)}  # fmt: skip
        if self.long:
            words += [word(air.get("pm10_ugm3", pm25 * 1.3)), word(air.get("pm1_ugm3", pm25 * 0.7))]
            row |= {"pm10_raw_ugm3": words[5], "pm1_raw_ugm3": words[6]}
        body = bytes((0x16, 1 + 2 * len(words), 2 if self.long else 1)) + struct.pack(f">{len(words)}H", *words)
        return self._measured(t_s, _summed(body), [row])


class Zphs01b(Stub):
    """Answers 86 with 26 bytes; temperature is sent with 435 tenths added (as four open programs read it)."""

    line = Line(9600)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0xFF:
            return 1, b""
        if len(data) < 9:
            return 0, b""
        if _nine_sum(data[1:8]) != data[8]:
            return 1, b""
        return 9, self._values() if data[2] == 0x86 else b""

    def _values(self) -> bytes:
        air = self.world(self.t_s)
        pm25 = air.get("pm25_ugm3", 12.0)
        masses = [word(mass) for mass in (air.get("pm1_ugm3", pm25 * 0.7), pm25, air.get("pm10_ugm3", pm25 * 1.3))]
        co2, temp = word(air.get("co2_ppm", 420.0)), word(10 * air.get("temp_c", 20.0) + 435)
        climate = [word(air.get("rh_pct", 50.0)), word(air.get("hcho_ugm3", 30.0))]
        # tenths of ppm and steps of 10 ppb; at 25 °C 1.145 mg/m³ of CO a ppm, 1.962 and 1.880 µg/m³ of O3 and NO2 a ppb
        gases = [word(10 * air.get("co_mgm3", 0.46) / 1.145), word(air.get("o3_ugm3", 59.0) / 19.62)]
        gases.append(word(air.get("no2_ugm3", 37.6) / 18.80))
        body = struct.pack(">B4HB6Hxx", 0x86, *masses, co2, 1, temp, *climate, *gases)
        names = ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3", "co2_ppm", "voc_grade", "temp_c", "rh_pct",
                 "hcho_ugm3", "co_raw_ppm", "o3_raw_ppb", "no2_raw_ppb")  # fmt: skip
        told = [*masses, co2, 1, round((temp - 435) / 10, 1), *climate, gases[0] / 10, 10 * gases[1], 10 * gases[2]]
        frame = b"\xff" + body + bytes((_nine_sum(body),))
        return self._measured(self.t_s, frame, [dict(zip(names, map(float, told), strict=True))])


def _nine_sum(covered: bytes) -> int:
    return (0xFF - sum(covered) + 1) & 0xFF


def _nine(command: int, data: bytes) -> bytes:
    body = bytes((command,)) + data.ljust(6, b"\0")
    return b"\xff" + body + bytes((_nine_sum(body),))


def _summed(body: bytes) -> bytes:
    return body + bytes((-sum(body) & 0xFF,))
