"""Modbus replies that no message of the profile claims: registers as they are, exceptions, echoes of writes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Values

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal register",
    3: "illegal value",
    4: "device failure",
    5: "wait",
    6: "busy",
}
"""Modbus application protocol V1.1b3, 7."""


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:  # noqa: ARG001
    """One frame whose CRC is right. Two registers are also shown as the float they may be."""
    info: dict[str, Any] = {"modbus_address": data[0], "function": data[1] & 0x7F}
    if data[1] & 0x80:
        info |= {"modbus_exception": data[2], "says": _EXCEPTIONS.get(data[2], "unknown")}
        return Values("exception", False, [], info, ("modbus_exception",))
    if data[1] in (0x03, 0x04) and data[2] == len(data) - 5 and data[2] % 2 == 0:
        words = data[3:-2]
        info["registers"] = list(struct.unpack(f">{len(words) // 2}H", words))
        if len(words) == 4:
            info["float_be"] = struct.unpack(">f", words)[0]
    else:  # a write that is echoed, or our own request heard again
        info["register"], info["value"] = struct.unpack(">HH", data[2:6])
    return Values("modbus", False, [], info)
