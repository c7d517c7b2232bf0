"""Gill WindSonic, from its user manual 1405-PS-0019: a line a second, or when it is asked by its letter."""

from __future__ import annotations

from firmware_stubs.stub import Line, Row, Stub, World

CALM_MS = 0.05
"""Below it a line of separated values has no direction (K50, page 53)."""


class WindSonic(Stub):
    """Polar, in m/s, values separated by commas (M2 or M4, U1, O1). A blocked path gives status 04 and no figures."""

    line = Line(9600)
    checksum_at = -4

    def __init__(self, weather: World | None = None, continuous: bool = True) -> None:
        super().__init__(weather)
        self.continuous, self._polling = continuous, False

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s if self.continuous else None
        self._polling = False

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        return self._wind(t_s)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        said = data[:1]
        if said in b"?!":
            self._polling = said == b"?"
        asked = said == b"Q" and self._polling and not self.continuous
        return 1, self._wind(self.t_s) if asked else b""

    def _wind(self, t_s: float) -> bytes:
        weather = self.world(t_s)
        speed, direction = weather.get("wind_speed_ms", 2.5), weather.get("wind_dir_deg", 180.0)
        row: Row = {}
        if speed != speed or direction != direction:
            cells = "Q,,,M,04,"
        else:
            speed_text, direction_text = f"{speed:06.2f}", f"{round(direction) % 360:03}"
            row = {"wind_speed_ms": float(speed_text)}
            if row["wind_speed_ms"] < CALM_MS:
                direction_text = ""
            else:
                row["wind_dir_deg"] = float(direction_text)
            cells = f"Q,{direction_text},{speed_text},M,00,"
        check = 0
        for byte in cells.encode():
            check ^= byte
        return self._measured(t_s, f"\x02{cells}\x03{check:02X}\r\n".encode(), [row])
