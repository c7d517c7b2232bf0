"""Honeywell HPMA115S0 and HPMA115C0, from datasheet 32322552-B-EN and the C0 data sheet."""

from __future__ import annotations

import struct

from firmware_stubs.stub import Line, Row, Stub, World, word

ACK, NACK = b"\xa5\xa5", b"\x96\x96"


class HpmaS0(Stub):
    """68 in, 40 out; measures and sends 32 bytes a second by itself after power-up."""

    line = Line(9600)

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.measuring = self.auto = True
        self.coefficient = 100

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x68:
            return 1, b""
        if len(data) < 2 or len(data) < data[1] + 3:
            return 0, b""
        frame = data[: data[1] + 3]
        if sum(frame) & 0xFF:
            return 1, b""
        return len(frame), self._answer(frame[2], frame[3:-1])

    def _answer(self, command: int, data: bytes) -> bytes:
        if command in (0x01, 0x02):
            self.measuring = command == 0x01
        elif command == 0x04:
            return self._reading(self.t_s) if self.measuring else NACK
        elif command == 0x08 and len(data) == 1 and 30 <= data[0] <= 200:
            self.coefficient = data[0]
        elif command == 0x10:
            return _zeroed(bytes((0x40, 2, 0x10, self.coefficient)))
        elif command in (0x20, 0x40):
            self.auto = command == 0x40
        else:
            return NACK
        self._due_s = self.t_s + 1 if self.measuring and self.auto else None
        return ACK

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        words, row = self._auto_words(self.world(t_s))
        body = b"BM" + struct.pack(">H13H", 28, *words, *[0] * (13 - len(words)))
        return self._measured(t_s, body + (sum(body) & 0xFFFF).to_bytes(2, "big"), [row])

    def _reading(self, t_s: float) -> bytes:
        words, row = self._poll_words(self.world(t_s))
        body = struct.pack(f">3B{len(words)}H", 0x40, 1 + 2 * len(words), 0x04, *words)
        return self._measured(t_s, _zeroed(body), [row])

    def _poll_words(self, air: dict[str, float]) -> tuple[list[int], Row]:
        pm25 = word(air.get("pm25_ugm3", 12.0))
        pm10 = word(air.get("pm10_ugm3", pm25 * 1.3))
        return [pm25, pm10], {"pm25_raw_ugm3": pm25, "pm10_raw_ugm3": pm10}

    def _auto_words(self, air: dict[str, float]) -> tuple[list[int], Row]:
        words, row = self._poll_words(air)
        return [0, *words], row


class HpmaC0(HpmaS0):
    """Four sizes, and a longer answer."""

    def _poll_words(self, air: dict[str, float]) -> tuple[list[int], Row]:
        words, row = self._auto_words(air)
        return [*words, 0, 0], row

    def _auto_words(self, air: dict[str, float]) -> tuple[list[int], Row]:
        pm25 = air.get("pm25_ugm3", 12.0)
        pm10 = air.get("pm10_ugm3", pm25 * 1.3)
        masses = [word(mass) for mass in (air.get("pm1_ugm3", pm25 * 0.7), pm25, (pm25 + pm10) / 2, pm10)]
        names = ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm4_raw_ugm3", "pm10_raw_ugm3")
        return masses, dict(zip(names, map(float, masses), strict=True))


def _zeroed(body: bytes) -> bytes:
    return body + bytes((-sum(body) & 0xFF,))
