"""From the embedded store to a database server: every row as it is; readings, windows, indices, ledger and alerts.

The file is only read, and the collector may work with either meanwhile. Hours near its end are computed anew from what
both have: readings of one hour may lie on both sides of the change.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.delivery.halving import put
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import ROLLED
from collector.stores.sqlite import Sqlite
from collector.stores.store import Row, Store, Table

ROWS_PER_WRITE = 4_000
UNSURE_MS = 25 * 3_600_000
"""Hours of the last day of the file: none can be open for longer."""


def migrate(
    old: Sqlite, newest_ms: int, store: Store, book: WindowBook, reporting: ReportingOf
) -> Iterator[tuple[int, list[str]]]:
    """Write all that `old` holds, of which `newest_ms` is the newest: how many rows a write had, and those refused.

    Raises StoreDown; doing it again is harmless.
    """
    waiting: list[Table] = []
    count = 0
    for table in old.tables(ROWS_PER_WRITE):
        waiting.append(table)
        count += len(table.times_ms)
        if count >= ROWS_PER_WRITE:
            yield _write(waiting, newest_ms, store, book, reporting)
            waiting, count = [], 0
    yield _write(waiting, newest_ms, store, book, reporting)


def _write(
    tables: list[Table], newest_ms: int, store: Store, book: WindowBook, reporting: ReportingOf
) -> tuple[int, list[str]]:
    rows: list[Row] = [row for table in tables for row in store.render(table)]
    refused = put(store, rows)
    for table in tables:  # not before: an hour is computed as soon as it is owed
        late = [time_ms for time_ms in table.times_ms if time_ms >= newest_ms - UNSURE_MS]
        if table.measurement in ROLLED and late:
            book.owe([table._replace(times_ms=late)], reporting(dict(table.tags)["node"]).zone)
    return len(rows), refused
