"""The chunks in a spool's file: what each commit accepted and is not sealed yet.

Nothing here opens a transaction: whoever writes does it in one of the spool's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from edge_agent import chunk
from edge_agent.reading import Reading

UNSYNCED = "unsynced"


class Chunk(NamedTuple):
    """What one commit accepted: `rows` readings, which are None where the disk has changed what was written."""

    id: int
    site: str
    boot: str
    clock: str
    rows: int
    readings: list[Reading] | None


class ChunkTable:
    """Chunks in the order in which they were committed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, site: str, boot: str, clock: str, readings: list[Reading]) -> None:
        """The readings of one commit."""
        self.insert_rows([(site, boot, clock, len(readings), chunk.dump(readings))])

    def insert_rows(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Chunks as a damaged file had them: site, boot, clock, how many readings, and their text."""
        self._db.executemany("INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)", rows)

    def delete(self, numbers: list[int]) -> None:
        """These are sealed."""
        self._db.executemany("DELETE FROM chunk WHERE id = ?", [(number,) for number in numbers])

    def all(self) -> Iterator[Chunk]:
        """Every chunk, as of now: more may be written or deleted meanwhile."""
        rows = self._db.execute("SELECT id, site, boot, clock, rows, body FROM chunk ORDER BY id").fetchall()
        return (
            Chunk(number, site, boot, clock, count, chunk.load(body)) for number, site, boot, clock, count, body in rows
        )

    def timed(self) -> Iterator[Reading]:
        """The readings whose true time is known."""
        for (body,) in self._db.execute("SELECT body FROM chunk WHERE clock != ? ORDER BY id", (UNSYNCED,)):
            yield from chunk.load(body) or ()

    def unsynced_boots(self) -> dict[str, tuple[int, int]]:
        """Boots whose rows wait for a true time: first and last time since boot, in milliseconds."""
        found: dict[str, tuple[int, int]] = {}
        for boot, body in self._db.execute("SELECT boot, body FROM chunk WHERE clock = ? ORDER BY id", (UNSYNCED,)):
            times = [row.time_ms for row in chunk.load(body) or ()]
            if times:
                low, high = found.get(boot, (times[0], times[0]))
                found[boot] = min(low, *times), max(high, *times)
        return found

    def change_clock(self, old: str, new: str) -> None:
        """What was accepted under one word for the clock stands under another."""
        self._db.execute("UPDATE chunk SET clock = ? WHERE clock = ?", (new, old))

    def readings(self) -> int:
        """How many readings wait here."""
        count: int = self._db.execute("SELECT coalesce(sum(rows), 0) FROM chunk").fetchone()[0]
        return count
