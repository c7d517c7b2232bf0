"""What is made of readings - hours, days and indices - as the rules meet it: how often it comes, and how late.

Its row bears the time at which its window begins, and is there when the window is over and stragglers had their time;
later still where the database is asked for it: after a restart, or when a reading came late.
"""

from __future__ import annotations

from typing import Final

from collector.numbers.open_windows import GRACE_MS, SETTLE_MS
from collector.rules.fields import INDEX_KIND
from collector.rules.series import Series
from wire.quantities import KINDS
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

MARGIN_MS: Final = 10 * MINUTE_MS
"""How long a city's hours take that are computed from the database, a few in each step."""
_EVERY_MS: Final = {"1m": MINUTE_MS, "1h": HOUR_MS, "8h": HOUR_MS, "24h": DAY_MS, "1d": DAY_MS}


def interval_ms(series: Series) -> int | None:
    """How often rows of a roll-up or an index come; None for readings."""
    return _EVERY_MS.get(_period(series))


def wait_ms(series: Series) -> int:
    """How long after the end of its window, as `interval_ms` has it, a row may come and still be news.

    Minutes are made as the readings come. A day has 25 hours when the clock is put back.
    """
    every_ms = interval_ms(series) or 0
    if every_ms < HOUR_MS:
        return 0
    return GRACE_MS + SETTLE_MS + MARGIN_MS + (HOUR_MS if every_ms == DAY_MS else 0)


def is_span(series: Series) -> bool:
    """Whether a row tells of the time from its own on, and so comes when that is over: also traffic's intervals."""
    kind = KINDS.get(series.kind)
    return interval_ms(series) is not None or (kind is not None and bool(kind.tags))


def reach_ms(kind: str) -> int:
    """How far back the rows of a kind are stamped that may still be news."""
    longest = Series(kind, "", "", tags=(("period", "1d"),) if kind == INDEX_KIND else ())
    return wait_ms(longest) + (interval_ms(longest) or 0)


def _period(series: Series) -> str:
    if series.kind == INDEX_KIND:
        return dict(series.tags).get("period", "")
    return series.kind.rpartition("_")[2]
