"""Hi-Link configuration replies: FD FC FB FA | length LE | command, 01 | status LE | data | 04 03 02 01."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Values

_NAMES = {
    0x02: "set_detection", 0x12: "read_detection", 0x03: "set_sensitivity", 0x13: "read_sensitivity",
    0x80: "single_target", 0x90: "multi_target", 0x91: "read_tracking_mode", 0xA0: "read_firmware", 0xA1: "set_baud",
    0xA2: "factory_reset", 0xA3: "restart", 0xA4: "set_bluetooth", 0xA5: "read_mac", 0xC1: "read_zone_filter",
    0xC2: "set_zone_filter", 0xFF: "enable_config", 0xFE: "end_config",
}  # fmt: skip
_BYTES = {
    "read_detection": ("max_distance_m", "direction_filter", "min_speed_km_h", "no_target_delay_s"),
    "read_sensitivity": ("trigger_count", "snr_level"),
}


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """What was answered to which command; an echo of the command itself has no 01 behind it."""
    name = _NAMES.get(data[6], "unknown")
    content = data[8:-4]
    if data[7] != 1 or len(content) < 2:
        return Values("echo", False, [], {"command": name})
    info: dict[str, Any] = {"reply_to": name, "success": _word(content, 0) == 0}
    told = content[2:]
    if name == "enable_config" and len(told) >= 4:
        info |= {"protocol_version": _word(told, 0), "buffer_size": _word(told, 2)}
    elif name == "read_tracking_mode" and len(told) >= 2:
        info["tracking_mode"] = _word(told, 0)
    elif name == "read_mac" and len(told) >= 6:
        info["mac"] = told[:6].hex(":").upper()
    elif name == "read_firmware" and len(told) >= 8:
        info["firmware"] = f"V{told[3]:x}.{told[2]:02x}.{told[7:3:-1].hex()}"
    elif name == "read_zone_filter" and len(told) >= 2:
        info["zone_type"] = _word(told, 0)
    else:
        info |= dict(zip(_BYTES.get(name, ()), told, strict=False))
    return Values("config_reply", False, [], info)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")
