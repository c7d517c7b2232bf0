"""Panasonic SN-GCJA5, from its product specification and the layout that esphome reads: 02, 29 bytes, xor, 03."""

from __future__ import annotations

from firmware_stubs.stub import Line, Stub, World, word


class SnGcja5(Stub):
    """One frame a second; masses in thousandths of µg/m³ as 32 bits, low byte first. Hears nothing."""

    line = Line(9600, "even")
    checksum_at = -2

    def __init__(self, air: World | None = None) -> None:
        super().__init__(air)
        self.status = 0

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1.0
        air = self.world(t_s)
        pm25 = air.get("pm25_ugm3", 9.0)
        masses = [air.get("pm1_ugm3", 0.7 * pm25), pm25, air.get("pm10_ugm3", 1.4 * pm25)]
        thousandths = [max(0, min(round(1000 * mass), 2_000_000)) for mass in masses]
        counts = [word(pm25 * share) for share in (40, 20, 8)], [word(pm25 * share) for share in (2, 1, 0.5)]
        body = b"".join(value.to_bytes(4, "little") for value in thousandths)
        body += b"".join(value.to_bytes(2, "little") for value in (*counts[0], 0, *counts[1], 0))
        body += bytes((self.status,))
        check = 0
        for byte in body:
            check ^= byte
        frame = b"\x02" + body + bytes((check, 0x03))
        names = ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3")
        return self._measured(t_s, frame, [{n: v / 1000 for n, v in zip(names, thousandths, strict=True)}])
