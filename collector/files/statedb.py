"""The collector's own SQLite file: quarantine, births, alerts. Never the readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.files.sqlite_file import open_durable, unusable


def open_state(path: Path) -> sqlite3.Connection:
    """Open for the thread that writes. A commit is durable when it returns. Raises Failure."""
    try:
        return open_durable(path, "CREATE TABLE IF NOT EXISTS probe (at INTEGER)")
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything written inside is on disk when this ends, or none of it; the next one can begin after either."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have undone it already
            db.execute("ROLLBACK")
        raise
