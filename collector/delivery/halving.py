"""Which rows does the database refuse? Halve until single rows stand alone. Pure, given a write.

Neither InfluxDB 1 nor 2 names the rows at fault, and some of a refused body may be stored all the same; rows are
idempotent, so writing halves again is harmless. k bad of n rows cost at most about 2 k log2(n) writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collector.stores.store import Answer, Held, Later, Refused, Row, Stored


def write_halving(
    write: Callable[[Sequence[Row]], Answer], rows: Sequence[Row]
) -> list[tuple[int, str]] | Held | Later:
    """Write rows; give the positions and reasons of those refused, or the answer that stopped the search."""
    refused: list[tuple[int, str]] = []
    spans = [(0, len(rows))]
    while spans:
        start, end = spans.pop()
        answer = write(rows[start:end])
        if isinstance(answer, Stored):
            continue
        if not isinstance(answer, Refused):
            return answer
        if end - start == 1:
            refused.append((start, answer.reason))
        else:
            middle = (start + end) // 2
            spans += [(middle, end), (start, middle)]
    return sorted(refused)
