"""Windows of the past by the settings of today: after a station got another standard, or means its gases otherwise.

The hours that are stored are entered in the book of windows; the collector computes them anew from their readings, with
their days and indices. An hour whose readings the database has forgotten stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import HOURS, ROLLED
from collector.stores.store import Select, Store, Table
from wire.quantities import KINDS
from wire.times import HOUR_MS

AT_ONCE_MS: Final = 7 * 24 * HOUR_MS
_ENDS_MS: Final = (0, HOUR_MS - 1)
"""In a zone of half hours an hour of before lies in two."""


def owe_anew(
    store: Store, book: WindowBook, reporting: ReportingOf, since_ms: int, until_ms: int, node: str | None = None
) -> Iterator[int]:
    """Enter every stored hour of [since, until), a week at a time: how many. Raises StoreDown; may be repeated."""
    where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
    for first_ms in range(since_ms, until_ms, AT_ONCE_MS):
        end_ms = min(first_ms + AT_ONCE_MS, until_ms)
        for kind in ROLLED:
            groups = ("site", "node", "sensor", *KINDS[kind].tags)
            for series in store.select(Select(kind + HOURS, ("completeness",), first_ms, end_ms, where, groups)):
                times = [row[0] + part for row in series.rows for part in _ENDS_MS]
                table = Table(kind, series.identity, times, {})
                book.owe([table], reporting(series.tags["node"]).zone)
                yield len(series.rows)
