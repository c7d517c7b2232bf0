"""Hi-Link HLK-LD2415H speed radar: lines `V+001.9` CR LF, + approaching, and its answers to settings.

V-012.3     No.:20230801E v5.0     X1:01 X2:00 X3:05 ... X0:01
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Values
from edge_agent.sensors.framing import BadFrame

_SETTINGS = {
    "X1": "min_speed_km_h", "X2": "angle_deg", "X3": "sensitivity", "X4": "direction_filter", "X5": "rate_divider",
    "X6": "unit", "X7": "vibration", "X8": "relay_hold_s", "X9": "relay_min_speed_km_h", "X0": "protocol_mode",
}  # fmt: skip


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """One line of settings."""
    line = data.decode("ascii").strip()
    if line.startswith("No.:"):
        return Values("read_parameters", False, [], {"firmware": line[4:].strip()})
    pairs = [part.split(":") for part in line.split()]
    if not all(len(pair) == 2 and pair[0] in _SETTINGS and pair[1].isdecimal() for pair in pairs):
        return BadFrame(data, "bad_format")
    return Values("read_parameters", False, [], {_SETTINGS[key]: int(value) for key, value in pairs})
