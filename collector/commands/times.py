"""Times and spans of time as people type them."""

from __future__ import annotations

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from wire.exits import Exit, Failure


def time_of(text: str, zone: str) -> int:
    """A date or time, in the city's zone unless it names an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        cure = "write 2026-03-01, 2026-03-01T08:00 or, where a length of time may stand, 24h"
        raise Failure(Exit.USAGE, "time-unreadable", f"{text!r} is no time", cure) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1000)


def span_of(since: str, until: str | None, zone: str) -> tuple[int, int]:
    """From `since` (a length of time such as 24h, or a date or time) to `until` (default: now), in UTC milliseconds."""
    until_ms = time_of(until, zone) if until else time.time_ns() // 1_000_000
    length = re.fullmatch(r"([0-9]{1,6})([mhd])", since)
    if length is None:
        since_ms = time_of(since, zone)
    else:
        since_ms = until_ms - int(length[1]) * {"m": 60_000, "h": 3_600_000, "d": 86_400_000}[length[2]]
    if since_ms >= until_ms:
        raise Failure(Exit.USAGE, "span-empty", f"--since {since} is not before --until", "give an earlier --since")
    return since_ms, until_ms
