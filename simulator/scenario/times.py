"""Times as people write them in scenarios: `90s`, `1h30m`, `+2h`, `18:30`. Pure.

A clock time is the first one at or after the start of the run, so that a night reads as it is told: from 18:00 on,
`02:00` is tomorrow.
"""

from __future__ import annotations

import re
from typing import Final

_LENGTH: Final = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
DAY_S: Final = 86_400
LONGEST_S: Final = 3_653 * DAY_S


def seconds(text: str) -> float:
    """A length of time. Raises ValueError."""
    found = _LENGTH.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no length of time such as 90s, 30m, 4h or 1h30m")
    days, hours, minutes, rest = found.groups()
    length_s = int(days or 0) * DAY_S + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest or 0)
    if length_s > LONGEST_S:
        raise ValueError(f"{text!r} is longer than ten years")
    return length_s


def after_start(text: str, start_of_day_s: float) -> float:
    """Seconds from the start of a run that began `start_of_day_s` after midnight. Raises ValueError."""
    if text.startswith("+"):
        return seconds(text[1:])
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time such as 18:30 or +2h")
    clock_s = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)
    return (clock_s - start_of_day_s) % DAY_S


def span(text: str, start_of_day_s: float) -> tuple[float, float]:
    """From when until when, such as `18:30-20:00`, as `after_start`. Raises ValueError."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ValueError(f"{text!r} is no span of time such as 18:30-20:00")
    from_s, until_s = after_start(first, start_of_day_s), after_start(last, start_of_day_s)
    if until_s <= from_s:
        raise ValueError(f"{text!r}: the end is not after the beginning")
    return from_s, until_s
