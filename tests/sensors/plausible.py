"""Lines without a checksum: which damaged frames still look like frames of the manual, so that nobody can tell.

Written from the manuals' formats and not from the profiles. A damaged frame that is plausible cannot be counted by any
receiver; every other one must be. Formats with a checksum are not here: of one flipped bit it misses nothing.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable

REPORT_KEYS = ("speed", "magnitude", "range", "time", "tick", "unit", "direction",
               "DetectedObjectVelocity", "DetectedObjectRange")  # fmt: skip
UNITS = ("mps", "m/s", "m-per-sec", "kmph", "km/h", "mph", "cmps", "fps")
OPS_KMH_MAX, LD2415H_KMH_MAX, CSR_KMH_MAX, AGD_KMH_MAX = 400, 300, 240, 400


def plausible(model: str, arrives: bytes) -> bool:
    """True when a whole frame of the model's format is what arrives."""
    return model in FORMATS and FORMATS[model](arrives)


def as_good(model: str, frame: bytes, arrives: bytes) -> bool:
    """True when the damage changes nothing: NMEA's checksum may be written in small letters."""
    return model in HEX_CHECKSUM and frame[:-4] == arrives[:-4] and frame[-4:].upper() == arrives[-4:].upper()


def _ops243(data: bytes) -> bool:
    """JSON objects line by line (UM-003-A): a report, or another object that is no report with a letter wrong."""
    lines = [line for line in data.split(b"\r\n") if line] if data.endswith(b"\r\n") else []
    return any(_ops243_line(line) for line in lines)


def _ops243_line(line: bytes) -> bool:
    if not line.isascii() or not all(32 <= byte < 127 for byte in line):
        return False
    if not line.startswith(b"{"):
        return re.fullmatch(rb"[+-]?\d+(\.\d+)?(,[+-]?\d+(\.\d+)?){0,2}", line) is not None
    try:
        found = json.loads(line)
    except ValueError:
        return False
    if any(_one_letter_wrong(key) for key in found):
        return False
    if found.get("unit", "kmph") not in UNITS or found.get("direction", "inbound") not in ("inbound", "outbound"):
        return False
    numbers = [found.get(key, 0.0) for key in ("speed", "magnitude", "range")]
    return all(isinstance(number, (int, float)) for number in numbers) and abs(numbers[0]) <= OPS_KMH_MAX


def _one_letter_wrong(key: str) -> bool:
    return key not in REPORT_KEYS and any(_one_change(key, right) for right in REPORT_KEYS)


def _one_change(key: str, right: str) -> bool:
    """One letter replaced, lost or added."""
    if len(key) == len(right):
        return sum(map(str.__ne__, key, right)) == 1
    short, long = sorted((key, right), key=len)
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def _ld2451(data: bytes) -> bool:
    """Header, length, count and tail agree, and every target is before the radar (protocol V1.03)."""
    if data[:4] != b"\xf4\xf3\xf2\xf1" or data[-4:] != b"\xf8\xf7\xf6\xf5":
        return False
    content = data[6:-4]
    if int.from_bytes(data[4:6], "little") != len(content):
        return False
    if not content:
        return True
    targets = [content[at : at + 5] for at in range(2, len(content), 5)]
    return len(content) == 2 + 5 * content[0] and all(
        abs(angle - 0x80) <= 90 and range_m <= 150 and direction <= 1 and speed <= 200
        for angle, range_m, direction, speed, _ in targets
    )


def _ld2450(data: bytes) -> bool:
    """Thirty bytes; a slot is empty or holds somebody in front of the radar (protocol V1.03)."""
    if len(data) != 30 or data[:4] != b"\xaa\xff\x03\x00" or data[-2:] != b"\x55\xcc":
        return False
    for raw in struct.iter_unpack("<4H", data[4:28]):
        x, y = ((number & 0x7FFF) * (1 if number & 0x8000 else -1) for number in raw[:2])
        if any(raw) and not (abs(x) <= 10_000 and 0 < y <= 10_000 and raw[3]):
            return False
    return True


def _form(pattern: bytes, number_at: slice, most: float) -> Callable[[bytes], bool]:
    return lambda data: re.fullmatch(pattern, data, re.S) is not None and abs(float(data[number_at])) <= most


def _agd315(data: bytes) -> bool:
    target = rb"#T\d+:[AR],\d+(\.\d+)?,\d+(\.\d+)?,(\d+(?:\.\d+)?),[+-]?\d+(\.\d+)?"
    found = re.fullmatch(rb"\d{10},[ -+.-~-]*,[ -+.-~-]*,[+-]?\d+(\.\d+)?: *" + target + rb"\r", data)
    return found is not None and float(found[4]) * 1.609344 <= AGD_KMH_MAX


HEX_CHECKSUM = ("nmea-gnss", "vaisala-wmt700")
FORMATS: dict[str, Callable[[bytes], bool]] = {
    "omnipresense-ops243a": _ops243,
    "hilink-ld2451": _ld2451,
    "hilink-ld2450": _ld2450,
    "hilink-ld2415h": _form(rb"V[+-]\d{3}\.\d\r\n", slice(1, 7), LD2415H_KMH_MAX),
    "hikvision-csr": _form(rb"[*+-]\d{3}", slice(1, 4), CSR_KMH_MAX),
    "mph-radar": lambda data: re.fullmatch(rb"\x02.{5}\x03", data, re.S) is not None,
    "agd-315": _agd315,
    "maxbotix-hrxl": _form(rb"R\d{4}\r", slice(1, 5), math.inf),
}
