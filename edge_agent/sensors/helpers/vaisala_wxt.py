"""Vaisala WXT500 series, ASCII: `0R1,Dn=236D,Dm=283D,Sm=1.0M` (user's guide, "Data messages").

A value is a number and a letter for its unit; `#` in the letter's place says the value is invalid. Messages with a
lower-case r carry a CRC of three characters, which the framer has checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.fields import decimal
from edge_agent.sensors.framing import BadFrame

_INPUTS = "4"
"""The message of a WXT536's analogue inputs: `0R4,Tr=8.2C,Ra=0.0M,Sl=0.001262V,Rt=1032.0R,Sr=-0.566715V`."""
_SPEED = {"M": 1.0, "K": 1 / 3.6, "S": 0.44704, "N": 1852 / 3600}
_LENGTH = {"M": 1.0, "I": 25.4}
_HITS = {"M": 1.0, "I": 1 / 6.4516, "H": None}  # H: hits on the whole surface (WXT530 M211840EN-C p. 140), no density
_PRESSURE = {"H": 1.0, "P": 0.01, "B": 1000.0, "M": 1.333224, "I": 33.8639}
_TEMPERATURE = {"C": 1.0, "F": 1.0}
_VOLT = {"V": 1.0, "N": 1.0, "W": 1.0, "F": 1.0}  # letters behind the heating voltage tell its state
_SECONDS = {"s": 1.0, "S": 1.0}
_KEYS: dict[str, tuple[str, Mapping[str, float | None]]] = {
    "Dn": ("wind_dir_min_deg", {"D": 1.0}),
    "Dm": ("wind_dir_deg", {"D": 1.0}),
    "Dx": ("wind_dir_max_deg", {"D": 1.0}),
    "Sn": ("wind_speed_min_ms", _SPEED),
    "Sm": ("wind_speed_ms", _SPEED),
    "Sx": ("wind_speed_max_ms", _SPEED),
    "Ta": ("temp_c", _TEMPERATURE),
    "Tp": ("case_temp_c", _TEMPERATURE),
    "Ua": ("rh_pct", {"P": 1.0}),
    "Pa": ("press_hpa", _PRESSURE),
    "Rc": ("rain_mm", _LENGTH),
    "Rd": ("rain_duration_s", _SECONDS),
    "Ri": ("rain_rate_mmh", _LENGTH),
    "Rp": ("rain_peak_mmh", _LENGTH),
    "Hc": ("hail_hits_per_cm2", _HITS),
    "Hd": ("hail_duration_s", _SECONDS),
    "Hi": ("hail_rate_per_cm2h", _HITS),
    "Hp": ("hail_peak_per_cm2h", _HITS),
    "Th": ("heater_temp_c", _TEMPERATURE),
    "Vh": ("heater_v", _VOLT),
    "Vs": ("supply_v", _VOLT),
    "Vr": ("reference_v", _VOLT),
}


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:
    """A data message, or what the transmitter says of its settings and of wrong queries."""
    line = data.decode("ascii").strip()
    head, _, rest = line.partition(",")
    if head[1:2].islower():
        rest = rest[:-3]
    if line == str(settings["address"]):
        return Values("text", False, [], {"address": line})
    if head[1:2] in ("R", "r") and len(head) == 3 and head[2].isdecimal():
        return _values(data, head, rest)
    if head[1:2] in ("T", "t"):
        return Values("text", False, [], _complaint(rest))
    if len(head) == 3 and head[1] in "RSTWX" and head[2] == "U" and "=" in rest:
        return Values("settings", False, [], dict(part.split("=", 1) for part in rest.split(",") if "=" in part))
    return BadFrame(data, "bad_format")


def _values(data: bytes, head: str, rest: str) -> Decoded:
    row: Row = {}
    flags: tuple[str, ...] = ()
    info: dict[str, Any] = {"address": head[0], "message": f"R{head[2]}"}
    is_told = head[1:2].islower() or head[2] == _INPUTS  # by its CRC, or because no value of ours stands there
    for part in rest.split(","):
        key, _, text = part.partition("=")
        number, unit = decimal(text[:-1]), text[-1:]
        if key not in _KEYS:
            if key == "Id" or is_told:  # what hangs on a WXT530's analogue inputs, say: told, and not measured
                info[key] = text
                continue
            return BadFrame(data, "bad_format")
        name, units = _KEYS[key]
        if unit == "#":
            flags = ("invalid_value",)
            continue
        if number is None or unit not in units:
            return BadFrame(data, "bad_format")
        factor = units[unit]
        if factor is not None:
            is_fahrenheit = unit == "F" and units is _TEMPERATURE  # behind a heating voltage it says that it heats
            row[name] = round((number - 32) / 1.8, 2) if is_fahrenheit else _scaled(number, factor)
    return Values("data", True, [row] if row else [], info, flags)


def _scaled(number: float, factor: float) -> float:
    return number if factor == 1.0 else round(number * factor, 4)


def _complaint(text: str) -> dict[str, Any]:
    if text.startswith("Use chksum "):
        return {"error": "use_checksum", "expected_crc": text.removeprefix("Use chksum ")}
    return {"error": text.strip().lower().replace(" ", "_")}
