"""The sealed batches in a spool's file, and the answers to them.

Nothing here opens a transaction: whoever writes does it in one of the spool's. An answer waits in memory for the next
seal, which touches the same pages; forgetting it costs one resend.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from edge_agent.spool.file import REPLAY
from edge_agent.spool.sealed import Sealed
from wire import batch as wire_batch

ANSWERS_MAX, ANSWERS_COMMITS = 32, 10
"""Answers wait in memory, so many and so long at most."""

_SELECT = (
    "SELECT batch.id, spool, seq, digest, rows, from_ms, to_ms, CAST(bytes AS BLOB), code IS NOT NULL"
    " FROM batch JOIN sealed USING (id) JOIN life ON life = life.id"
)


class BatchTable:
    """Batches by their id in this file; `spool` and `seq` are the names they travel under."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._answered: dict[int, tuple[int, int]] = {}
        self._depth: tuple[int, int, int | None] | None = None  # as counted last, and what was put in since
        self._version = 0
        self._commits = 0

    def insert(self, life: int, spool: str, seq: int, data: bytes, rows: int, from_ms: int, to_ms: int) -> Sealed:
        """A batch with its final bytes, under a life's number."""
        digest = wire_batch.digest(data)
        number = self._db.execute(
            "INSERT INTO batch (life, seq, digest, rows, from_ms, to_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (life, seq, digest, rows, from_ms, to_ms),
        ).lastrowid
        assert number is not None
        self._db.execute("INSERT INTO sealed VALUES (?, ?)", (number, data))
        if self._depth is not None:
            batches, waiting, oldest_ms = self._depth
            self._depth = batches + 1, waiting + rows, from_ms if oldest_ms is None else min(oldest_ms, from_ms)
        return Sealed(number, spool, seq, digest, rows, from_ms, to_ms, data)

    def delete(self, gone: Sequence[Sealed]) -> None:
        """These are no longer here."""
        self._depth = None
        for one in gone:
            self._db.execute("DELETE FROM batch WHERE id = ?", (one.id,))
            self._db.execute("DELETE FROM sealed WHERE id = ?", (one.id,))

    # -- which there are ------------------------------------------------------------------------------------------

    def get(self, number: int) -> Sealed | None:
        """The batch of this id; None when it has gone."""
        row = self._db.execute(f"{_SELECT} WHERE batch.id = ?", (number,)).fetchone()
        return None if row is None else Sealed(*row)

    def waiting(self, order: str, count: int, skip: Sequence[int], spools: Sequence[str]) -> Iterator[Sealed]:
        """Up to `count` unanswered batches of these spools, by id ASC or DESC, without the ids in `skip`."""
        gone = [*skip, *self._answered]
        rows = self._db.execute(
            f"{_SELECT} WHERE acked_ms IS NULL AND batch.id NOT IN ({_marks(gone)})"
            # the plus: by id, and no further than wanted; without it all that waits is read life by life, and sorted
            f" AND +life IN (SELECT id FROM life WHERE spool IN ({_marks(spools)})) ORDER BY batch.id {order} LIMIT ?",
            (*gone, *spools, count),
        )
        return (Sealed(*row) for row in rows.fetchall())

    def waiting_ids(self) -> list[int]:
        """The id of every batch without an answer in the file, oldest first."""
        return [number for (number,) in self._db.execute("SELECT id FROM batch WHERE acked_ms IS NULL ORDER BY id")]

    def all_waiting(self) -> list[Sealed]:
        """Every batch without an answer in the file, oldest first."""
        return [Sealed(*row) for row in self._db.execute(f"{_SELECT} WHERE acked_ms IS NULL ORDER BY batch.id")]

    def latest(self, count: int) -> Iterator[bytes]:
        """The bytes of those whose rows have the latest times, answered or not, earliest first."""
        rows = self._db.execute(
            "SELECT CAST(bytes AS BLOB) FROM (SELECT id, to_ms FROM batch ORDER BY to_ms DESC LIMIT ?)"
            " JOIN sealed USING (id) ORDER BY to_ms",
            (count,),
        )
        return (data for (data,) in rows.fetchall() if isinstance(data, bytes))

    def between(self, from_ms: int, to_ms: int) -> Iterator[bytes]:
        """The bytes of those with rows of this span, answered or not, one after the other."""
        question = "SELECT CAST(bytes AS BLOB) FROM batch JOIN sealed USING (id) WHERE to_ms >= ? AND from_ms <= ?"
        return (data for (data,) in self._db.execute(question, (from_ms, to_ms)) if isinstance(data, bytes))

    def highest(self, life: int) -> int:
        """The greatest sequence of a life that lies here, 0 for none."""
        row = self._db.execute("SELECT max(seq) FROM batch WHERE life = ?", (life,)).fetchone()
        return int(row[0] or 0)

    def find(self, spool: str, seq: int) -> tuple[int, str] | None:
        """Id and digest of a waiting batch, or None when no such batch waits."""
        row = self._db.execute(
            "SELECT batch.id, digest FROM batch JOIN life ON life = life.id"
            " WHERE spool = ? AND seq = ? AND acked_ms IS NULL",
            (spool, seq),
        ).fetchone()
        return None if row is None or row[0] in self._answered else (row[0], row[1])

    def depth(self) -> tuple[int, int, int | None]:
        """How many batches and rows wait, and since when. Counted anew when some went: of a month a quarter second."""
        version = self._db.execute("PRAGMA data_version").fetchone()[0]  # `spool replay` writes beside the agent
        if self._depth is not None and version == self._version:
            return self._depth
        batches, rows, oldest_ms = self._db.execute(
            "SELECT count(*), coalesce(sum(rows), 0), min(from_ms) FROM batch WHERE acked_ms IS NULL"
            f" AND id NOT IN ({_marks(self._answered)})",
            tuple(self._answered),
        ).fetchone()
        self._depth, self._version = (batches, rows, oldest_ms), version
        return self._depth

    def taken_back(self) -> None:
        """What was written in a transaction is not there."""
        self._depth = None

    # -- answers --------------------------------------------------------------------------------------------------

    def answer(self, number: int, code: int, now_ms: int) -> None:
        """The collector has answered for this batch. Written with one of the next commits."""
        self._answered[number] = (code, now_ms)
        self._depth = None

    def committing(self, sealed: bool) -> None:
        """A commit is under way: write the answers with a seal, or when they have waited long enough."""
        self._commits += 1
        if sealed or self._commits >= ANSWERS_COMMITS or len(self._answered) >= ANSWERS_MAX:
            self.write_answers()

    def write_answers(self) -> None:
        """Put every answer into the file."""
        self._db.executemany(
            "UPDATE batch SET code = ?, acked_ms = ? WHERE id = ?",
            [(*fate, number) for number, fate in self._answered.items()],
        )
        self._answered.clear()
        self._commits = 0

    def replay(self, from_ms: int, to_ms: int) -> int:
        """Answered batches of the ring whose rows fall into [from, to) wait again; how many."""
        self._depth = None
        self.write_answers()
        return self._db.execute(REPLAY, (from_ms, to_ms)).rowcount

    def prune(self, before_ms: int) -> int:
        """Delete what was answered before then; how many."""
        self.write_answers()
        self._db.execute("DELETE FROM sealed WHERE id IN (SELECT id FROM batch WHERE acked_ms < ?)", (before_ms,))
        return self._db.execute("DELETE FROM batch WHERE acked_ms < ?", (before_ms,)).rowcount


def _marks(values: Sequence[object] | dict[int, tuple[int, int]]) -> str:
    return ",".join("?" * len(values))
