"""Quarantine: what could not be stored, kept durably with its reason until a person decides.

    whole   exact bytes of a batch that cannot be stored as a whole
    part    single rows or blocks of a batch whose rest was stored
    stray   payloads without a readable spool and sequence: kept once by digest, counted, never acknowledged

Rows are unique by (node, spool, seq, digest, block, row): a repeated search adds nothing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from collector.files.sqlite_file import Others, path_of
from common.named_file import NamedFile

BYTES_MAX = 512 * 1024 * 1024
NODE_BYTES_MAX = 64 * 1024 * 1024
STRAYS_MAX = 1_000
NODE_STRAYS_MAX = 100
STRAY_BYTES_MAX = 64 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quarantine_whole (node TEXT, spool TEXT, seq INTEGER, digest TEXT, reason TEXT,
    at_ms INTEGER, payload BLOB, PRIMARY KEY (node, spool, seq, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine_part (node TEXT, spool TEXT, seq INTEGER, digest TEXT, block INTEGER,
    row INTEGER, reason TEXT, at_ms INTEGER, content TEXT,
    PRIMARY KEY (node, spool, seq, digest, block, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine_stray (digest TEXT PRIMARY KEY, topic TEXT, reason TEXT, at_ms INTEGER,
    count INTEGER, payload BLOB) WITHOUT ROWID;
"""


class Name(NamedTuple):
    """The full name of a batch."""

    node: str
    spool: str
    seq: int
    digest: str


class Part(NamedTuple):
    """A refused row (`row` None: the whole block), why, and what it held as JSON or line protocol."""

    block: int
    row: int | None
    reason: str
    content: str


class Full(Exception):
    """No more may be kept: the sender is asked to wait. `alarm` is what that is called: all is full, or one share."""

    def __init__(self, text: str, node: str | None = None) -> None:
        super().__init__(text)
        self.alarm = "quarantine" if node is None else f"quarantine:{node}"


class Quarantine:
    """The durable quarantine of one collector. Everything kept is on disk when the call returns."""

    def __init__(
        self, db: sqlite3.Connection, bytes_max: int = BYTES_MAX, node_bytes_max: int = NODE_BYTES_MAX
    ) -> None:
        self._db = db
        self._bytes_max, self._node_bytes_max = bytes_max, node_bytes_max
        self._file = NamedFile(path_of(db))
        db.executescript(_SCHEMA)
        self._bytes_of: Counter[str] = Counter()
        self._strays_of: Counter[str] = Counter()
        self._others = Others(db)
        self._look()

    def keep_whole(self, name: Name, payload: bytes, reason: str, now_ms: int) -> None:
        """Keep a batch's exact bytes. Raises Full."""
        self._make_sure(name.node, len(payload))
        with self.together():
            added = self._db.execute(
                "INSERT OR IGNORE INTO quarantine_whole VALUES (?, ?, ?, ?, ?, ?, ?)", (*name, reason, now_ms, payload)
            ).rowcount
        self._bytes_of[name.node] += len(payload) if added else 0

    def keep_parts(self, name: Name, parts: Iterable[Part], now_ms: int) -> None:
        """Keep refused rows and blocks. Raises Full."""
        rows = [(*name, p.block, -1 if p.row is None else p.row, p.reason, now_ms, p.content) for p in parts]
        size = sum(len(row[-1]) for row in rows)
        self._make_sure(name.node, size)
        with self.together():
            added = self._db.executemany(
                "INSERT OR IGNORE INTO quarantine_part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            ).rowcount
        self._bytes_of[name.node] += size if added else 0

    def forget_parts(self, name: Name) -> None:
        """What was refused of this batch is stored now, or refused anew."""
        where = "node = ? AND spool = ? AND seq = ? AND digest = ?"
        if self._db.execute(f"DELETE FROM quarantine_part WHERE {where}", name).rowcount:
            self._others.may_have_written()  # there is more room than was counted

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is kept inside is on disk when this ends, with one commit. May be nested. Raises Full."""
        if self._db.in_transaction:
            yield
            return
        if not self._file.is_kept():  # a commit would last no longer than this program
            raise Full(f"what is refused waits: {self._file.loss}")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise Full(f"the quarantine's disk will not take it: {error}") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        self._others.may_have_written()  # what was counted in here is not kept
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def keep_stray(self, digest: str, topic: str, payload: bytes, reason: str, now_ms: int) -> None:
        """Count a payload that cannot be answered; the first of each digest is kept, up to a number and a size.

        A number for all nodes and one for each, so that one that sends noise leaves room for what others lose.
        """
        known = self._db.execute("UPDATE quarantine_stray SET count = count + 1 WHERE digest = ?", (digest,)).rowcount
        if not known and self._has_strays(topic) and self._others.have_written():
            self._look()
        if known or self._has_strays(topic):
            return
        self._db.execute(
            "INSERT INTO quarantine_stray VALUES (?, ?, ?, ?, 1, ?)",
            (digest, topic, reason, now_ms, payload[:STRAY_BYTES_MAX]),
        )
        self._strays_of[topic] += 1

    def counts(self) -> dict[str, int]:
        """How much is kept: batches, parts and strays."""
        return {
            what: self._db.execute(f"SELECT count(*) FROM quarantine_{what}").fetchone()[0]
            for what in ("whole", "part", "stray")
        }

    def _has_strays(self, node: str) -> bool:
        """As many as are kept."""
        return self._strays_of[node] >= NODE_STRAYS_MAX or self._strays_of.total() >= STRAYS_MAX

    def _make_sure(self, node: str, size: int) -> None:
        """Room for so many bytes of a node. Raises Full, after a second look: a person may have made room meanwhile."""
        if self._full(node, size) is not None and self._others.have_written():
            self._look()
        full = self._full(node, size)
        if full is not None:
            raise full

    def _full(self, node: str, size: int) -> Full | None:
        if self._bytes_of.total() + size > self._bytes_max:
            return Full(f"the quarantine is full: at most {self._bytes_max} bytes. Cure: `lamppost quarantine list`")
        if self._bytes_of[node] + size > self._node_bytes_max:
            return Full(
                f"{node} has filled its share of the quarantine, {self._node_bytes_max} bytes; its bad batches wait on"
                f" the device. Cure: `lamppost quarantine list --node {node}`, then mend the device", node,
            )  # fmt: skip
        return None

    def _look(self) -> None:
        """What the file holds, by node."""
        self._bytes_of = Counter(
            dict(
                self._db.execute(
                    "SELECT node, sum(size) FROM (SELECT node, length(payload) AS size FROM quarantine_whole"
                    " UNION ALL SELECT node, length(content) FROM quarantine_part) GROUP BY node"
                )
            )
        )
        self._strays_of = Counter(dict(self._db.execute("SELECT topic, count(*) FROM quarantine_stray GROUP BY topic")))
