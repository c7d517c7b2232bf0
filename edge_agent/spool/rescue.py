"""What is saved from a damaged spool. The file is moved aside, never deleted.

Its sealed batches are looked for twice, through their tables and in the bare pages; each that is intact goes on under
the spool id and sequence it names itself, in the new file. So does each readable chunk.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from common.whole_file import sync_folder
from edge_agent.spool.aside import beside, free_name
from edge_agent.spool.foreign_log import DAMAGE
from edge_agent.spool.sealing import readings_of

GZIP = b"\x1f\x8b\x08"
MAX_HOLE = 1_000  # after so many unreadable rows in a row nothing more is looked for


class Saved(NamedTuple):
    """A batch saved from a damaged file, under the name it always had."""

    spool: str
    seq: int
    rows: int
    from_ms: int
    to_ms: int
    data: bytes


class Rescue(NamedTuple):
    """What could be saved: waiting batches, chunks as stored, and where the damaged file lies now."""

    batches: list[Saved]
    chunks: list[tuple[Any, ...]]
    aside: Path
    written_ms: int


def set_aside(path: Path, page: int) -> Rescue:
    """Move a damaged file, whose pages are of so many bytes, out of the way, and take what is intact from it."""
    written_ms = path.stat().st_mtime_ns // 1_000_000
    aside = free_name(path, "damaged")
    for suffix in ("", "-wal", "-shm"):
        part = beside(path, suffix)
        if part.exists():
            part.rename(beside(aside, suffix))
    sync_folder(path.parent)
    found = {(one.spool, one.seq): one for one in _frames_in_pages(aside, page)}
    chunks: list[tuple[Any, ...]] = []
    done: set[tuple[str, int]] = set()
    with suppress(*DAMAGE), closing(sqlite3.connect(aside, isolation_level=None)) as old:
        for _, (data,) in _rows(old, "sealed", "bytes"):
            one = _named(data)
            if one is not None:
                found[one.spool, one.seq] = one
        done = {
            (one[0], one[1])
            for _, one in _rows(old, "batch JOIN life ON life = life.id", "spool, seq, acked_ms", "batch.id")
            if one[2] is not None
        }
        chunks = [value for _, value in _rows(old, "chunk", "site, boot, clock, rows, body") if None not in value]
    return Rescue([found[name] for name in sorted(found) if name not in done], chunks, aside, written_ms)


def _named(data: object) -> Saved | None:
    """A batch by its own words: sealed bytes carry spool and sequence, and gzip's checksum proves them."""
    if not isinstance(data, bytes):
        return None
    try:
        rows, envelope = readings_of(data)
    except (ValueError, KeyError):
        return None
    times = [row.time_ms for row in rows]
    return Saved(envelope.spool, envelope.seq, len(rows), min(times), max(times), data) if rows else None


def _frames_in_pages(path: Path, size: int) -> Iterator[Saved]:
    """Batches found by their gzip frames, whatever the tables above them have become.

    A batch that fits a page stands there whole; a larger one is found through its table or not at all.
    """
    whole = path.read_bytes()
    for page in range(0, len(whole), size):
        content = whole[page : page + size]
        start = content.find(GZIP)
        while start >= 0:
            opener = zlib.decompressobj(31)
            try:
                opener.decompress(content[start:])
            except zlib.error:
                pass
            else:
                if opener.eof and (one := _named(content[start : len(content) - len(opener.unused_data)])) is not None:
                    yield one
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
