"""The spool: every accepted reading stays on this disk until the collector has said that the database has it.

    chunk   what one commit accepted, not yet sealed (one row a commit, so that a commit touches few pages)
    batch   what was sealed: sequence, digest, span, and when the collector answered for it
    sealed  the bytes of each batch, never changed; kept a while after the answer as a replay ring, deleted in bulk

SQLite in WAL mode with synchronous=FULL: NORMAL rolls back committed readings after a power cut. Both are set and read
back on every open, because `synchronous` belongs to the connection. Not thread-safe: one thread owns the spool.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent.reading import Reading, Series
from edge_agent.sealing import ROWS_PER_BATCH, Uniquifier, blocks
from wire import batch as wire_batch

FORMAT = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (id INTEGER PRIMARY KEY, site TEXT, boot TEXT, clock TEXT, rows INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS batch (seq INTEGER PRIMARY KEY, digest TEXT, rows INTEGER, from_ms INTEGER, to_ms INTEGER,
                                  code INTEGER, acked_ms INTEGER);
CREATE INDEX IF NOT EXISTS waiting ON batch (seq) WHERE acked_ms IS NULL;
CREATE TABLE IF NOT EXISTS sealed (seq INTEGER PRIMARY KEY, bytes BLOB);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
"""


class SpoolError(Exception):
    """The spool cannot be used as it is; the text names the file and the cure."""


class Sealed(NamedTuple):
    """A batch as it travels: sequence, digest, rows, time span and bytes."""

    seq: int
    digest: str
    rows: int
    from_ms: int
    to_ms: int
    data: bytes


class Depth(NamedTuple):
    """How much waits: rows accepted and not acknowledged, batches sealed, the oldest time, bytes of the file."""

    rows: int
    batches: int
    oldest_ms: int | None
    file_bytes: int


class Origin(NamedTuple):
    """What a batch is of, beside its rows."""

    node: str
    site: str
    boot: str
    clock: str


class Spool:
    """One spool file. `spool_id` names this life of it; `next_seq` is the number of the next sealed batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = _open(path)
        self.spool_id: str = self._meta("spool") or self._new_life()
        self.next_seq = int(self._meta("next_seq") or 1)
        self._unique = Uniquifier(self._last_times())
        self._acked: dict[int, tuple[int, int]] = {}

    # -- accepting ------------------------------------------------------------------------------------------------

    def accept(self, readings: Iterable[Reading], origin: Origin, state: dict[str, Any] | None = None) -> list[Reading]:
        """Commit readings (and interval state) durably; they are *accepted* when this returns.

        Raises SpoolError when the disk will not take them; nothing is accepted then.
        """
        taken = [self._unique.unique(reading) for reading in readings]
        try:
            with _transaction(self._db):
                if taken:
                    self._db.execute(
                        "INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)",
                        (origin.site, origin.boot, origin.clock, len(taken), _dump(taken)),
                    )
                for key, value in (state or {}).items():
                    self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))
                self._write_acked()
        except sqlite3.Error as error:
            raise SpoolError(f"{self.path}: {error}. Cure: free space or replace the card") from error
        return taken

    def state(self, key: str) -> Any:
        """The interval state committed last under `key`, or None."""
        row = self._db.execute("SELECT body FROM state WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    # -- sealing --------------------------------------------------------------------------------------------------

    def seal(self, node: str) -> list[Sealed]:
        """Seal everything accepted into batches with their final bytes, in one transaction."""
        sealed: list[Sealed] = []
        first = self.next_seq
        try:
            self._seal_all(node, sealed)
        except sqlite3.Error as error:
            self.next_seq = first  # nothing was sealed: no sequence may be skipped
            raise SpoolError(f"{self.path}: {error}. Cure: free space or replace the card") from error
        return sealed

    def _seal_all(self, node: str, sealed: list[Sealed]) -> None:
        with _transaction(self._db):
            for (site, boot, clock), group in self._chunks():
                for rows in _portions(group):
                    sealed.append(self._seal(Origin(node, site, boot, clock), rows))
            if sealed:
                self._db.execute("DELETE FROM chunk")
                self._set_meta("next_seq", self.next_seq)
                self._set_meta("last_ms", _dump_times(self._unique.last_ms))

    def _chunks(self) -> Iterable[tuple[tuple[str, str, str], list[Reading]]]:
        groups: dict[tuple[str, str, str], list[Reading]] = {}
        for site, boot, clock, body in self._db.execute("SELECT site, boot, clock, body FROM chunk ORDER BY id"):
            groups.setdefault((site, boot, clock), []).extend(_load(body))
        return groups.items()

    def _seal(self, origin: Origin, rows: list[Reading]) -> Sealed:
        seq = self.next_seq
        data = wire_batch.encode(
            node=origin.node, site=origin.site, spool=self.spool_id, seq=seq, boot=origin.boot, clock=origin.clock,
            blocks=blocks(rows),
        )  # fmt: skip
        times = [row.time_ms for row in rows]
        sealed = Sealed(seq, wire_batch.digest(data), len(rows), min(times), max(times), data)
        self._db.execute("INSERT INTO batch (seq, digest, rows, from_ms, to_ms) VALUES (?, ?, ?, ?, ?)", sealed[:5])
        self._db.execute("INSERT INTO sealed VALUES (?, ?)", (seq, data))
        self.next_seq = seq + 1
        return sealed

    # -- delivering -----------------------------------------------------------------------------------------------

    def oldest(self, count: int, skip: Sequence[int] = ()) -> list[Sealed]:
        """Up to `count` waiting batches, oldest first, without the sequences in `skip`."""
        return self._waiting("ASC", count, skip)

    def newest(self, count: int, skip: Sequence[int] = ()) -> list[Sealed]:
        """Up to `count` waiting batches, newest first, without the sequences in `skip`."""
        return self._waiting("DESC", count, skip)

    def _waiting(self, order: str, count: int, skip: Sequence[int]) -> list[Sealed]:
        if count <= 0:
            return []
        gone = [*skip, *self._acked]
        marks = ",".join("?" * len(gone))
        rows = self._db.execute(
            "SELECT seq, digest, rows, from_ms, to_ms, bytes FROM batch JOIN sealed USING (seq)"
            f" WHERE acked_ms IS NULL AND seq NOT IN ({marks}) ORDER BY seq {order} LIMIT ?",
            (*gone, count),
        )
        return [Sealed(*row) for row in rows]

    def digest_of(self, seq: int) -> str | None:
        """The digest of a waiting batch, or None when no such batch waits."""
        if seq in self._acked:
            return None
        row = self._db.execute("SELECT digest FROM batch WHERE seq = ? AND acked_ms IS NULL", (seq,)).fetchone()
        return row[0] if row else None

    def release(self, seq: int, code: int, now_ms: int) -> None:
        """The collector has answered for this batch. Written with the next commit: forgetting costs one resend."""
        self._acked[seq] = (code, now_ms)

    def prune(self, before_ms: int) -> int:
        """Delete acknowledged batches answered before `before_ms`; returns how many."""
        with _transaction(self._db):
            self._write_acked()
            self._db.execute("DELETE FROM sealed WHERE seq IN (SELECT seq FROM batch WHERE acked_ms < ?)", (before_ms,))
            return self._db.execute("DELETE FROM batch WHERE acked_ms < ?", (before_ms,)).rowcount

    def _write_acked(self) -> None:
        self._db.executemany(
            "UPDATE batch SET code = ?, acked_ms = ? WHERE seq = ?",
            [(*fate, seq) for seq, fate in self._acked.items()],
        )
        self._acked.clear()

    # -- looking --------------------------------------------------------------------------------------------------

    def depth(self) -> Depth:
        """How much waits to be acknowledged."""
        chunk_rows = self._db.execute("SELECT coalesce(sum(rows), 0) FROM chunk").fetchone()[0]
        batches, rows, oldest = self._db.execute(
            "SELECT count(*), coalesce(sum(rows), 0), min(from_ms) FROM batch WHERE acked_ms IS NULL"
        ).fetchone()
        batches -= len(self._acked)
        return Depth(rows + chunk_rows, batches, oldest, sum(_size(p) for p in _files(self.path)))

    def close(self) -> None:
        """Write what was released and let go of the file."""
        with _transaction(self._db):
            self._write_acked()
        self._db.close()

    # -- the file -------------------------------------------------------------------------------------------------

    def _new_life(self) -> str:
        spool_id = secrets.token_hex(16)
        with _transaction(self._db):
            self._set_meta("format", FORMAT)
            self._set_meta("spool", spool_id)
            self._set_meta("next_seq", 1)
        _sync_folder(self.path.parent)
        return spool_id

    def _meta(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _last_times(self) -> dict[Series, int]:
        """The last time of each series: as of the last seal, plus what was accepted since."""
        last = _load_times(self._meta("last_ms"))
        for (body,) in self._db.execute("SELECT body FROM chunk ORDER BY id"):
            for reading in _load(body):
                last[reading.series] = max(reading.time_ms, last.get(reading.series, reading.time_ms))
        return last


class _transaction:
    """BEGIN IMMEDIATE ... COMMIT, rolled back on any error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA journal_size_limit=4194304")
        if db.execute("PRAGMA synchronous").fetchone()[0] != 2:
            raise SpoolError(f"{path}: this SQLite will not write with synchronous=FULL")
        db.executescript(_SCHEMA)
        found = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"{path}: {error}. Cure: check the folder's owner and free space") from error
    if found is not None and found[0] != FORMAT:
        raise SpoolError(f"{path}: spool format {found[0]}, this agent reads {FORMAT}. Cure: install the newer agent")
    return db


def _portions(rows: list[Reading]) -> Iterable[list[Reading]]:
    for start in range(0, len(rows), ROWS_PER_BATCH):
        yield rows[start : start + ROWS_PER_BATCH]


def _dump(readings: list[Reading]) -> str:
    """Readings of one commit as JSON: [[sensor, kind, tags, profile, time_ms, values], ...]."""
    return json.dumps([[*r.series, r.time_ms, r.values] for r in readings], separators=(",", ":"))


def _load(body: str) -> list[Reading]:
    return [
        Reading(Series(sensor, kind, tuple((k, v) for k, v in tags), profile), time_ms, values)
        for sensor, kind, tags, profile, time_ms, values in json.loads(body)
    ]


def _dump_times(last_ms: dict[Series, int]) -> str:
    return json.dumps([[*series, time_ms] for series, time_ms in last_ms.items()], separators=(",", ":"))


def _load_times(body: str | None) -> dict[Series, int]:
    return {
        Series(sensor, kind, tuple((k, v) for k, v in tags), profile): time_ms
        for sensor, kind, tags, profile, time_ms in json.loads(body or "[]")
    }


def _files(path: Path) -> list[Path]:
    return [path, path.with_name(path.name + "-wal")]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sync_folder(folder: Path) -> None:
    """A new file's name is durable only after its folder is synced (rule R1)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
