"""A time on the wire: whole UTC milliseconds since 1970, in a year of four digits.

What is beyond fits no database's integer, or no float: who computes with it fails where nobody expects it.
"""

from __future__ import annotations

from typing import Final, TypeGuard

TIME_MAX_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def is_time(value: object) -> TypeGuard[int]:
    """Whether a value of JSON is one."""
    return type(value) is int and 0 <= value <= TIME_MAX_MS
