"""What time it is, and whether to believe it.

A Pi without a battery wakes in the past. `synced` is asked of whoever keeps the clock: systemd-timesyncd's file, or the
kernel's own flag that any NTP daemon sets.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 208


def wall_ms() -> int:
    """UTC in milliseconds, as the system has it."""
    return time.time_ns() // 1_000_000


def boottime_ms() -> int:
    """Milliseconds since boot, suspended time included; no step of the wall clock moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def boot_id() -> str:
    """32 hex digits that name this boot."""
    return _BOOT_ID.read_text(encoding="utf-8").strip().replace("-", "")


def believed(trust: str) -> bool:
    """Whether the wall clock counts, as the setting `clock.trust` has it."""
    return trust == "always" or synchronised()


def synchronised() -> bool:
    """True when NTP has set the clock since boot."""
    if _TIMESYNCD.exists():
        return True
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR
