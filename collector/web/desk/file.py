"""The desk's file: one writer at a time, durable when a call returns, and readers that wait for nobody."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.files import trail
from collector.files.sqlite_file import WAITS_S, Readers, open_durable, unusable
from collector.files.statedb import transaction

log = logging.getLogger("lamppost.web")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS report (id INTEGER PRIMARY KEY, node TEXT, kind TEXT, text TEXT, contact TEXT,
    at_ms INTEGER, answer TEXT, answered_by TEXT, answered_ms INTEGER, shown INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY, node TEXT, at_ms INTEGER, kind TEXT, zh TEXT, en TEXT);
CREATE TABLE IF NOT EXISTS station (node TEXT PRIMARY KEY, state TEXT, changed_ms INTEGER);
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, hash TEXT, at_ms INTEGER);
CREATE TABLE IF NOT EXISTS session (digest BLOB PRIMARY KEY, name TEXT, csrf TEXT, seen_ms INTEGER, at_ms INTEGER);
"""


class DeskFile:
    """A SQLite file shared by the desk's parts."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = open_durable(path, _SCHEMA + trail.SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise unusable(path, error) from error
        self._db.row_factory = sqlite3.Row
        self._readers = Readers(path, sqlite3.Row)

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone, in one transaction: commands write here too."""
        with self._lock, transaction(self._db):
            yield self._db

    def touch(self, change: str, *given: Any) -> None:
        """A change that the next one makes as well, such as when somebody was here last: nobody waits for it, and a
        file that does not take it is no reason to turn people away.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute(change, given)
            except sqlite3.Error as error:
                log.debug("not kept: %s", error)
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {WAITS_S * 1000}")
                self._lock.release()

    def note(self, who: str, what: str, about: str, now_ms: int) -> None:
        """A line in the trail, of something that is kept elsewhere or nowhere."""
        with self.use() as db:
            trail.append(db, trail.Line(now_ms, who, what, about))

    def trail(self, count: int) -> list[trail.Line]:
        """The newest lines of the trail, newest first."""
        with self._readers.one() as reader:
            return trail.newest(reader, count)

    def look(self, question: str, *given: Any) -> list[sqlite3.Row]:
        """The answer to one SELECT. Every page of every reader asks: nobody waits for a writer or another reader."""
        with self._readers.one() as reader:
            return reader.execute(question, given).fetchall()

    def close(self) -> None:
        self._readers.close()
        self._db.close()


def digest(token: str) -> bytes:
    """What the file keeps of a token: who reads it opens no door."""
    return hashlib.sha256(token.encode()).digest()
