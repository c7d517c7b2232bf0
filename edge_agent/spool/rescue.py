"""What is saved from a damaged spool. The file is moved aside. The last two are kept: a card that goes bad would
fill with them until no reading had room.

Its sealed batches are looked for twice, through their tables and in the bare pages; each that is intact goes on under
the spool id and sequence it names itself, in the new file. So does each readable chunk. They are read one by one, as
the new file takes them: all that waits is more than memory holds.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from common.whole_file import sync_folder
from edge_agent.spool.aside import beside, free_name
from edge_agent.spool.foreign_log import DAMAGE
from edge_agent.spool.sealing import readings_of
from wire.batch import peek

GZIP = b"\x1f\x8b\x08"
MAX_HOLE = 1_000  # after so many unreadable rows in a row nothing more is looked for
_WORD = "damaged"
KEPT = 2


class Saved(NamedTuple):
    """A batch saved from a damaged file, under the name it always had."""

    spool: str
    seq: int
    rows: int
    from_ms: int
    to_ms: int
    data: bytes


class Rescue(NamedTuple):
    """What can be saved: waiting batches, chunks as stored; where the damaged file lies now, when it was written."""

    batches: Iterable[Saved]
    chunks: Iterable[tuple[Any, ...]]
    aside: Path
    written_ms: int


def set_aside(path: Path, page: int) -> Rescue:
    """Move a damaged file, whose pages are of so many bytes, out of the way; what is intact can be taken from it."""
    aside = free_name(path, _WORD)
    for suffix in ("", "-wal", "-shm"):
        part = beside(path, suffix)
        if part.exists():
            part.rename(beside(aside, suffix))
    for older in _put_aside(path)[:-KEPT]:
        for suffix in ("", "-wal", "-shm"):
            beside(older, suffix).unlink(missing_ok=True)
    sync_folder(path.parent)
    return _of(aside, page)


def of_last(path: Path, page: int) -> Rescue | None:
    """The same of the file that was put aside last, which a start that was cut off has not taken in; None for none."""
    found = _put_aside(path)
    return _of(found[-1], page) if found else None


def _put_aside(path: Path) -> list[Path]:
    """What was put aside and lies here still, the last one last."""
    named = f".{_WORD}-"
    found = [one for one in path.parent.glob(f"*{named}*") if one.name.removeprefix(path.name + named).isdecimal()]
    return sorted(found, key=lambda one: one.stat().st_ctime_ns)


def _of(aside: Path, page: int) -> Rescue:
    return Rescue(_batches(aside, page), _chunks(aside), aside, aside.stat().st_mtime_ns // 1_000_000)


def _batches(aside: Path, page: int) -> Iterator[Saved]:
    """Each waiting batch once."""
    known: dict[str, set[int]] = {}
    with suppress(*DAMAGE), closing(sqlite3.connect(aside, isolation_level=None)) as old:
        for _, (spool, seq, acked_ms) in _rows(
            old, "batch JOIN life ON life = life.id", "spool, seq, acked_ms", "batch.id"
        ):
            if acked_ms is not None:
                known.setdefault(spool, set()).add(seq)
        for _, (data,) in _rows(old, "sealed", "bytes"):
            yield from _new(data, known)
    for data in _frames_in_pages(aside, page):
        yield from _new(data, known)


def _new(data: object, known: dict[str, set[int]]) -> Iterator[Saved]:
    """A batch that is intact, unless it is `known`; it is from then on."""
    if not isinstance(data, bytes):
        return
    spool, seq = peek(data) or ("", 0)
    if seq in known.get(spool, ()):
        return
    one = _named(data)
    if one is not None:
        known.setdefault(one.spool, set()).add(one.seq)
        yield one


def _chunks(aside: Path) -> Iterator[tuple[Any, ...]]:
    with suppress(*DAMAGE), closing(sqlite3.connect(aside, isolation_level=None)) as old:
        for _, value in _rows(old, "chunk", "site, boot, clock, rows, body"):
            if None not in value:
                yield value


def _named(data: bytes) -> Saved | None:
    """A batch by its own words: sealed bytes carry spool and sequence, and gzip's checksum proves them."""
    try:
        rows, envelope = readings_of(data)
    except (ValueError, KeyError):
        return None
    times = [row.time_ms for row in rows]
    return Saved(envelope.spool, envelope.seq, len(rows), min(times), max(times), data) if rows else None


def _frames_in_pages(path: Path, size: int) -> Iterator[bytes]:
    """Gzip frames, whatever the tables above them have become.

    A batch that fits a page stands there whole; a larger one is found through its table or not at all.
    """
    with path.open("rb") as file:
        for page in range(0, path.stat().st_size, size):
            with suppress(OSError):  # a card that cannot read this page may read the next one
                content = os.pread(file.fileno(), size, page)
                yield from _frames(content)


def _frames(content: bytes) -> Iterator[bytes]:
    start = content.find(GZIP)
    while start >= 0:
        opener = zlib.decompressobj(31)
        with suppress(zlib.error):
            opener.decompress(content[start:])
        if opener.eof:
            yield content[start : len(content) - len(opener.unused_data)]
        start = content.find(GZIP, start + 1)


def _rows(
    db: sqlite3.Connection, table: str, columns: str, key_column: str = "id"
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Every readable row of a table, by id; unreadable ones are stepped over."""
    key, missed = 0, 0
    while missed < MAX_HOLE:
        try:
            row = db.execute(
                f"SELECT {key_column}, {columns} FROM {table} WHERE {key_column} > ? ORDER BY {key_column} LIMIT 1",
                (key,),
            ).fetchone()
        except DAMAGE:
            key, missed = key + 1, missed + 1
            continue
        if row is None:
            return
        if type(row[0]) is not int or row[0] <= key:  # a damaged tree may lead in circles
            key, missed = key + 1, missed + 1
            continue
        key, missed = row[0], 0
        yield key, tuple(row[1:])
