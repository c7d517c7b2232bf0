"""Cubic CM1106 and PM1006, from their specifications."""

from __future__ import annotations

import struct

from firmware_stubs.stub import Line, Stub, World, word

BAD_CHECKSUM, UNKNOWN = 1, 2


class Cubic(Stub):
    """11 length command data sum, answered by 16; errors by 06 02."""

    line = Line(9600)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x11:
            return 1, b""
        if len(data) < 2 or len(data) < data[1] + 3:
            return 0, b""
        frame = data[: data[1] + 3]
        if sum(frame) & 0xFF:
            return len(frame), _sealed(bytes((0x06, 2, frame[2], BAD_CHECKSUM)))
        answer = self._answer(frame[2], frame[3:-1])
        return len(frame), answer or _sealed(bytes((0x06, 2, frame[2], UNKNOWN)))

    def _answer(self, command: int, data: bytes) -> bytes:
        raise NotImplementedError


class Cm1106(Cubic):
    """Carbon dioxide; 550 ppm fixed for `preheat_s`."""

    def __init__(self, air: World | None = None, preheat_s: float = 0.0) -> None:
        super().__init__(air)
        self.preheat_s, self.abc, self._on_s = preheat_s, (0, 7, 400), 0.0

    def _power_on(self, t_s: float) -> None:
        self._on_s = t_s

    def _answer(self, command: int, data: bytes) -> bytes:
        if command == 0x01:
            warm = self.t_s - self._on_s >= self.preheat_s
            ppm = word(self.world(self.t_s).get("co2_ppm", 420.0)) if warm else 550
            frame = _sealed(struct.pack(">3BHH", 0x16, 5, 1, ppm, 0))
            return self._measured(self.t_s, frame, [{"co2_ppm": ppm}])
        if command == 0x03:
            return _sealed(b"\x16\x01\x03")
        if command == 0x0F:
            return _sealed(struct.pack(">6BHB", 0x16, 7, 0x0F, 100, self.abc[0], self.abc[1], self.abc[2], 100))
        if command == 0x10 and len(data) == 6:
            self.abc = (data[1], data[2], int.from_bytes(data[3:5], "big"))
            return _sealed(b"\x16\x01\x10")
        if command == 0x1E:
            return _sealed(b"\x16\x0c\x1eV0.04SL-N2\0")
        if command == 0x1F:
            return _sealed(b"\x16\x0b\x1f" + struct.pack(">5H", 0, 529, 908, 2771, 8))
        return b""


class Pm1003(Cubic):
    """Dust; sixteen bytes of which only a few are understood."""

    def _answer(self, command: int, data: bytes) -> bytes:
        if command != 0x0B or data != b"\x01":
            return b""
        dust = word(self.world(self.t_s).get("pm25_ugm3", 12.0))
        frame = _sealed(b"\x16\x11\x0b" + struct.pack(">8H", 0, 0x03E8, 0, 0x0B00 + dust % 200, 0, 0x03E8, 0, 0x0062))
        return self._measured(self.t_s, frame, [])


def _sealed(body: bytes) -> bytes:
    return body + bytes(((256 - sum(body) % 256) % 256,))
