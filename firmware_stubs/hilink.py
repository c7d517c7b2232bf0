"""Hi-Link LD2451, LD2450 (serial protocols V1.03) and LD2415H (product specification)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from firmware_stubs.stub import Line, Stub, Targets, word

CONFIG_HEAD, CONFIG_TAIL = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"


class Configured(Stub):
    """The configuration protocol: only between enable and end, and without reports meanwhile."""

    period_s = 0.1
    enabled_extra = b"\x01\x00\x00\x00"
    firmware = b"\x00\x00\x01\x01\x10\x15\x05\x24"

    def __init__(self, targets: Targets | None = None) -> None:
        super().__init__(targets=targets)
        self.configuring = False

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if not data.startswith(CONFIG_HEAD[: len(data)]):
            return 1, b""
        if len(data) < 6:
            return 0, b""
        size = 10 + int.from_bytes(data[4:6], "little")
        if size > 64:
            return 1, b""
        if len(data) < size:
            return 0, b""
        if data[size - 4 : size] != CONFIG_TAIL:
            return 1, b""
        return size, self._configure(data[6], data[8 : size - 4])

    def _configure(self, command: int, data: bytes) -> bytes:
        if command == 0xFF:
            self.configuring, self._due_s = True, None
            return _answer(command, 0, self.enabled_extra)
        if not self.configuring:
            return _answer(command, 1)
        if command == 0xFE:
            self.configuring, self._due_s = False, self.t_s + self.period_s
            return _answer(command, 0)
        if command == 0xA0:
            return _answer(command, 0, self.firmware)
        told = self._setting(command, data)
        return _answer(command, 1) if told is None else _answer(command, 0, told)

    def _setting(self, command: int, data: bytes) -> bytes | None:  # noqa: ARG002
        """Take a setting of this model: what is answered beside the status, None for an unknown command."""
        return b"" if command in (0xA1, 0xA2, 0xA3) else None

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + self.period_s
        return self._report(t_s)

    def _report(self, t_s: float) -> bytes:
        raise NotImplementedError


class Ld2451(Configured):
    """Five bytes a target; direction 01 for approaching, as the protocol's table has it and live units do."""

    line = Line(115200)
    checksum_at = None
    approaching = 1

    def __init__(self, targets: Targets | None = None) -> None:
        super().__init__(targets)
        self.detection, self.sensitivity = bytes((100, 2, 5, 2)), bytes((1, 4))

    def _setting(self, command: int, data: bytes) -> bytes | None:
        if command == 0x02 and len(data) == 4:
            self.detection = data
        elif command == 0x12:
            return self.detection
        elif command == 0x03 and len(data) == 4:
            self.sensitivity = data[:2]
        elif command == 0x13:
            return self.sensitivity + b"\0\0"
        else:
            return super()._setting(command, data)
        return b""

    def _report(self, t_s: float) -> bytes:
        reach_m, wanted, slowest_kmh, _ = self.detection
        body, rows = b"", []
        for target in self.targets(t_s):
            speed, inbound = min(round(abs(target["speed_kmh"])), 0xFF), target["speed_kmh"] > 0
            range_m, angle = round(target.get("range_m", 20.0)), round(target.get("angle_deg", 0.0))
            if speed < slowest_kmh or speed > 120 or range_m > reach_m or abs(angle) > 20 or wanted == (not inbound):
                continue
            snr = max(4, 60 - range_m // 2)
            direction = self.approaching if inbound else 1 - self.approaching
            body += bytes((angle + 0x80, range_m, direction, speed, snr))
            rows.append({"speed_kmh": speed if inbound else -speed, "range_m": range_m, "angle_deg": angle,
                         "magnitude": snr})  # fmt: skip
        content = bytes((len(rows), int(any(row["speed_kmh"] > 0 for row in rows)))) + body if rows else b""
        frame = b"\xf4\xf3\xf2\xf1" + len(content).to_bytes(2, "little") + content + b"\xf8\xf7\xf6\xf5"
        return self._measured(t_s, frame, [dict(row) for row in rows])


class Ld2450(Configured):
    """Three slots, ten a second; sign-magnitude numbers with bit 15 set for positive."""

    line = Line(256000)
    checksum_at = None
    enabled_extra = b"\x01\x00\x40\x00"
    firmware = b"\x00\x00\x02\x01\x16\x24\x06\x22"
    slots = 3

    def _setting(self, command: int, data: bytes) -> bytes | None:
        if command in (0x80, 0x90):
            self.slots = 1 if command == 0x80 else 3
            return b""
        if command == 0x91:
            return (1 if self.slots == 1 else 2).to_bytes(2, "little")
        if command == 0xA5:
            return bytes.fromhex("8F272EB80F65")
        if command in (0xA4, 0xC2):
            return b""
        return bytes(26) if command == 0xC1 else super()._setting(command, data)

    def _report(self, t_s: float) -> bytes:
        body, rows = b"", []
        near = [target for target in self.targets(t_s) if target.get("range_m", 3.0) <= 6.0][: self.slots]
        for target in near:
            range_m, angle = target.get("range_m", 3.0), math.radians(target.get("angle_deg", 0.0))
            x_mm, y_mm = round(1000 * range_m * math.sin(angle)), round(1000 * range_m * math.cos(angle))
            speed_cms = -round(target["speed_kmh"] / 0.036)
            body += struct.pack("<4H", _sign_magnitude(x_mm), _sign_magnitude(y_mm), _sign_magnitude(speed_cms), 360)
            rows.append({"speed_kmh": round(-speed_cms * 0.036, 3), "x_m": x_mm / 1000, "y_m": y_mm / 1000,
                         "range_m": round(math.hypot(x_mm, y_mm) / 1000, 3),
                         "angle_deg": round(math.degrees(math.atan2(x_mm, y_mm)), 1)})  # fmt: skip
        return self._measured(t_s, b"\xaa\xff\x03\x00" + body.ljust(24, b"\0") + b"\x55\xcc", rows)


class Ld2415h(Stub):
    """`V+ddd.d` eleven times a second while something moves, silence otherwise."""

    line = Line(9600)
    checksum_at = None

    def __init__(self, targets: Targets | None = None) -> None:
        super().__init__(targets=targets)
        self.settings = [1, 0, 5, 0, 1, 0, 0, 0, 0, 1]

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x43 or (len(data) > 1 and data[1] != 0x46):
            return 1, b""
        if len(data) < 8 or (data[2] == 7 and len(data) < 13):
            return 0, b""
        if data[2] == 7:
            names = [*range(1, 10), 0]
            told = " ".join(f"X{name}:{value:02d}" for name, value in zip(names, self.settings, strict=True))
            return 13, b"\xff\xff\r\nNo.:20230801E v5.0\r\n" + told.encode() + b"\r\n"
        if data[2] in (1, 2):
            first = 0 if data[2] == 1 else 3
            self.settings[first : first + 3] = data[3:6]
        return 8, b""

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 0.045 * (1 + self.settings[4])
        seen = [target for target in self.targets(t_s) if abs(target["speed_kmh"]) >= self.settings[0]]
        if not seen:
            return b""
        scale: Callable[[float], float] = lambda kmh: kmh * (1.0, 1 / 1.609344, 1 / 3.6)[self.settings[5]]  # noqa: E731
        speed = round(scale(seen[0]["speed_kmh"]), 1)
        frame = f"V{'-' if speed < 0 else '+'}{abs(speed):05.1f}\r\n".encode()
        return self._measured(t_s, frame, [{"speed_kmh": round(speed / scale(1.0), 3)}])


def _answer(command: int, status: int, data: bytes = b"") -> bytes:
    content = bytes((command, 1)) + status.to_bytes(2, "little") + data
    return CONFIG_HEAD + len(content).to_bytes(2, "little") + content + CONFIG_TAIL


def _sign_magnitude(value: int) -> int:
    return word(abs(value)) | (0x8000 if value >= 0 else 0)
