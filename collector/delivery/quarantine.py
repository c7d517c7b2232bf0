"""Quarantine: what could not be stored, kept durably with its reason until a person decides.

    whole   exact bytes of a batch that cannot be stored as a whole
    part    single rows or blocks of a batch whose rest was stored
    stray   payloads without a readable spool and sequence: kept once by digest, counted, never acknowledged

Rows are unique by (node, spool, seq, digest, block, row): a repeated search adds nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

BYTES_MAX = 512 * 1024 * 1024
STRAYS_MAX = 1_000
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
    """No more may be kept: the sender is asked to wait."""


class Quarantine:
    """The durable quarantine of one collector. Everything kept is on disk when the call returns."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(_SCHEMA)
        self._bytes: int = db.execute(
            "SELECT (SELECT coalesce(sum(length(payload)), 0) FROM quarantine_whole)"
            " + (SELECT coalesce(sum(length(content)), 0) FROM quarantine_part)"
        ).fetchone()[0]

    def keep_whole(self, name: Name, payload: bytes, reason: str, now_ms: int) -> None:
        """Keep a batch's exact bytes. Raises Full."""
        self._charge(len(payload))
        with self.together():
            self._db.execute(
                "INSERT OR IGNORE INTO quarantine_whole VALUES (?, ?, ?, ?, ?, ?, ?)", (*name, reason, now_ms, payload)
            )

    def keep_parts(self, name: Name, parts: Iterable[Part], now_ms: int) -> None:
        """Keep refused rows and blocks. Raises Full."""
        rows = [(*name, p.block, -1 if p.row is None else p.row, p.reason, now_ms, p.content) for p in parts]
        self._charge(sum(len(row[-1]) for row in rows))
        with self.together():
            self._db.executemany("INSERT OR IGNORE INTO quarantine_part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is kept inside is on disk when this ends, with one commit. May be nested. Raises Full."""
        if self._db.in_transaction:
            yield
            return
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
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def keep_stray(self, digest: str, topic: str, payload: bytes, reason: str, now_ms: int) -> None:
        """Count a payload that cannot be answered; the first of each digest is kept, up to a number and a size."""
        known = self._db.execute("UPDATE quarantine_stray SET count = count + 1 WHERE digest = ?", (digest,)).rowcount
        if known or self._db.execute("SELECT count(*) FROM quarantine_stray").fetchone()[0] >= STRAYS_MAX:
            return
        self._db.execute(
            "INSERT INTO quarantine_stray VALUES (?, ?, ?, ?, 1, ?)",
            (digest, topic, reason, now_ms, payload[:STRAY_BYTES_MAX]),
        )

    def counts(self) -> dict[str, int]:
        """How much is kept: batches, parts and strays."""
        return {
            what: self._db.execute(f"SELECT count(*) FROM quarantine_{what}").fetchone()[0]
            for what in ("whole", "part", "stray")
        }

    def _charge(self, size: int) -> None:
        if self._bytes + size > BYTES_MAX:
            raise Full(f"quarantine holds {self._bytes} bytes, at most {BYTES_MAX}")
        self._bytes += size
