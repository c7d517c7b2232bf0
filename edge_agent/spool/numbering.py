"""Numbering: the life under which batches are numbered, and the sequence of the next.

A life is a random id, under which a spool counts from one. A new one begins with a new file, after a repair, on a card
that was rolled back and under another name of the node: the old numbers may stand for other bytes.

Nothing here opens a transaction: whoever writes does it in one of the spool's, which sets `now` back when it fails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from edge_agent.spool.meta_table import MetaTable


class Numbers(NamedTuple):
    """What the next batch will be called: the number of its life in this file, the id that travels, the sequence."""

    life: int
    spool: str
    next_seq: int


class Numbering:
    """The lives of a spool's file, the last of them being the current one."""

    def __init__(self, db: sqlite3.Connection, meta: MetaTable, new_id: Callable[[int], str]) -> None:
        self._db, self._meta, self._new_id = db, meta, new_id
        self.now = Numbers(0, "", 1)

    def resume(self, highest: Callable[[int], int]) -> bool:
        """Go on with the current life, of which `highest` tells the last sequence here; False in a new file."""
        row = self._db.execute("SELECT id, spool FROM life ORDER BY id DESC LIMIT 1").fetchone()
        if row is None:
            return False
        known = self._meta.get("next_seq")
        self.now = Numbers(row[0], row[1], max(highest(row[0]) + 1, known if isinstance(known, int) else 1))
        return True

    def begin(self, node: str) -> None:
        """Count from one under a new id, as this node."""
        spool = self._new_id(16)
        self.now = Numbers(self.add(spool), spool, 1)
        self._meta.set("node", node)
        self.keep()

    def add(self, spool: str) -> int:
        """A life after all others, its number in this file."""
        number = self._db.execute("INSERT INTO life (spool) VALUES (?)", (spool,)).lastrowid
        assert number is not None
        return number

    def take(self) -> Numbers:
        """What the batch is called that is sealed now."""
        taken = self.now
        self.now = taken._replace(next_seq=taken.next_seq + 1)
        return taken

    def keep(self) -> None:
        """Put what `take` gave into the file."""
        self._meta.set("next_seq", self.now.next_seq)

    def is_of(self, node: str) -> bool:
        """False when the current life began under another name of the node."""
        return self._meta.get("node") in (None, node)

    def spools(self) -> tuple[str, ...]:
        """The ids whose batches go out now: the current one and, after a repair, the oldest that still waits."""
        row = self._db.execute(  # batches lie in the order of their lives: the first that waits tells, whatever waits
            "SELECT spool FROM life WHERE id != ?"
            " AND id = (SELECT life FROM batch WHERE acked_ms IS NULL ORDER BY id LIMIT 1)",
            (self.now.life,),
        ).fetchone()
        return (self.now.spool,) if row is None else (self.now.spool, row[0])
