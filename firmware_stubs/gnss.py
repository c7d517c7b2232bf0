"""A GNSS receiver that speaks NMEA 0183: RMC and GGA once a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from firmware_stubs.stub import Line, Row, Stub, World

KMH_PER_KNOT = 1.852


class Gnss(Stub):
    """`world` gives `lat_deg`, `lon_deg`, `alt_m`; no fix for `cold_s`. `utc` is the time it tells."""

    line = Line(9600)
    checksum_at = -3

    def __init__(
        self, world: World | None = None, cold_s: float = 0.0, utc: Callable[[float], datetime] | None = None
    ) -> None:
        super().__init__(world)
        self.cold_s, self.utc, self._on_s = cold_s, utc or _this_machine, 0.0

    def _power_on(self, t_s: float) -> None:
        self._on_s = self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        world, now = self.world(t_s), self.utc(t_s)
        lat, lon = world.get("lat_deg", 39.9087), world.get("lon_deg", 116.4605)
        if t_s - self._on_s < self.cold_s or lat != lat:
            return self._measured(t_s, _sentence("GNGGA,,,,,,0,00,99.99,,,,,,"), [])
        place = f"{_angle(lat, 2)},{'N' if lat >= 0 else 'S'},{_angle(lon, 3)},{'E' if lon >= 0 else 'W'}"
        clock = f"{now:%H%M%S}.{now.microsecond // 10_000:02d}"
        where = {"lat_deg": _told(lat, 2), "lon_deg": _told(lon, 3)}
        rmc = _sentence(f"GNRMC,{clock},A,{place},0.046,,{now:%d%m%y},,,A,V")
        gga = _sentence(f"GNGGA,{clock},{place},1,08,1.16,{world.get('alt_m', 44.0):.1f},M,-9.3,M,,")
        height: Row = {"alt_m": round(world.get("alt_m", 44.0), 1), "geoid_m": -9.3, "satellites": 8, "hdop": 1.16}
        return self._measured(
            t_s, rmc, [where | {"ground_speed_kmh": round(0.046 * KMH_PER_KNOT, 4)}]
        ) + self._measured(t_s, gga, [where | height])


def _this_machine(t_s: float) -> datetime:  # noqa: ARG001
    return datetime.now(UTC)


def _angle(degrees: float, digits: int) -> str:
    whole, minutes = divmod(round(abs(degrees) * 60 * 100_000), 60 * 100_000)
    return f"{whole:0{digits}d}{minutes / 100_000:08.5f}"


def _told(degrees: float, digits: int) -> float:
    """The position as the sentence can express it."""
    text = _angle(degrees, digits)
    value = round(int(text[:digits]) + float(text[digits:]) / 60, 7)
    return value if degrees >= 0 else -value


def _sentence(text: str) -> bytes:
    check = 0
    for byte in text.encode():
        check ^= byte
    return f"${text}*{check:02X}\r\n".encode()
