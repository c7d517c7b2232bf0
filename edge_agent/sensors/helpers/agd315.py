"""AGD 315 ranging traffic radar: one line a detection.

0001917903,R,A,22: #T0:A,29,11,11.7,70.3 CR
frame, mode, direction, mounting angle: target: direction, range bin of 2 m, doppler bin, speed, power
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.fields import decimal
from edge_agent.sensors.framing import BadFrame

_KMH = {"mph": 1.609344, "km_h": 1.0}
_BIN_M = 2
_SPEED_KMH_MAX = 400
_DIRECTIONS = {"A": 1, "R": -1}


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:
    """Targets with speed positive when advancing."""
    head, *targets = data.decode("ascii").strip().split("#T")
    cells = head.strip().removesuffix(":").split(",")
    known = len(cells) == 4 and head.strip().endswith(":") and cells[0].isdecimal() and decimal(cells[3]) is not None
    if not known or not targets:
        return BadFrame(data, "bad_format")
    info: dict[str, Any] = {
        "frame_number": int(cells[0]),
        "mode": cells[1],
        "detection_direction": cells[2],
        "mount_angle_deg": decimal(cells[3]),
    }
    rows: list[Row] = []
    told = []
    for target in targets:
        index, _, rest = target.strip().removesuffix(";").partition(":")
        parts = rest.split(",")
        numbers = [decimal(part) for part in parts[1:]]
        if len(parts) != 5 or parts[0] not in _DIRECTIONS or None in numbers or not index.isdecimal():
            return BadFrame(data, "bad_format")
        range_bin, doppler_bin, speed, power = (number or 0 for number in numbers)
        speed_kmh = round(abs(speed) * _KMH[settings["unit"]], 3)
        if speed_kmh > _SPEED_KMH_MAX:
            return BadFrame(data, "bad_field")
        rows.append({"speed_kmh": _DIRECTIONS[parts[0]] * speed_kmh, "range_m": range_bin * _BIN_M, "magnitude": power})
        told.append({"target_index": int(index), "doppler_bin": doppler_bin})
    return Values("detection", True, rows, {**info, **told[0], "targets": told})
