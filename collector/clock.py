"""The wall clock, for whoever waits for something; all other code is handed the time."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """UTC in milliseconds."""
    return time.time_ns() // 1_000_000
