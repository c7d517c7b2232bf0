"""Re-drive: a batch from the quarantine goes through the same ingest once more, after its cause was cured.

It is made of as any other batch, and its hours are due anew.
"""

from __future__ import annotations

import sqlite3

from collector.delivery.ingest import Ingest
from collector.delivery.registry import Node, Registry
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.stores.store import StoreDown
from wire.ack import Code
from wire.status import Birth


class _Everyone(Registry):
    """A registry in which every spool may be stored: a person has decided."""

    def __init__(self, spool: str) -> None:
        self._spool = spool

    def get(self, node: str) -> Node:
        return Node(Birth(node, "redrive", "0" * 16, (self._spool,), 1, None, "redrive", "synced"), True, 0)


def redrive(
    ingest: Ingest, book: WindowBook, reporting: ReportingOf, db: sqlite3.Connection, node: str, seq: int, now_ms: int
) -> str:
    """Try every whole batch kept under this name again; what is stored leaves the quarantine. Returns what happened.

    `ingest` is one for this alone: what it thinks of spools is overruled. Raises StoreDown where the database does not
    take it now, which is no refusal.
    """
    kept = db.execute(
        "SELECT spool, digest, payload FROM quarantine_whole WHERE node = ? AND seq = ?", (node, seq)
    ).fetchall()
    if not kept:
        parts = db.execute("SELECT count(*) FROM quarantine_part WHERE node = ? AND seq = ?", (node, seq)).fetchone()[0]
        if parts:
            return f"{parts} parts of {node} {seq} are kept, the rest is stored; for all of it: lamppost resend {node}"
        return f"nothing of {node} {seq} is in quarantine"
    stored = 0
    for spool, digest, payload in kept:
        ingest.registry = _Everyone(spool)
        name = ingest.take(node, payload, now_ms, replay=True)
        for work in ingest.write(now_ms):
            book.owe(work.tables, reporting(node).zone)
        if name is not None and ingest.waits(name):
            raise StoreDown(ingest.alarms["store"])
        codes = [verdict.code for _, ack in ingest.acks(now_ms) for verdict in ack.verdicts]
        if codes and codes[-1] in (Code.STORED, Code.STORED_IN_PART):
            db.execute(
                "DELETE FROM quarantine_whole WHERE node = ? AND spool = ? AND digest = ?", (node, spool, digest)
            )
            stored += 1
    return f"stored {stored} of {len(kept)}" if stored else "refused again; see lamppost quarantine show"
