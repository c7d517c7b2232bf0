"""The cells of a column: which are there, and between which numbers they lie. Pure.

`None in column` takes as long as `min` or `max`, since it compares every cell. So none of these functions looks for
None: `min`, `max` and `sum` raise TypeError at the first. Nor do they sort: on numbers in no order branch prediction
fails at every other comparison, and `sorted` takes two to three times as long as `min` and `max`.
"""

from __future__ import annotations

from typing import Any


def numbers(column: list[Any]) -> tuple[list[Any], Any, Any] | None:
    """The numbers of a column that are there, the least and the largest of them; None when there is none."""
    try:
        least, most = min(column), max(column)
    except TypeError:
        found = present(column)
        return (found, min(found), max(found)) if found else None
    return None if least is None else (column, least, most)


def extent(column: list[Any]) -> tuple[Any, Any] | None:
    """The least and the largest number of a column; None when there is none."""
    found = numbers(column)
    return None if found is None else found[1:]


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
