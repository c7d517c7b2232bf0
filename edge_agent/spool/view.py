"""Looking into a spool from outside, while its agent works on: SQLite lets readers in, and nothing here writes.

`survey` answers what people ask first: how much is stored, since when, and how long does the room last?
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_agent.reading import Reading
from edge_agent.spool import chunk
from edge_agent.spool import file as spool_file
from edge_agent.spool.file import SpoolError
from edge_agent.spool.sealing import readings_of
from wire import batch as wire_batch
from wire.both import Both
from wire.times import DAY_MS

LOST_REASONS = ("thinned", "dropped", "disk-full", "damaged", "purged", "unanswered")
_STORED = Both("stored", "已入库")
ANSWERS = {0: _STORED, 1: Both("stored in part", "部分入库"), 2: Both("quarantined", "已隔离"), 3: _STORED}


class Entry(NamedTuple):
    """One batch: its name, rows, span, size, and what the collector said (None: it waits)."""

    spool: str
    seq: int
    rows: int
    from_ms: int
    to_ms: int
    size: int
    code: int | None
    acked_ms: int | None

    @property
    def state(self) -> Both:
        """In a word."""
        if self.acked_ms is None:
            return Both("waiting", "待发") if self.code is None else Both("waiting again", "等待重发")
        return ANSWERS.get(self.code or 0, Both(f"answered {self.code}", f"答复 {self.code}"))


class Survey(NamedTuple):
    """The whole file. `bytes_a_day` is what a day of readings takes here, None while nobody can tell.

    `untimed_rows` of what waits do so for the time; unpacked, a day of them takes ten times as much.
    """

    waiting_rows: int
    untimed_rows: int
    waiting_batches: int
    waiting_bytes: int
    oldest_ms: int | None
    kept_rows: int
    kept_batches: int
    kept_since_ms: int | None
    lost: dict[str, int]
    file_bytes: int
    bytes_a_day: int | None
    spool: str
    damaged: str | None

    def days_left(self, max_bytes: int) -> float | None:
        """How long readings go on fitting when nothing is answered any more; what is kept for a replay goes first."""
        if not self.bytes_a_day:
            return None
        return max(0, max_bytes - self.waiting_bytes) / self.bytes_a_day


class View:
    """A spool file, open for looking. Raises SpoolError when there is none or it cannot be read.

    `damaged_batches` counts those that were not handed out, since their bytes are not what was sealed; `unread_rows`
    the readings of which what was written cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged_batches = self.unread_rows = 0
        if not path.exists():
            raise SpoolError(f"{path} does not exist. Cure: has the agent run, and is this the file it uses?")
        try:
            self._db = spool_file.looking(path, timeout_s=10)
            with spool_file.closed_on_error(self._db):
                self._db.execute("SELECT count(*) FROM life").fetchone()
        except sqlite3.Error as error:
            raise SpoolError(f"{path}: {error}. Cure: may you read it? Try sudo") from error

    def survey(self) -> Survey:
        """What is in it."""
        waiting_batches, sealed_rows, oldest_ms, sealed_bytes = self._one(
            "SELECT count(*), coalesce(sum(rows), 0), min(from_ms), coalesce(sum(length(bytes)), 0)"
            " FROM batch JOIN sealed USING (id) WHERE acked_ms IS NULL"
        )
        chunk_rows, chunk_bytes = self._one("SELECT coalesce(sum(rows), 0), coalesce(sum(length(body)), 0) FROM chunk")
        kept = self._one("SELECT count(*), coalesce(sum(rows), 0), min(from_ms) FROM batch WHERE acked_ms IS NOT NULL")
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        lost = {reason: int(meta.get(f"lost_{reason}") or 0) for reason in LOST_REASONS}
        return Survey(
            waiting_rows=sealed_rows + chunk_rows,
            untimed_rows=self.unsealed_rows(untimed=True),
            waiting_batches=waiting_batches,
            waiting_bytes=round((sealed_bytes + chunk_bytes) * self._overhead()),
            oldest_ms=oldest_ms,
            kept_rows=kept[1],
            kept_batches=kept[0],
            kept_since_ms=kept[2],
            lost={reason: rows for reason, rows in lost.items() if rows},
            file_bytes=spool_file.size(self.path),
            bytes_a_day=self._bytes_a_day(),
            spool=self._one("SELECT spool FROM life ORDER BY id DESC LIMIT 1")[0],
            damaged=meta.get("damaged"),
        )

    def entries(self, from_ms: int = 0, to_ms: int = 2**62, only_waiting: bool = False) -> Iterator[Entry]:
        """Batches whose rows fall into [from, to), oldest first."""
        yield from map(
            Entry._make,
            self._db.execute(
                "SELECT spool, seq, rows, from_ms, to_ms, length(bytes), code, acked_ms FROM batch"
                " JOIN sealed USING (id) JOIN life ON life = life.id WHERE to_ms >= ? AND from_ms < ?"
                + (" AND acked_ms IS NULL" if only_waiting else "")
                + " ORDER BY from_ms, batch.id",
                (from_ms, to_ms),
            ),
        )

    def batches(self, from_ms: int, to_ms: int, only_waiting: bool) -> Iterator[bytes]:
        """The bytes of those batches, as they travel; without those that the disk has changed."""
        return (data for _, data in self._whole(from_ms, to_ms, only_waiting))

    def _whole(self, from_ms: int, to_ms: int, only_waiting: bool) -> Iterator[tuple[int, bytes]]:
        """How many rows each of those batches has, and its bytes."""
        condition = " AND acked_ms IS NULL" if only_waiting else ""
        for digest, rows, data in self._db.execute(
            "SELECT digest, rows, CAST(bytes AS BLOB) FROM batch JOIN sealed USING (id)"
            f" WHERE to_ms >= ? AND from_ms < ?{condition} ORDER BY from_ms, batch.id",
            (from_ms, to_ms),
        ):
            if isinstance(data, bytes) and wire_batch.digest(data) == digest:
                yield rows, data
            else:
                self.damaged_batches += 1

    def readings(self, from_ms: int, to_ms: int, only_waiting: bool) -> Iterator[tuple[Reading, str]]:
        """The readings of [from, to) with the clock's word, sealed or not; rows that wait for a true time stay out."""
        for count, data in self._whole(from_ms, to_ms, only_waiting):
            rows, envelope = readings_of(data)
            self.unread_rows += count - len(rows)
            yield from ((row, envelope.clock) for row in rows if from_ms <= row.time_ms < to_ms)
        timed = "SELECT rows, body, clock FROM chunk WHERE clock != 'unsynced' ORDER BY id"
        for count, body, clock in self._db.execute(timed):
            found = chunk.load(body)
            self.unread_rows += count if found is None else 0
            yield from ((row, clock) for row in found or () if from_ms <= row.time_ms < to_ms)

    def unsealed_rows(self, untimed: bool) -> int:
        """How many readings are in no batch yet; only those that wait for a true time where `untimed`."""
        which = " WHERE clock = 'unsynced'" if untimed else ""
        count: int = self._one(f"SELECT coalesce(sum(rows), 0) FROM chunk{which}")[0]
        return count

    def close(self) -> None:
        self._db.close()

    def _bytes_a_day(self) -> int | None:
        """From the newest day that is here; an hour at least, or the figure would be a guess."""
        size, span_ms = self._newest_untimed() or self._newest_sealed()
        return round(size * self._overhead() * DAY_MS / span_ms) if span_ms >= DAY_MS // 24 else None

    def _newest_untimed(self) -> tuple[int, int] | None:
        """Bytes and span of what waits for the time since the newest boot; None when nothing does."""
        of_boot = "clock = 'unsynced' AND rows > 0 AND boot ="
        size, *ends = self._one(
            f"SELECT sum(length(body)), min(id), max(id) FROM chunk WHERE {of_boot}"
            " (SELECT boot FROM chunk WHERE clock = 'unsynced' AND rows > 0 ORDER BY id DESC LIMIT 1)"
        )
        if size is None:
            return None
        bodies = [self._one("SELECT body FROM chunk WHERE id = ?", number)[0] for number in ends]
        times = [row.time_ms for body in bodies for row in chunk.load(body) or ()]
        return size, max(times, default=0) - min(times, default=0)

    def _newest_sealed(self) -> tuple[int, int]:
        """Bytes and span of the newest day of batches."""
        (newest_ms,) = self._one("SELECT max(to_ms) FROM batch JOIN sealed USING (id)")
        size, first_ms = self._one(
            "SELECT sum(length(bytes)), min(from_ms) FROM batch JOIN sealed USING (id) WHERE from_ms >= ?",
            (newest_ms or 0) - DAY_MS,
        )
        return size or 0, (newest_ms or 0) - (first_ms or newest_ms or 0)

    def _overhead(self) -> float:
        """How much more the file takes than the bytes of its batches."""
        pages, free, page = (self._one(f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count", "page_size"))
        payload = self._one("SELECT coalesce(sum(length(bytes)), 0) FROM sealed")[0]
        payload += self._one("SELECT coalesce(sum(length(body)), 0) FROM chunk")[0]
        return min(2.0, max(1.0, (pages - free) * page / payload)) if payload else 1.0

    def _one(self, question: str, *values: object) -> tuple:  # type: ignore[type-arg]
        row: tuple = self._db.execute(question, values).fetchone()  # type: ignore[type-arg]
        return row
