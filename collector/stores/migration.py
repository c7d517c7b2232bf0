"""From the embedded store to a database server: every row as it is; readings, windows, indices, ledger and alerts.

The file is only read, and the collector may work with either meanwhile. Hours near its end are computed anew from what
both have: readings of one hour may lie on both sides of the change. So are hours that the file has readings of and
nothing else: what was due at the change, such as those of a backlog, was looked for where no readings were yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.delivery.halving import put
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import HOURS, ROLLED, hour_of
from collector.stores.sqlite import Sqlite
from collector.stores.store import Row, Select, Store, Table
from wire.quantities import KINDS
from wire.times import HOUR_MS

ROWS_PER_WRITE = 4_000
UNSURE_MS = 25 * HOUR_MS
"""Hours of the last day of the file: none can be open for longer."""


def migrate(
    old: Sqlite, newest_ms: int, store: Store, book: WindowBook, reporting: ReportingOf
) -> Iterator[tuple[int, list[str]]]:
    """Write all that `old` holds, of which `newest_ms` is the newest: how many rows a write had, and those refused.

    Raises StoreDown; doing it again is harmless.
    """
    waiting: list[Table] = []
    due: list[Table] = []
    made, of = set[int](), None
    count = 0
    for table in old.tables(ROWS_PER_WRITE):
        waiting.append(table)
        count += len(table.times_ms)
        if table.measurement in ROLLED:
            if of != table[:2]:
                made, of = _made(old, table), table[:2]
            zone = reporting(dict(table.tags)["node"]).zone
            late = [t for t in table.times_ms if t >= newest_ms - UNSURE_MS or hour_of(t, zone) not in made]
            due.append(table._replace(times_ms=late))
        if count >= ROWS_PER_WRITE:
            yield _write(waiting, due, store, book, reporting)
            waiting, due, count = [], [], 0
    yield _write(waiting, due, store, book, reporting)


def _made(old: Sqlite, table: Table) -> set[int]:
    """The hours that the file holds of this series of readings."""
    where = dict.fromkeys(KINDS[table.measurement].tags, "") | dict(table.tags)
    found = old.select(Select(table.measurement + HOURS, ("completeness",), where=where))
    return {row[0] for series in found for row in series.rows}


def _write(
    tables: list[Table], due: list[Table], store: Store, book: WindowBook, reporting: ReportingOf
) -> tuple[int, list[str]]:
    rows: list[Row] = [row for table in tables for row in store.render(table)]
    refused = put(store, rows)
    for table in due:  # not before: an hour is computed as soon as it is owed
        book.owe([table], reporting(dict(table.tags)["node"]).zone)
    return len(rows), refused
