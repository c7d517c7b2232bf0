"""The collector's own SQLite file: quarantine, births, alerts. Never the readings."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class StateUnusable(Exception):
    """The file cannot be opened or written; the text names it and the cure."""


def open_state(path: Path) -> sqlite3.Connection:
    """Open for the thread that writes. A commit is durable when it returns. Raises StateUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE IF NOT EXISTS probe (at INTEGER)")
    except (OSError, sqlite3.Error) as error:
        raise StateUnusable(f"{path}: {error}. Cure: check the folder's owner and free space") from error
    return db
