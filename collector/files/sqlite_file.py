"""How the collector opens a SQLite file of its own: durable for whoever writes, without waiting for whoever reads.

A connection that nobody closes is closed by chance: each has an owner, and ends with it. Whoever opens such a file,
for whatever, does it here: one that a newer Lamppost has made is left alone.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from wire.both import Both
from wire.exits import Exit, Failure

WAITS_S: Final = 10
"""So long whoever writes waits for another who does."""
FORMAT: Final = 1
"""What this collector makes of its files, kept in each as SQLite's `user_version`; 0 is from before there was a number.
A new table needs no new number: a collector that was rolled back works on beside it. What an older one cannot read, or
would write wrongly, such as another column or another text in one, gets the next."""


def path_of(db: sqlite3.Connection) -> Path:
    """The file behind a connection."""
    return Path(db.execute("PRAGMA database_list").fetchone()[2])


class Newer(sqlite3.DatabaseError):
    """A newer Lamppost has made of the file what this one does not know. It was not touched."""


def unusable(where: Path | str, error: Exception) -> Failure:
    """What is wrong with a file of ours that SQLite, or the system, does not open, read or write; and the cure."""
    if "no such table" in str(error):
        text = f"{where}: no collector of this version has run with these settings"
        return Failure(Exit.CONFIGURATION, "state-missing", text, "start it, or name other settings with --config")
    if isinstance(error, Newer):
        cure = "install the newer again, nothing is lost; or bring back the backup from before the update"
        return Failure(Exit.CONFIGURATION, "file-newer", f"{where}: {error}", cure)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        cure = Both("make room (df -h), then the same again", "腾出空间（df -h），再执行一次")
    elif code == sqlite3.SQLITE_BUSY:
        cure = "another program has been writing it for long, such as one that purges: the same again in a while"
    elif type(error) is sqlite3.DatabaseError:  # not a database, or malformed
        cure = "it is damaged: put it aside with its -wal and -shm, bring back a backup or begin without it"
    else:
        cure = "check the folder's owner and free space; run commands as the collector's user (sudo -u lamppost ...)"
    return Failure(Exit.NOT_PERMITTED, "file-unusable", f"{where}: {error}", cure)


def connect(path: Path, mode: Literal["ro", "rw"], timeout_s: float = WAITS_S) -> sqlite3.Connection:
    """A connection to a file that is there. Raises sqlite3.Error, of which Newer is one."""
    address = f"{path.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(address, uri=True, isolation_level=None, timeout=timeout_s, check_same_thread=False)
    try:
        if (found := _format(db)) > FORMAT:
            raise Newer(f"made by a newer Lamppost (format {found}, this one knows {FORMAT})")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _format(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def open_durable(path: Path, schema: str) -> sqlite3.Connection:
    """Open, or make, a file with these tables; a commit is durable when it returns. Raises OSError, sqlite3.Error.

    A file that is made is for its owner alone, as hashes of passwords and people's words in it want.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # it exists; or it cannot be, of which SQLite tells
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # its log gets the same mode
    db = connect(path, "rw")
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(schema)
        if _format(db) < FORMAT:
            db.execute(f"PRAGMA user_version={FORMAT}")
    except sqlite3.Error:
        db.close()
        raise
    return db


class Others:
    """Whoever else writes to a file: a command beside the collector, or another of its connections."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._version: int | None = None

    def have_written(self) -> bool:
        """Whether they have since this was asked last. True the first time, and after `may_have_written`."""
        before, self._version = self._version, self._db.execute("PRAGMA data_version").fetchone()[0]
        return bool(before != self._version)

    def may_have_written(self) -> None:
        """What is known of the file holds no more, whoever changed it."""
        self._version = None


class Readers:
    """Connections that only read: as many as ask at the same time, whichever thread they ask from."""

    def __init__(self, path: Path, row_factory: type[sqlite3.Row] | None = None) -> None:
        self._path, self._row_factory = path, row_factory
        self._lock = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection for the caller alone. Raises sqlite3.Error."""
        with self._lock:
            reader = self._free.pop() if self._free else None
        if reader is None:
            reader = connect(self._path, "ro")
            reader.row_factory = self._row_factory
        try:
            yield reader
        finally:
            self._give_back(reader)

    def _give_back(self, reader: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._free.append(reader)
                return
        reader.close()

    def close(self) -> None:
        """Close what is free now, and whatever is in use when it comes back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for reader in free:
            reader.close()
