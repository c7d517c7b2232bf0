"""NMEA 0183 from any GNSS receiver: GGA for position, RMC for position, speed and time; other sentences pass by.

A receiver fills in position and speed also when it knows neither: nothing of a GGA with quality 0 or an RMC that says
V becomes a value, no more of what a simulator tells, and no date is believed before a fix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.fields import Number, decimal
from edge_agent.sensors.framing import BadFrame

KMH_PER_KNOT = 1.852
_BARE_POINT = re.compile(r"^([+-]?)\.(?=\d)")
"""Some receivers write .9 for 0.9, others 48. for 48.0."""
_RECEIVERS = ("GA", "GB", "GI", "GL", "GN", "GP", "GQ", "BD", "QZ", "P")
"""How a sentence of a receiver begins: the talkers of NMEA 0183 for each of the systems, and makers' own."""
_NO_POSITION = (None, 0, 8)  # GGA's quality: empty, no fix, simulator


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """One sentence whose checksum is right."""
    cells = data.decode("ascii").strip()[1:-3].split(",")
    address = cells[0]
    standard = len(address) == 5 and address[0] != "P"  # $PGRMC is Garmin's own and no RMC
    try:
        if standard and address[2:] == "GGA" and len(cells) >= 12:
            return _gga(_head(address, cells), cells)
        if standard and address[2:] == "RMC" and len(cells) >= 10:
            return _rmc(_head(address, cells), cells)
    except ValueError:
        return BadFrame(data, "bad_field")
    if not address.startswith(_RECEIVERS):  # an anemometer says $WIMWV, and is no receiver
        return Values("unknown", False, [], {})
    return Values("other_sentence", False, [], {"talker": address[:-3], "sentence": address[-3:]})


def _head(address: str, cells: list[str]) -> dict[str, Any]:
    return {"talker": address[:-3], "sentence": address[-3:], "time_utc": cells[1] or None}


def _gga(info: dict[str, Any], cells: list[str]) -> Decoded:
    quality = _number(cells[6])
    info |= {
        "latitude_deg": _degrees(cells[2], cells[3], "S"),
        "longitude_deg": _degrees(cells[4], cells[5], "W"),
        "fix_quality": quality,
        "satellites": _number(cells[7]),
        "hdop": _number(cells[8]),
        "altitude_m": _number(cells[9]),
        "geoid_separation_m": _number(cells[11]),
    }
    if quality in _NO_POSITION or info["latitude_deg"] is None or info["longitude_deg"] is None:
        return Values("sentence", True, [], info, ("no_fix",))
    row = {
        "lat_deg": info["latitude_deg"],
        "lon_deg": info["longitude_deg"],
        "alt_m": info["altitude_m"],
        "geoid_m": info["geoid_separation_m"],
        "satellites": info["satellites"],
        "hdop": info["hdop"],
    }
    return Values("sentence", True, [_known(row)], info)


def _rmc(info: dict[str, Any], cells: list[str]) -> Decoded:
    knots = _number(cells[7])
    info |= {
        "valid": cells[2] == "A",
        "latitude_deg": _degrees(cells[3], cells[4], "S"),
        "longitude_deg": _degrees(cells[5], cells[6], "W"),
        "speed_knots": knots,
        "course_deg": _number(cells[8]),
        "date_ddmmyy": cells[9] or None,
    }
    simulated = len(cells) > 12 and cells[12] == "S"
    if not info["valid"] or simulated or info["latitude_deg"] is None or info["longitude_deg"] is None:
        return Values("sentence", True, [], info, ("no_fix",))
    info["utc_ms"] = _utc_ms(cells[9], cells[1])
    row = {
        "lat_deg": info["latitude_deg"],
        "lon_deg": info["longitude_deg"],
        "ground_speed_kmh": round(knots * KMH_PER_KNOT, 4) if knots is not None else None,
        "course_deg": info["course_deg"],
    }
    return Values("sentence", True, [_known(row)], info)


def _known(row: Mapping[str, Number | None]) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _number(text: str) -> Number | None:
    """A number, or None for an empty cell. Raises ValueError for anything else."""
    if not text:
        return None
    value = decimal(_BARE_POINT.sub(r"\g<1>0.", text).removesuffix("."))
    if value is None:
        raise ValueError(text)
    return value


def _degrees(text: str, hemisphere: str, negative: str) -> float | None:
    """ddmm.mmmm as degrees."""
    value = _number(text)
    if value is None:
        return None
    if value < 0 or hemisphere not in ("N", "S", "E", "W"):
        raise ValueError(text)
    degrees = value // 100 + value % 100 / 60
    if degrees > (90 if negative == "S" else 180):
        raise ValueError(text)
    return round(-degrees if hemisphere == negative else degrees, 7)


def _utc_ms(date: str, time: str) -> int | None:
    """UTC milliseconds; a year from 80 on belongs to the last century."""
    if len(date) != 6 or len(time) < 6 or not date.isdecimal():
        return None
    seconds = float(_number(time[4:]) or 0)
    year = int(date[4:]) + (1900 if int(date[4:]) >= 80 else 2000)
    moment = datetime(year, int(date[2:4]), int(date[:2]), int(time[:2]), int(time[2:4]), tzinfo=UTC)
    return round(moment.timestamp() * 1000 + seconds * 1000)
