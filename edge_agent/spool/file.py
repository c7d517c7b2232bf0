"""The spool's file: how it is opened and checked at every start. From a damaged one is saved what can be (rescue.py).

SQLite in WAL mode with synchronous=FULL: NORMAL rolls back committed readings after a power cut. Both are set and read
back on every open, because `synchronous` belongs to the connection.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from common.whole_file import sync_folder
from edge_agent.spool import foreign_log, rescue
from edge_agent.spool.aside import beside
from edge_agent.spool.foreign_log import DAMAGE
from edge_agent.spool.rescue import Rescue

FORMAT = 1
"""What this agent writes. A later format adds tables and columns with defaults and leaves `reader`, the oldest format
whose agents may still work on the file, at the one before: an agent that was rolled back goes on with a full spool."""
PAGE = 4096
CACHE_KIB = 512
"""Of pages in memory. SQLite takes four times as much, within hours; the system has the file's pages as well."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS life (id INTEGER PRIMARY KEY, spool TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS chunk (id INTEGER PRIMARY KEY, site TEXT, boot TEXT, clock TEXT, rows INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, life INTEGER, seq INTEGER, digest TEXT, rows INTEGER,
    from_ms INTEGER, to_ms INTEGER, code INTEGER, acked_ms INTEGER, UNIQUE (life, seq));
CREATE INDEX IF NOT EXISTS waiting ON batch (id) WHERE acked_ms IS NULL;
CREATE TABLE IF NOT EXISTS sealed (id INTEGER PRIMARY KEY, bytes BLOB);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
"""
REPLAY = (
    "UPDATE batch SET acked_ms = NULL WHERE acked_ms IS NOT NULL AND to_ms >= ? AND from_ms < ?"
    " AND id IN (SELECT id FROM sealed)"
)


class SpoolError(Exception):
    """The spool cannot be used as it is; the text names the file and the cure."""


class SpoolIoError(SpoolError):
    """The disk failed under a write: what it holds is unknown until the file was opened and checked again."""


class transaction:
    """BEGIN IMMEDIATE ... COMMIT, rolled back on any error. Raises SpoolError, SpoolIoError for what SQLite says."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path

    def __enter__(self) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise trouble(self._path, error) from error

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if kind is None:
            try:
                self._db.execute("COMMIT")
            except sqlite3.Error as failed:
                error = failed
        if error is not None:
            with suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise trouble(self._path, error) from error


def trouble(path: Path, error: sqlite3.Error) -> SpoolError:
    """What an error of SQLite means: a disk that is full, one that has failed or forgotten, or somebody else's file."""
    if "disk I/O" in str(error) or getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGED:
        return SpoolIoError(f"{path}: {error}. Cure: replace the card")
    if "readonly" in str(error) and not os.access(path, os.W_OK):
        return SpoolError(f"{path}: {error}. Cure: the same with sudo")
    return SpoolError(f"{path}: {error}. Cure: free space or replace the card")


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""As after a disk that failed, only opening anew can mend this: the file is checked, and what is intact saved."""


_DAMAGE_AT_START = ("SQLITE_ERROR", "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS")
"""Of operational errors: the words of a table have changed, or the card cannot read a part of the file any more."""


@contextmanager
def closed_on_error(db: sqlite3.Connection) -> Iterator[None]:
    """Whoever would have owned the connection does not come to be: nobody else would close it."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def open_checked(path: Path) -> tuple[sqlite3.Connection, Rescue | None]:
    """Open the file; a damaged one is moved aside, and what is intact in it handed back. Raises SpoolError.

    It is handed back again at the next start where nobody has taken it in: a new file has no life until then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        existed = path.exists()
        was_empty = existed and path.stat().st_size == 0  # a file system lost what stood in it: SQLite takes it for new
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}. Cure: check the folder's owner and free space") from error
    try:
        return _open_or_save(path, existed, was_empty)
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}. Cure: replace the card") from error
    except sqlite3.Error as error:
        raise trouble(path, error) from error


def _open_or_save(path: Path, existed: bool, was_empty: bool) -> tuple[sqlite3.Connection, Rescue | None]:
    try:
        foreign, sound = None, not existed
        if existed and not was_empty:
            foreign, sound = foreign_log.set_aside(path, _name, _name_if_sound)
        if foreign is not None:
            return _open(path), Rescue([], [], foreign, path.stat().st_mtime_ns // 1_000_000)
        db = _open(path)
        with closed_on_error(db):
            if not sound and (was_empty or not _is_whole(db)):
                raise sqlite3.DatabaseError("integrity_check found damage")
    except DAMAGE as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname not in _DAMAGE_AT_START:
            raise SpoolError(f"{path}: {error}. Cure: check the folder's owner and free space") from error
        saved = rescue.set_aside(path, PAGE)  # of a file without damage, none of our statements is wrong
        return _open(path), saved
    with closed_on_error(db):
        sync_folder(path.parent)
        return db, None if _name(db) else rescue.of_last(path, PAGE)


def looking(path: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that changes nothing. Raises sqlite3.Error.

    Where nothing can be written SQLite misses the log that it would make; nobody can write the file there either.
    """
    read_only = os.statvfs(path.parent).f_flag & os.ST_RDONLY and not beside(path, "-wal").exists()
    how = "immutable=1" if read_only else "mode=ro"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=timeout_s)


def size(path: Path) -> int:
    """Bytes of the file and its log."""
    return sum(p.stat().st_size for p in (path, beside(path, "-wal")) if p.exists())


def replay(path: Path, from_ms: int, to_ms: int) -> int:
    """Put answered batches whose rows fall into [from, to) back to waiting, beside a running agent; returns how many.

    They keep the code of their first answer, by which a replay is known.
    """
    return _beside_its_agent(path, lambda db: db.execute(REPLAY, (from_ms, to_ms)).rowcount)


def forget(path: Path, before_ms: int) -> int:
    """Delete answered batches older than `before_ms`, beside a running agent; returns how many."""

    def delete(db: sqlite3.Connection) -> int:
        old = "acked_ms IS NOT NULL AND to_ms < ?"
        db.execute(f"DELETE FROM sealed WHERE id IN (SELECT id FROM batch WHERE {old})", (before_ms,))
        return db.execute(f"DELETE FROM batch WHERE {old}", (before_ms,)).rowcount

    return _beside_its_agent(path, delete)


def _beside_its_agent(path: Path, what: Callable[[sqlite3.Connection], int]) -> int:
    """One transaction on the file of an agent that may be running: it asks the file anew for what waits."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=10)
        try:
            db.execute("PRAGMA synchronous=FULL")
            with transaction(db, path):
                return what(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SpoolError(f"{path}: {error}. Cure: may you write it? Try sudo") from error


def _open(path: Path) -> sqlite3.Connection:
    with suppress(OSError):  # it exists; or it cannot be, of which SQLite tells
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))  # for owner and group, as by the unit
    db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    with closed_on_error(db):
        _prepare(db, path)
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    """Set what belongs to the connection, and see that the tables are those of a spool that we may work on."""
    db.text_factory = lambda text: text.decode(errors="replace")  # a flipped bit is damage, not an exception
    db.execute(f"PRAGMA page_size={PAGE}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA journal_size_limit=4194304")
    db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    if db.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise SpoolError(f"{path}: this SQLite will not write with synchronous=FULL. Cure: use the system's SQLite")
    db.executescript(SCHEMA)
    if not _columns(db).items() >= _OURS.items():
        raise sqlite3.DatabaseError("the tables are not those of a spool: damage in the names")
    meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('format', 'reader')"))
    found = meta.get("format", FORMAT)
    if not all(isinstance(number, int) for number in meta.values()):
        raise sqlite3.DatabaseError("the format is no number: damage")
    if found > FORMAT + 1 or (found > FORMAT and meta.get("reader", found) > FORMAT):
        text = f"{path}: spool format {found}, this agent reads {FORMAT}"
        raise SpoolError(f"{text}. Cure: install the newer agent again; nothing in the file is lost")


def _name(db: sqlite3.Connection) -> str | None:
    """The first life of a spool, or None: it is none. Raises what DAMAGE names."""
    found = db.execute("SELECT spool FROM life ORDER BY id LIMIT 1").fetchone()
    return None if found is None else str(found[0])


def _name_if_sound(db: sqlite3.Connection) -> str | None:
    """The same of a spool that is whole, else None."""
    return _name(db) if _columns(db).items() >= _OURS.items() and _is_whole(db) else None


def _is_whole(db: sqlite3.Connection) -> bool:
    return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")


def _columns(db: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, int]]:
    """Table and column to its type and its place in the key."""
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        (table, name): (kind, place)
        for table in tables
        for name, kind, place in db.execute("SELECT name, type, pk FROM pragma_table_info(?)", (table,))
    }


def _of_new_file() -> dict[tuple[str, str], tuple[str, int]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return _columns(db)


_OURS = _of_new_file()
"""What every spool has; a newer one may have more."""
