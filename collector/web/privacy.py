"""Few vehicles are few people: the one function between traffic counts and everything public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wire.traffic import CELLS

FEW = 5
NOT_PUBLIC = frozenset({*CELLS, "wrong_way_count"})
"""Of single intervals; the pages tell speeds and classes of a day and longer."""
WINDOW_MS = 300_000
"""Traffic is told in windows of this one length: two lengths side by side would give away what the mask hides."""
_COUNTS = ("count", "heavy_count")
_SETTLES_MS = 60_000


class Masked(NamedTuple):
    """A row fit for the public, and the names of the fields that were taken out because they tell of few vehicles."""

    values: dict[str, Any]
    hidden: tuple[str, ...]


def told_until(now_ms: int) -> int:
    """The end of the newest window that is told: one over for a minute, its last intervals in it.

    A window that grows while it is looked at tells each of its intervals by subtraction.
    """
    return (now_ms - _SETTLES_MS) // WINDOW_MS * WINDOW_MS


def mask(row: Mapping[str, Any]) -> Masked:
    """Hide counts under 5 in one window's row of traffic; with them go the values made of those vehicles alone.

    The speed of two vehicles is nearly the speed of one. Zero is hidden too: a shown zero would tell that a hidden
    count is not zero.
    """
    values = dict(row)
    hidden = [name for name in _COUNTS if values.get(name) is not None and values[name] < FEW]
    if "count" in hidden:
        hidden += [name for name in values if name not in (*hidden, "duration_s") and values[name] is not None]
    for name in hidden:
        values[name] = None
    return Masked(values, tuple(hidden))
