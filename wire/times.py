"""A time on the wire: whole UTC milliseconds since 1970, in a year of four digits; and how long its parts are.

What is beyond fits no database's integer, or no float: who computes with it fails where nobody expects it.
"""

from __future__ import annotations

from typing import Final, TypeGuard

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
TIME_MAX_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def is_time(value: object) -> TypeGuard[int]:
    """Whether a value of JSON is one."""
    return type(value) is int and 0 <= value <= TIME_MAX_MS
