"""Hi-Link HLK-LD2451 vehicle radar: reports of up to a handful of targets (serial protocol V1.03, 2.3).

    F4 F3 F2 F1 | length LE | count alarm | angle+80h distance direction speed snr | ... | F8 F7 F6 F5

No checksum: length, count, tail and ranges are the only protection. The protocol's table says direction 1 is
approaching, its example says 0; the option `approaching` decides, with the table as default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.framing import BadFrame

_TARGET_BYTES = 5
_RANGE_M_MAX, _SPEED_KMH_MAX, _ANGLE_DEG_MAX = 150, 200, 90


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:
    """Targets with speed positive inbound; none for an empty report."""
    content = data[6:-4]
    if not content:  # real units say nothing at all when there is nothing
        return Values("report", True, [], {"alarm": 0})
    count, alarm = content[0], content[1] if len(content) > 1 else 0
    if len(content) != 2 + _TARGET_BYTES * count:
        return BadFrame(data, "bad_count")
    rows: list[Row] = []
    told = []
    for at in range(2, len(content), _TARGET_BYTES):
        angle, range_m, direction, speed, snr = content[at : at + _TARGET_BYTES]
        angle -= 0x80
        if direction > 1 or abs(angle) > _ANGLE_DEG_MAX or range_m > _RANGE_M_MAX or speed > _SPEED_KMH_MAX:
            return BadFrame(data, "bad_field")
        signed = speed if direction == settings["approaching"] else -speed
        rows.append({"speed_kmh": signed, "range_m": range_m, "angle_deg": angle, "magnitude": snr})
        told.append({"direction_byte": direction, "speed_km_h": speed})
    return Values("report", True, rows, {"alarm": alarm, "targets": told})
