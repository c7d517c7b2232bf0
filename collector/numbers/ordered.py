"""The values of a column by size. Pure.

Of sixty numbers `sorted` takes half the time of `min` and `max`, and of `None in column`, which asks every one whether
it equals None. So the hot path sorts, and a None betrays itself.
"""

from __future__ import annotations

from typing import Any


def ordered(column: list[Any]) -> list[Any]:
    """The numbers of a column that are there, from the least to the largest."""
    try:
        found = sorted(column)
    except TypeError:
        return sorted(present(column))
    return [] if found and found[0] is None else found


def is_full(column: list[Any]) -> bool:
    """Whether every cell of a column of numbers is there."""
    try:
        sum(column)
    except TypeError:
        return False
    return True


def present(column: list[Any]) -> list[Any]:
    """The numbers of a column that are there, in their order."""
    return [value for value in column if value is not None]
