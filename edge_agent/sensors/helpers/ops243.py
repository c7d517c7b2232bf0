"""OmniPreSense OPS24x: one line a report, JSON (`OJ`) or plain numbers (`Oj`), positive inbound (UM-003-A).

{"speed":13.2}    {"magnitude":1847,"speed":[-10.9,-12.3]}    {"unit":"mph","speed":"13.2"}    {"Units":"mph"}
13.2              1847,13.2 (magnitude first)                 12.034,1847,13.2 (time first)

With `OC` (AN-010) a vehicle is summed up when it has passed; the unit stands in the names:
{"classifier":"object_outbound","delta_time_msec":736,"max_speed_mps":13.39,"max_magnitude":55,"length_m":9.86, ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.sensors.decoding import Decoded, Row, Values
from edge_agent.sensors.fields import Number, decimal
from edge_agent.sensors.framing import BadFrame
from wire import strictjson

KMH = {"m_s": 3.6, "km_h": 1.0, "mph": 1.609344, "cm_s": 0.036, "ft_s": 1.09728}
_UNITS = {"mps": "m_s", "m/s": "m_s", "m-per-sec": "m_s", "kmph": "km_h", "km/h": "km_h", "mph": "mph", "cmps": "cm_s",
          "fps": "ft_s"}  # fmt: skip
_SPEED_KEYS = ("speed", "DetectedObjectVelocity")
_RANGE_KEYS = ("range", "DetectedObjectRange")
_REPORT_KEYS = (*_SPEED_KEYS, *_RANGE_KEYS, "magnitude", "time", "tick", "unit", "direction")
_SIGNS = {"inbound": 1, "outbound": -1}
_OBJECTS = {"object_inbound": 1, "object_outbound": -1}
_METRES = {"length_m": 1.0, "length_ft": 0.3048}
_LENGTH_M_MAX = 60


def decode(data: bytes, settings: Mapping[str, Any]) -> Decoded:
    """One line. Lines of other JSON objects are replies to configuration."""
    line = data.decode("ascii", "replace").strip()
    if line[:1] == "{":
        try:
            found = strictjson.loads(line.encode())
        except strictjson.NotStrict:
            return BadFrame(data, "bad_format")
        return _object(data, found, settings)
    return _plain(data, line, settings)


def _plain(data: bytes, line: str, settings: Mapping[str, Any]) -> Decoded:
    numbers = [decimal(cell.strip()) for cell in line.split(",")]
    if len(numbers) > 3 or None in numbers:
        return BadFrame(data, "bad_format")
    row: Row = {"speed_kmh": _kmh(numbers[-1] or 0, settings["unit"])}
    if len(numbers) > 1:
        row["magnitude"] = numbers[-2] or 0
    return _report(data, [row], {"time_s": numbers[0]} if len(numbers) == 3 else {})


def _object(data: bytes, found: dict[str, Any], settings: Mapping[str, Any]) -> Decoded:
    if any(_one_letter_wrong(key) for key in found):
        return BadFrame(data, "bad_field")
    if "classifier" in found:
        return _summary(data, found)
    key = next((key for key in _SPEED_KEYS if key in found), None)
    if key is None:
        return Values("reply", False, [], found)
    speeds = _numbers(found[key])
    magnitudes = _numbers(found.get("magnitude", []))
    ranges = _numbers(next((found[key] for key in _RANGE_KEYS if key in found), []))
    if speeds is None or magnitudes is None or ranges is None:
        return BadFrame(data, "bad_format")
    unit = _UNITS.get(str(found["unit"])) if "unit" in found else settings["unit"]
    sign = _SIGNS.get(str(found.get("direction", "inbound")))
    if unit is None or sign is None:  # a word that is none: the line is damaged
        return BadFrame(data, "bad_field")
    rows: list[Row] = []
    for index, speed in enumerate(speeds):
        row: Row = {"speed_kmh": _kmh(speed if speed < 0 else sign * speed, unit)}
        if index < len(magnitudes):
            row["magnitude"] = magnitudes[index]
        if index < len(ranges):
            row["range_m"] = ranges[index]
        rows.append(row)
    return _report(data, rows, _time(found))


def _summary(data: bytes, found: dict[str, Any]) -> Decoded:
    """A vehicle that has passed: its fastest speed and its length, which is left out where none could be told."""
    sign = _OBJECTS.get(str(found["classifier"]))
    speeds = [(unit, _numbers(found[key])) for name, unit in _UNITS.items() if (key := f"max_speed_{name}") in found]
    lengths = [(metres, _numbers(found[key])) for key, metres in _METRES.items() if key in found]
    if sign is None or len(speeds) != 1 or not speeds[0][1] or any(not number for _, number in lengths):
        return BadFrame(data, "bad_field")
    unit, (speed, *_) = speeds[0][0], speeds[0][1]
    row: Row = {"speed_kmh": sign * abs(_kmh(speed, unit))}
    for metres, number in lengths:
        length_m = round((number or [0])[0] * metres, 2)
        if not 0 <= length_m <= _LENGTH_M_MAX:
            return BadFrame(data, "bad_field")
        row |= {"length_m": length_m} if length_m else {}
    info: dict[str, Any] = {
        key: found[key] for key in ("delta_time_msec", "total_frames", "max_magnitude") if key in found
    }
    return _report(data, [row], info, "vehicle")


def _one_letter_wrong(key: str) -> bool:
    """True for `speee`, `spee` and `sspeed`: no firmware calls a value so, a bad line does."""
    return key not in _REPORT_KEYS and any(_one_change(key, right) for right in _REPORT_KEYS)


def _one_change(one: str, other: str) -> bool:
    """One letter is replaced, lost or added."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return other[at + 1 :] in (one[at + 1 :], one[at:]) or other[at:] == one[at + 1 :]


def _report(data: bytes, rows: list[Row], info: dict[str, Any], message: str = "report") -> Decoded:
    if any(abs(row["speed_kmh"]) > 400 for row in rows):  # beyond the radar's reach: the only check there is
        return BadFrame(data, "bad_field")
    return Values(message, True, rows, info)


def _time(found: dict[str, Any]) -> dict[str, Any]:
    """Seconds; old firmware tells them whole in `time` and the milliseconds in `tick`."""
    time = _numbers(found.get("time", []))
    tick = _numbers(found.get("tick", []))
    if not time:
        return {}
    return {"time_s": round(time[0] + (tick[0] / 1000 if tick else 0), 3)}


def _numbers(value: Any) -> list[Number] | None:
    """A number, a number as text, or a list of them; None for anything else."""
    items = value if isinstance(value, list) else [value]
    numbers: list[Number] = []
    for item in items:
        number = decimal(item) if isinstance(item, str) else item
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < 1e9:
            return None
        numbers.append(number)
    return numbers


def _kmh(speed: Number, unit: str) -> float:
    return round(speed * KMH[unit], 3)
