"""Hikvision CSR-I and DS-TD10N speed radars (and the LD2415H in mode 2): km/h in one of three formats.

ASCII      +125 closing, -090 going away, *050 unknown; *000 no target
two bytes  F9 closing, F8 away, F7 unknown, then the speed
one byte   the speed alone, so that a lost byte is invisible
settings   FA 3x p1 p2 FB; FE FD FD FE at power-on
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Values
from edge_agent.sensors.framing import BadFrame

_SIGNS = {ord("+"): 1, ord("-"): -1, ord("*"): 0, 0xF9: 1, 0xF8: -1, 0xF7: 0}
_SPEED_KMH_MAX = 240  # of what the radars measure, and below the bytes that tell a direction


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """A speed, a banner or an answer to a setting."""
    if data == b"\xfe\xfd\xfd\xfe":
        return Values("banner", False, [], {"banner": "power_on"})
    if data[0] == 0xFA:
        return Values("setting", False, [], {"setting": data[1:2].hex(), "text": data[2:4].decode("ascii", "replace")})
    if len(data) == 1:
        return _speed(data, 0, data[0])
    return _speed(data, _SIGNS[data[0]], int(data[1:]) if len(data) == 4 else data[1])


def _speed(data: bytes, sign: int, speed_kmh: int) -> Decoded:
    if speed_kmh == 0:
        return Values("speed", True, [], {"speed_kmh": 0, "direction": "unknown"}, ("no_target",))
    if speed_kmh > _SPEED_KMH_MAX:
        return BadFrame(data, "bad_field")
    if sign == 0:  # no direction: a speed without sign is another quantity
        return Values("speed", True, [{"speed_abs_kmh": speed_kmh}], {"direction": "unknown"})
    return Values("speed", True, [{"speed_kmh": sign * speed_kmh}], {})
