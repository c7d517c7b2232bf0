"""SenML units: secondary units to primary ones (RFC 8798 Table 3; primaries RFC 8428 section 12.1).

A strict pack (version 10) may only say primary units in `u`: kg/m3 and m/s, not ug/m3 and km/h. There is no unit for
ppb, mg/m3 or veh/h in RFC 8798.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from measures.rounding import Number, exact

_PRIMARY: Final = """
    m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat
    m2 m3 l m/s m/s2 m3/s l/s W/m2 cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL
    1/s 1/min beat/min beats S/m B VA VAs var vars J/m kg/m3 deg
"""
PRIMARY: Final = frozenset(_PRIMARY.split())
_SECONDARY: Final = {
    "ms": ("s", "1/1000"),
    "min": ("s", "60"),
    "h": ("s", "3600"),
    "MHz": ("Hz", "1000000"),
    "kW": ("W", "1000"),
    "kVA": ("VA", "1000"),
    "kvar": ("var", "1000"),
    "Ah": ("C", "3600"),
    "Wh": ("J", "3600"),
    "kWh": ("J", "3600000"),
    "varh": ("vars", "3600"),
    "kvarh": ("vars", "3600000"),
    "kVAh": ("VAs", "3600000"),
    "Wh/km": ("J/m", "18/5"),
    "KiB": ("B", "1024"),
    "GB": ("B", "1000000000"),
    "Mbit/s": ("bit/s", "1000000"),
    "B/s": ("bit/s", "8"),
    "MB/s": ("bit/s", "8000000"),
    "mV": ("V", "1/1000"),
    "mA": ("A", "1/1000"),
    "dBm": ("dBW", "1"),
    "ug/m3": ("kg/m3", "1/1000000000"),
    "mm/h": ("m/s", "1/3600000"),
    "m/h": ("m/s", "1/3600"),
    "ppm": ("/", "1/1000000"),
    "/100": ("/", "1/100"),
    "/1000": ("/", "1/1000"),
    "hPa": ("Pa", "100"),
    "mm": ("m", "1/1000"),
    "cm": ("m", "1/100"),
    "km": ("m", "1000"),
    "km/h": ("m/s", "5/18"),
}
_OFFSET: Final = {"dBm": -30}


def to_primary(value: Number, unit: str) -> tuple[float, str]:
    """A value and its unit in primary units (RFC 8798 Table 3: times scale, plus offset); a primary one passes as is.

    Raises ValueError for a unit that SenML does not have.
    """
    if unit in PRIMARY:
        return float(exact(value)), unit
    if unit not in _SECONDARY:
        raise ValueError(f"SenML has no unit {unit!r} (RFC 8428, RFC 8798)")
    primary, scale = _SECONDARY[unit]
    return float(exact(value) * Fraction(scale) + _OFFSET.get(unit, 0)), primary
