"""Hikvision CSR-I, MPH Python and AGD 315, from their manuals: the traffic radars with the simplest of lines."""

from __future__ import annotations

from firmware_stubs.stub import Line, Row, Stub, Targets

KMH_PER_MPH = 1.609344


class Radar(Stub):
    """Sends a report every `period_s` for what is before it."""

    period_s = 0.25

    def __init__(self, targets: Targets | None = None) -> None:
        super().__init__(targets=targets)

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + self.period_s
        return self._report(t_s, self.targets(t_s))

    def _report(self, t_s: float, targets: list[dict[str, float]]) -> bytes:
        raise NotImplementedError


class Csr(Radar):
    """Four ASCII bytes without an end: `+ddd` closing, `-ddd` going away; the banner FE FD FD FE at power-on."""

    line = Line(9600)
    checksum_at = None

    def __init__(self, targets: Targets | None = None, two_bytes: bool = False) -> None:
        super().__init__(targets)
        self.two_bytes, self._banner = two_bytes, True

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] == 0xF7:
            return 1, self._report(self.t_s, self.targets(self.t_s))
        if data[0] != 0xFA:
            return 1, b""
        if len(data) < 5:
            return 0, b""
        return 5, data[:5] if data[4] == 0xFB else b""

    def _report(self, t_s: float, targets: list[dict[str, float]]) -> bytes:
        banner, self._banner = (b"\xfe\xfd\xfd\xfe" if self._banner else b""), False
        seen = [target for target in targets if 5 <= abs(target["speed_kmh"]) <= 240]
        if not seen:
            return banner
        speed = round(seen[0]["speed_kmh"])
        frame = bytes((0xF9 if speed > 0 else 0xF8, abs(speed))) if self.two_bytes else f"{speed:+04d}".encode()
        return banner + self._measured(t_s, frame, [{"speed_kmh": speed}])


class Mph(Radar):
    """02, five bytes, 03 every 250 ms; speeds in whole mph, and below 4 there is none."""

    line = Line(1200)
    checksum_at = None

    def _report(self, t_s: float, targets: list[dict[str, float]]) -> bytes:
        mph = round(abs(targets[0]["speed_kmh"]) / KMH_PER_MPH) if targets else 0
        rows: list[Row] = [{"speed_abs_kmh": round(mph * KMH_PER_MPH, 3)}] if mph > 3 else []
        return self._measured(t_s, bytes((0x02, 0x14, 0, min(mph, 255), 0, 0, 0x03)), rows)


class Agd315(Radar):
    """One line a detection, ended by CR; range in bins of two metres, speed in mph unless set otherwise."""

    line = Line(115200)
    checksum_at = None
    frame_number = 1_917_900

    def _report(self, t_s: float, targets: list[dict[str, float]]) -> bytes:
        self.frame_number += 3
        if not targets:
            return b""
        target = targets[0]
        speed, bins = round(abs(target["speed_kmh"]) / KMH_PER_MPH, 1), round(target.get("range_m", 40.0) / 2)
        direction, power = "A" if target["speed_kmh"] > 0 else "R", 70.3
        line = f"{self.frame_number:010d},R,A,22: #T0:{direction},{bins},{round(speed)},{speed:.1f},{power:.1f}\r"
        signed = round(speed * KMH_PER_MPH, 3) * (1 if direction == "A" else -1)
        return self._measured(t_s, line.encode(), [{"speed_kmh": signed, "range_m": bins * 2, "magnitude": power}])
