"""Hi-Link HLK-LD2450 and Ai-Thinker RD-03D: three slots of position and speed, ten times a second.

    AA FF 03 00 | x mm, y mm, speed cm/s, resolution mm | same | same | 55 CC

x, y and speed are sign-magnitude with bit 15 set for positive (protocol V1.03, table 13): two's complement, which some
parsers use, is wrong. An empty slot is eight zero bytes. Negative speed is approaching.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.framing import BadFrame

_SLOT = struct.Struct("<4H")
_REACH_MM = 10_000  # the range is 6 m; far beyond it the bytes are damaged


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """Targets with speed positive inbound; none when all slots are empty."""
    rows: list[Row] = []
    told = []
    for raw in _SLOT.iter_unpack(data[4:28]):
        if not any(raw):
            continue
        x_mm, y_mm, speed_cms = map(_signed, raw[:3])
        # a target always stands somewhere and tells its resolution: anything less is a damaged empty slot
        if abs(x_mm) > _REACH_MM or not 0 < y_mm <= _REACH_MM or raw[3] == 0:
            return BadFrame(data, "bad_field")
        rows.append(
            {
                "speed_kmh": round(-speed_cms * 0.036, 3),
                "range_m": round(math.hypot(x_mm, y_mm) / 1000, 3),
                "angle_deg": round(math.degrees(math.atan2(x_mm, y_mm)), 1),
                "x_m": x_mm / 1000,
                "y_m": y_mm / 1000,
            }
        )
        told.append({"speed_cm_s": speed_cms, "distance_resolution_mm": raw[3]})
    return Values("report", True, rows, {"targets": told})


def _signed(raw: int) -> int:
    return raw & 0x7FFF if raw & 0x8000 else -raw
