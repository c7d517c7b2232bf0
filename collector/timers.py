"""When something is due again, by a clock that may be set back. Pure."""

from __future__ import annotations


def passed(now_ms: int, since_ms: int, span_ms: int) -> bool:
    """Whether a span of time has passed since a moment.

    Also when the moment lies ahead: then the clock was wrong (a machine that boots with local time for UTC is hours
    ahead until its time server answers), and who waited for it would wait for all those hours.
    """
    return not 0 <= now_ms - since_ms < span_ms
