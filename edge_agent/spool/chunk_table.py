"""The chunks in a spool's file: what each commit accepted and is not sealed yet.

Nothing here opens a transaction: whoever writes does it in one of the spool's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

from edge_agent.reading import Reading
from edge_agent.spool import chunk, gap_records

UNSYNCED = "unsynced"
_COUNT = "coalesce(CAST(rows AS INTEGER), 0)"  # a flipped bit is damage, not an exception
LAST_CHUNKS = 100  # an interval is told under the time it began


class Chunk(NamedTuple):
    """What one commit accepted: `rows` readings, which are None where the disk has changed what was written."""

    id: int
    site: str
    boot: str
    clock: str
    rows: int
    readings: list[Reading] | None

    def whole(self) -> list[Reading]:
        """Its readings; of a damaged one the record of how many there were."""
        return [gap_records.damaged(self.rows, 0)] if self.readings is None else self.readings


class Survey(NamedTuple):
    """How many readings wait, those whose true time is known, and of the others each boot with its last chunk."""

    waiting: int
    timed: list[Reading]
    untimed: dict[str, int]


class ChunkTable:
    """Chunks in the order in which they were committed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def insert(self, site: str, boot: str, clock: str, readings: list[Reading]) -> int:
        """The readings of one commit; their id."""
        return self._insert((site, boot, clock, len(readings), chunk.dump(readings)))

    def insert_rows(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Chunks as a damaged file had them: site, boot, clock, how many readings, and their text."""
        for row in rows:
            self._insert(row)

    def _insert(self, row: tuple[Any, ...]) -> int:
        question = "INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)"
        number = self._db.execute(question, row).lastrowid
        assert number is not None
        return number

    def oldest_untimed(self, most: int) -> list[Chunk]:
        """The oldest that wait for a true time, of one boot, after what stands for those that went before."""
        boot = "SELECT boot FROM chunk WHERE clock = ? AND rows > 0 ORDER BY id LIMIT 1"
        which = f"WHERE clock = ? AND boot = ({boot}) ORDER BY id LIMIT ?"
        return list(self._select(which, UNSYNCED, UNSYNCED, most))

    def replace(self, gone: list[Chunk], told: list[Reading]) -> int:
        """What tells of them stands in their place, and counts as no reading; how many they held."""
        held, (number, site, boot, clock, *_) = self.delete([one.id for one in gone]), gone[0]
        self._db.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, 0, ?)", (number, site, boot, clock, chunk.dump(told)))
        return held

    def delete(self, numbers: list[int]) -> int:
        """These are sealed; how many readings they held."""
        question = f"DELETE FROM chunk WHERE id = ? RETURNING {_COUNT}"
        return sum(self._db.execute(question, (number,)).fetchone()[0] for number in numbers)

    def all(self) -> Generator[Chunk]:
        """Every chunk, one after the other: a month without the time is more than memory holds."""
        return self._select("ORDER BY id")

    def survey(self) -> Survey:
        """What waits here. Reads the whole table: gigabytes, after a month without the time."""
        waiting, timed, untimed = 0, list[Reading](), dict[str, int]()
        question = f"SELECT id, boot, {_COUNT}, CASE WHEN clock != ? THEN body END FROM chunk ORDER BY id"
        for number, boot, count, body in self._db.execute(question, (UNSYNCED,)):
            waiting += count
            if body is None:
                untimed[boot] = number
            else:
                timed += chunk.load(body) or []
        return Survey(waiting, timed, untimed)

    def unsynced(self, most: int) -> int:
        """How many chunks wait for a true time, counted up to `most`."""
        question = "SELECT count(*) FROM (SELECT 1 FROM chunk WHERE clock = ? LIMIT ?)"
        count: int = self._db.execute(question, (UNSYNCED, most)).fetchone()[0]
        return count

    def untimed_until_ms(self, boot: str, last: int) -> int:
        """The last time since boot, in milliseconds, of that boot's rows that wait for a true one: `last` has them."""
        question = "SELECT body FROM chunk WHERE clock = ? AND boot = ? AND id BETWEEN ? AND ?"
        bodies = self._db.execute(question, (UNSYNCED, boot, last - LAST_CHUNKS, last))
        return max((row.time_ms for (body,) in bodies for row in chunk.load(body) or ()), default=0)

    def change_clock(self, old: str, new: str) -> None:
        """What was accepted under one word for the clock stands under another."""
        self._db.execute("UPDATE chunk SET clock = ? WHERE clock = ?", (new, old))

    def _select(self, which: str, *values: object) -> Generator[Chunk]:
        rows = self._db.execute(f"SELECT id, site, boot, clock, rows, body FROM chunk {which}", values)
        for number, site, boot, clock, count, body in rows:
            yield Chunk(number, site, boot, clock, count, chunk.load(body))
