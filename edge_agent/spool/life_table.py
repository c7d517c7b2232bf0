"""The lives of a spool: the random ids under which its batches were numbered. The last is the current one.

Nothing here opens a transaction: whoever writes does it in one of the spool's.
"""

from __future__ import annotations

import sqlite3


class LifeTable:
    """Lives by their number in this file; `spool` is the id that travels."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, spool: str) -> int:
        """A life after all others; its number."""
        number = self._db.execute("INSERT INTO life (spool) VALUES (?)", (spool,)).lastrowid
        assert number is not None
        return number

    def current(self) -> tuple[int, str] | None:
        """Number and id of the last, or None in a new file."""
        row = self._db.execute("SELECT id, spool FROM life ORDER BY id DESC LIMIT 1").fetchone()
        return None if row is None else (row[0], row[1])

    def oldest_waiting(self, but: int) -> str | None:
        """The id of the first whose batches wait for an answer, other than `but`; None when there is none."""
        row = self._db.execute(
            "SELECT spool FROM life WHERE id != ? AND id IN (SELECT life FROM batch WHERE acked_ms IS NULL)"
            " ORDER BY id LIMIT 1",
            (but,),
        ).fetchone()
        return None if row is None else row[0]
