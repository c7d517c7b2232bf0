"""Which rows does the database refuse? Halve until single rows stand alone. Pure, given a write.

InfluxDB 1 and 2 do not name the rows at fault, and some of a refused body may be stored all the same; rows are
idempotent, so writing halves again is harmless. k bad of n rows cost at most about 2 k log2(n) writes. A database that
claims to have dropped every row of a body is believed, or a backlog older than it keeps would be written row by row:
were it wrong, a reading would be kept twice, and none lost. Of a few rows it is not: to ask of each costs little.

Of one that claims nothing each refused row must have been refused alone, so n of n cost n writes at least. They cost
few more: a row that was refused alone is mostly followed by another, and no halves are tried behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from collector.stores.store import Answer, Held, Later, Refused, Row, Store, Stored, StoreDown

BELIEVED_FROM: Final = 16
"""Rows of a body: what a database says of how many it has dropped is wrong at times (RELIABILITY, finding 7)."""


def write_halving(write: Callable[[Sequence[Row]], Answer], rows: Sequence[Row]) -> Stored | Held | Later:
    """Write rows; tell which were refused and why, or the answer that stopped the search."""
    refused: dict[int, str] = {}
    spans = [(0, len(rows))] if rows else []
    follows_bad = False
    while spans:
        start, end = spans.pop()
        if follows_bad and end - start > 1:
            spans.append((start + 1, end))
            end = start + 1
        answer = write(rows[start:end])
        follows_bad = isinstance(answer, Refused) and end - start == 1 and not answer.dropped
        if isinstance(answer, Stored):
            continue
        if not isinstance(answer, Refused):
            return answer
        if end - start == 1 or answer.dropped == end - start >= BELIEVED_FROM:
            refused.update(dict.fromkeys(range(start, end), answer.reason))
        else:
            middle = (start + end) // 2
            spans += [(middle, end), (start, middle)]
    return Stored(refused)


def put(store: Store, rows: Sequence[Row]) -> list[str]:
    """Write rows for somebody who can do nothing but try again: why some were refused. Raises StoreDown."""
    outcome = write_halving(store.write, rows)
    if isinstance(outcome, Held | Later):
        raise StoreDown(outcome.reason)
    return list(outcome.refused.values())
