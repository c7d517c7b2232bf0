"""What a spool's file says of itself, by key: the next sequence, the last time of each series, what was lost and why.

Nothing here opens a transaction: whoever writes does it in one of the spool's.
"""

from __future__ import annotations

import sqlite3
from typing import Any

_LOST = "lost_"


class MetaTable:
    """Values by their keys."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def get(self, key: str) -> Any:
        """The value of a key; None for none."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set(self, key: str, value: Any) -> None:
        """The value of a key from now on."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def lost(self, reason: str) -> int:
        """How many readings went for this reason since the file began."""
        return int(self.get(_LOST + reason) or 0)

    def add_lost(self, reason: str, rows: int) -> None:
        """So many more went for this reason."""
        self.set(_LOST + reason, self.lost(reason) + rows)
