"""Times as people write them at the command line: moments, lengths of time, spans and zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.clock import wall_ms
from collector.rules.words import UNIT_MS
from wire.exits import Exit, Failure

AHEAD = "%m-%d %H:%M:%S"
"""How the end of what people begin is told: it is ninety days away at most."""
TO_THE_SECOND = "%Y-%m-%d %H:%M:%S"
"""How alerts are told: their history is that of more than a year."""
_YEARS = (1970, 2200)
"""What every database can be asked for: they count nanoseconds in 64 bits."""
_LENGTH_MS_MAX = 100 * 366 * UNIT_MS["d"]


def clock_of(zone: str, form: str = "%Y-%m-%d %H:%M") -> Callable[[int], str]:
    """What the clocks of a zone say at a time in UTC milliseconds. Raises OverflowError for what no calendar has."""
    epoch, known = datetime(1970, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    return lambda at_ms: (epoch + timedelta(milliseconds=at_ms)).astimezone(known).strftime(form)


def time_of(text: str, zone: str) -> int:
    """A date or time in UTC milliseconds, in the city's zone unless it names an offset. Raises Failure."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        cure = "write 2026-03-01, 2026-03-01T08:00 or, where a length of time may stand, 24h"
        raise Failure(Exit.USAGE, "time-unreadable", f"{text!r} is no time", cure) from error
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        text = f"{text!r} is no time of ours"
        raise Failure(Exit.USAGE, "time-unreadable", text, f"give a year from {_YEARS[0]} to {_YEARS[1] - 1}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1000)


def length_ms(text: str) -> int:
    """A length of time such as 90m, 24h or 30d, in milliseconds. Raises Failure."""
    found = _length_ms(text)
    if found is None:
        raise Failure(Exit.USAGE, "length-unreadable", f"{text!r} is no length of time", "write 90m, 24h or 30d")
    return found


def span_of(since: str, until: str | None, zone: str) -> tuple[int, int]:
    """From `since` (a length of time such as 24h, or a moment) to `until` (default: now). Raises Failure."""
    until_ms = time_of(until, zone) if until else wall_ms()
    length = _length_ms(since)
    since_ms = time_of(since, zone) if length is None else until_ms - length
    if since_ms >= until_ms:
        raise Failure(Exit.USAGE, "span-empty", f"--since {since} is not before --until", "give an earlier --since")
    return since_ms, until_ms


def _length_ms(text: str) -> int | None:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit()) or unit not in UNIT_MS or len(number) > 9:
        return None
    found = int(number) * UNIT_MS[unit]
    return found if 0 < found <= _LENGTH_MS_MAX else None
