"""The closed list of checksums that serial sensors use, each as its datasheet defines it.

A function takes the bytes that are covered and returns the bytes that must stand in the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Final

Checksum = Callable[[bytes], bytes]


def sum16be(data: bytes) -> bytes:
    """Plantower, ZH03B, HPMA auto-send: 16-bit sum, high byte first (PMS5003 manual V2.3, appendix I)."""
    return (sum(data) & 0xFFFF).to_bytes(2, "big")


def sum8(data: bytes) -> bytes:
    """SDS011 (payload only), Benewake, ultrasonic: low byte of the sum."""
    return bytes((sum(data) & 0xFF,))


def sum8_to_zero(data: bytes) -> bytes:
    """Honeywell, Cubic, ZPHS, NextPM: makes the sum of the whole frame zero."""
    return bytes((-sum(data) & 0xFF,))


def sum8_inverted(data: bytes) -> bytes:
    """SHDLC: inverted low byte of the sum of the un-stuffed content (SPS30 datasheet 4.1)."""
    return bytes((~sum(data) & 0xFF,))


def crc16(data: bytes, start: int) -> int:
    """CRC-16 with the reflected polynomial A001."""
    crc = start
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def crc16_modbus(data: bytes) -> bytes:
    """Modbus RTU: starts at FFFF, low byte first (Modbus over serial line V1.02, 6.2.2)."""
    return crc16(data, 0xFFFF).to_bytes(2, "little")


def crc16_vaisala(data: bytes) -> bytes:
    """Vaisala WXT: starts at 0, sent as three printable characters (WXT520 user's guide, appendix C)."""
    crc = crc16(data, 0)
    return bytes((0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F))


def xor8(data: bytes) -> int:
    """All bytes xor-ed: one byte (SN-GCJA5), or two hex digits (NMEA, WMT700, Gill: each its bounds)."""
    return reduce(xor, data, 0)


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_CRC_TABLE: Final = _table()

CHECKSUMS: Final[dict[str, Checksum]] = {
    "sum16be": sum16be,
    "sum8": sum8,
    "sum8_to_zero": sum8_to_zero,
    "sum8_negated": sum8_to_zero,  # Winsen writes (255 - sum) + 1, which is the same; the header byte is left out
    "sum8_inverted": sum8_inverted,
    "crc16_modbus": crc16_modbus,
    "crc16_vaisala": crc16_vaisala,
    "xor8": lambda data: bytes((xor8(data),)),
    "xor8_nmea": lambda data: b"%02X" % xor8(data),
    "xor8_from_dollar": lambda data: b"%02X" % xor8(data),
    "xor8_before_etx": lambda data: b"%02X" % (xor8(data) ^ 0x03),  # without the ETX at its end, yet of any other byte
}


def fitting(frame: bytes, at: int | None) -> list[str]:
    """Which checksums, from which byte, are what stands in a frame at `at` (its end): for who has the wrong one."""
    found = []
    for kind, checksum in CHECKSUMS.items():
        size = len(checksum(frame))
        end = len(frame) - size if at is None else at % len(frame)
        starts = (start for start in range(4) if checksum(frame[start:end]) == frame[end : end + size])
        found += [f"{kind} from {start}" for start in starts]
    return found
