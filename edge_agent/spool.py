"""The spool: every accepted reading stays on this disk until the collector has said that the database has it.

    chunk    what one commit accepted, not yet sealed (one row a commit, so that a commit touches few pages)
    batch    what was sealed: life, sequence, digest, span, and when the collector answered for it
    sealed   the bytes of each batch, never changed; kept a while after the answer as a replay ring, deleted in bulk
    life     the random ids under which batches were numbered; a new one after a repair or a rolled-back card
    ledger   per sensor and hour what was accepted, bad and silent: so that every hole can be explained

Not thread-safe: one thread owns the spool.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent import chunk, spool_file, thinning
from edge_agent.reading import Reading, Series
from edge_agent.sealing import ROWS_PER_BATCH, Uniquifier, blocks, readings_of
from edge_agent.spool_file import FORMAT, Rescue, SpoolError, SpoolIoError, transaction
from wire import batch as wire_batch

__all__ = ["Depth", "Origin", "Sealed", "Spool", "SpoolError", "SpoolIoError"]

SYNCED, UNSYNCED, RESTORED, ESTIMATED = "synced", "unsynced", "restored", "estimated"
HOUR_MS = 3_600_000
THIN_BATCHES = 64
LEDGER_HOURS = 48


class Sealed(NamedTuple):
    """A batch as it travels: the spool and sequence that name it, digest, rows, time span and bytes.

    `id` is this file's own number for it, in the order of sealing. `replay`: it was answered before and is sent again
    for a database that has lost it.
    """

    id: int
    spool: str
    seq: int
    digest: str
    rows: int
    from_ms: int
    to_ms: int
    data: bytes
    replay: bool = False


class Depth(NamedTuple):
    """How much waits: rows accepted and not acknowledged, batches sealed, the oldest time, bytes of the file."""

    rows: int
    batches: int
    oldest_ms: int | None
    file_bytes: int


class Origin(NamedTuple):
    """What a batch is of, beside its rows. `clock` is unsynced for rows whose times are since boot."""

    node: str
    site: str
    boot: str
    clock: str


class Spool:
    """One spool file. `spool_id` names its current life; `next_seq` is the number of the next sealed batch."""

    def __init__(self, path: Path, node: str = "node", site: str = "site") -> None:
        self.path = path
        self._node, self._site = node, site
        self._db, rescue = spool_file.open_checked(path)
        self._acked: dict[int, tuple[int, int]] = {}
        self._life, self.spool_id = self._current_life()
        self.next_seq = int(self._meta("next_seq") or 1)
        self.rescued = 0 if rescue is None else self._take_in(rescue)
        self._unique = Uniquifier(self._last_times())

    # -- accepting ------------------------------------------------------------------------------------------------

    def accept(
        self, readings: Iterable[Reading], origin: Origin, state: Mapping[str, Any] | None = None
    ) -> list[Reading]:
        """Commit readings (and interval state) durably; they are *accepted* when this returns.

        Raises SpoolError when the disk will not take them, and nothing is accepted then; SpoolIoError when the disk
        failed under the write: close, open again, and only then go on.
        """
        before = dict(self._unique.last_ms)
        taken = [self._unique.unique(reading) for reading in readings] if origin.clock == SYNCED else list(readings)
        try:
            with transaction(self._db):
                if taken:
                    body = (origin.site, origin.boot, origin.clock, len(taken), chunk.dump(taken))
                    self._db.execute(_INSERT_CHUNK, body)
                for key, value in (state or {}).items():
                    self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))
                self._write_acked()
        except sqlite3.Error as error:
            self._unique.last_ms = (
                before  # or the same readings would be moved to later times when they are tried again
            )
            raise self._trouble(error) from error
        return taken

    def state(self, key: str) -> Any:
        """The interval state committed last under `key`, or None."""
        row = self._db.execute("SELECT body FROM state WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    # -- sealing --------------------------------------------------------------------------------------------------

    def seal(self, node: str, true_time: Callable[[str], tuple[int, str] | None] = lambda _: None) -> list[Sealed]:
        """Seal what was accepted into batches with their final bytes, in one transaction.

        `true_time` tells for a boot whose rows have no true time yet what to add to them and the clock's word
        (restored, estimated), or None while nobody knows: those rows go on waiting.
        """
        first = self.next_seq
        sealed: list[Sealed] = []
        try:
            with transaction(self._db):
                for origin, numbers, rows in self._chunks(node, true_time):
                    sealed += [self._seal(origin, part) for part in _portions(rows)]
                    self._db.executemany("DELETE FROM chunk WHERE id = ?", [(number,) for number in numbers])
                if sealed:
                    self._keep_numbers()
        except sqlite3.Error as error:
            self.next_seq = first  # nothing was sealed: no sequence may be skipped
            raise self._trouble(error) from error
        return sealed

    def _chunks(
        self, node: str, true_time: Callable[[str], tuple[int, str] | None]
    ) -> list[tuple[Origin, list[int], list[Reading]]]:
        groups: dict[Origin, tuple[list[int], list[Reading]]] = {}
        for number, site, boot, clock, body, count in self._db.execute(
            "SELECT id, site, boot, clock, body, rows FROM chunk ORDER BY id"
        ).fetchall():
            rows = chunk.load(body)
            if rows is None:
                rows, clock = [_damaged(count, max(self._unique.last_ms.values(), default=0))], SYNCED
            if clock == UNSYNCED:
                known = true_time(boot)
                if known is None:
                    continue
                offset_ms, clock = known
                rows = [self._unique.unique(row._replace(time_ms=row.time_ms + offset_ms)) for row in rows]
            numbers, found = groups.setdefault(Origin(node, site, boot, clock), ([], []))
            numbers.append(number)
            found += rows
        return [(origin, numbers, rows) for origin, (numbers, rows) in groups.items()]

    def _seal(self, origin: Origin, rows: list[Reading]) -> Sealed:
        seq = self.next_seq
        data = wire_batch.encode(
            node=origin.node, site=origin.site, spool=self.spool_id, seq=seq, boot=origin.boot, clock=origin.clock,
            blocks=blocks(rows),
        )  # fmt: skip
        times = [row.time_ms for row in rows]
        self.next_seq = seq + 1
        return self._insert(self._life, seq, data, len(rows), min(times), max(times))

    def _insert(self, life: int, seq: int, data: bytes, rows: int, from_ms: int, to_ms: int) -> Sealed:
        digest = wire_batch.digest(data)
        number = self._db.execute(
            "INSERT INTO batch (life, seq, digest, rows, from_ms, to_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (life, seq, digest, rows, from_ms, to_ms),
        ).lastrowid
        assert number is not None
        self._db.execute("INSERT INTO sealed VALUES (?, ?)", (number, data))
        return Sealed(number, self.spool_id, seq, digest, rows, from_ms, to_ms, data)

    def _keep_numbers(self) -> None:
        self._set_meta("next_seq", self.next_seq)
        self._set_meta("last_ms", chunk.dump_times(self._unique.last_ms))

    # -- delivering -----------------------------------------------------------------------------------------------

    def oldest(self, count: int, skip: Sequence[int] = ()) -> list[Sealed]:
        """Up to `count` waiting batches, oldest first, without the ids in `skip`."""
        return self._waiting("ASC", count, skip)

    def newest(self, count: int, skip: Sequence[int] = ()) -> list[Sealed]:
        """Up to `count` waiting batches, newest first, without the ids in `skip`."""
        return self._waiting("DESC", count, skip)

    def _waiting(self, order: str, count: int, skip: Sequence[int]) -> list[Sealed]:
        if count <= 0:
            return []
        gone = [*skip, *self._acked]
        marks = ",".join("?" * len(gone))
        rows = self._db.execute(
            f"{_SELECT_SEALED} WHERE acked_ms IS NULL AND batch.id NOT IN ({marks})"
            f" AND life IN (SELECT id FROM life WHERE spool IN (?, ?)) ORDER BY batch.id {order} LIMIT ?",
            (*gone, *(self.spools() * 2)[:2], count),
        ).fetchall()
        return [one for one in (Sealed(*row) for row in rows) if self._is_whole(one)]

    def _is_whole(self, one: Sealed) -> bool:
        """What is sent is what was sealed: bytes that have changed on the disk are put aside and named in a gap."""
        if isinstance(one.data, bytes) and wire_batch.digest(one.data) == one.digest:
            return True
        origin = Origin(self._node, self._site, "0" * 8, SYNCED)
        with transaction(self._db):
            self._set_meta("changed", f"batch {one.seq} of spool {one.spool} changed on the disk")
            self._replace(
                [one], origin, "damaged", [thinning.Loss("node", one.rows, one.from_ms, one.to_ms)], one.to_ms
            )
            self._keep_numbers()
        return False

    def find(self, spool: str, seq: int) -> tuple[int, str] | None:
        """Id and digest of a waiting batch, or None when no such batch waits."""
        row = self._db.execute(
            "SELECT batch.id, digest FROM batch JOIN life ON life = life.id"
            " WHERE spool = ? AND seq = ? AND acked_ms IS NULL",
            (spool, seq),
        ).fetchone()
        return None if row is None or row[0] in self._acked else (row[0], row[1])

    def release(self, number: int, code: int, now_ms: int) -> None:
        """The collector has answered for this batch. Written with the next commit: forgetting costs one resend."""
        self._acked[number] = (code, now_ms)

    def spools(self) -> tuple[str, ...]:
        """The lives whose batches go out now: the current one and, after a repair, the oldest that still waits."""
        older = self._db.execute(
            "SELECT spool FROM life WHERE id != ? AND id IN (SELECT life FROM batch WHERE acked_ms IS NULL)"
            " ORDER BY id LIMIT 1",
            (self._life,),
        ).fetchone()
        return (self.spool_id,) if older is None else (self.spool_id, older[0])

    def replay(self, from_ms: int, to_ms: int) -> int:
        """Put acknowledged batches of the ring whose rows fall into [from, to) back to waiting; returns how many.

        They keep the code of their first answer, by which a replay is known.
        """
        with transaction(self._db):
            self._write_acked()
            return self._db.execute(
                "UPDATE batch SET acked_ms = NULL WHERE acked_ms IS NOT NULL AND to_ms >= ? AND from_ms < ?"
                " AND id IN (SELECT id FROM sealed)",
                (from_ms, to_ms),
            ).rowcount

    def prune(self, before_ms: int) -> int:
        """Delete acknowledged batches answered before `before_ms`; returns how many."""
        with transaction(self._db):
            self._write_acked()
            self._db.execute("DELETE FROM sealed WHERE id IN (SELECT id FROM batch WHERE acked_ms < ?)", (before_ms,))
            self._db.execute(
                "DELETE FROM ledger WHERE hour_ms < ?", (before_ms // HOUR_MS * HOUR_MS - LEDGER_HOURS * HOUR_MS,)
            )
            return self._db.execute("DELETE FROM batch WHERE acked_ms < ?", (before_ms,)).rowcount

    def _write_acked(self) -> None:
        self._db.executemany(
            "UPDATE batch SET code = ?, acked_ms = ? WHERE id = ?",
            [(*fate, number) for number, fate in self._acked.items()],
        )
        self._acked.clear()

    # -- making room ----------------------------------------------------------------------------------------------

    def split(self, number: int, node: str, now_ms: int) -> None:
        """A batch was too large for the collector: its rows are sealed again in two halves, the parent removed."""
        parent = self._sealed(number)
        rows, envelope = readings_of(parent.data)
        origin = Origin(node, envelope.site, envelope.boot, envelope.clock)
        middle = max(1, len(rows) // 2)
        with transaction(self._db):
            for part in (rows[:middle], rows[middle:]):
                if part:
                    self._seal(origin, part)
            self._replace([parent], origin, "split", [thinning.Loss("node", 0, parent.from_ms, parent.to_ms)], now_ms)
            self._keep_numbers()

    def make_room(self, node: str, max_bytes: int, now_ms: int) -> int:
        """When the file is larger than it may be: free the replay ring, then thin the oldest batches to one-minute
        rows, then drop the oldest. What was replaced is named in a gap record of the same transaction.

        Returns how many rows were thinned or dropped. Call again until it returns 0.
        """
        if self._used_bytes() <= max_bytes or self.prune(now_ms + 1):
            return 0
        oldest = self.oldest(THIN_BATCHES)
        if not oldest or oldest[0].spool != oldest[-1].spool:
            oldest = [one for one in oldest if one.spool == oldest[0].spool]
        return self._thin(oldest, node, now_ms) if oldest else 0

    def _thin(self, batches: list[Sealed], node: str, now_ms: int) -> int:
        """Thin what can be; when nothing can, the first of them goes."""
        opened = [(one, *readings_of(one.data)) for one in batches]
        if all(_only_gaps(rows) for _, rows, _ in opened):
            return 0  # the account of what is missing is kept to the last
        raw = [found for found in opened if thinning.thin(found[1])[0]]
        with transaction(self._db):
            if raw:
                origin = Origin(node, raw[0][2].site, raw[0][2].boot, raw[0][2].clock)
                rows = [row for _, rows, _ in raw for row in rows]
                thinned, others = thinning.thin(rows)
                lost = [row for row in rows if row not in others] if others else rows
                for part in _portions([*thinned, *others]):
                    self._seal(origin, part)
                self._replace([one for one, _, _ in raw], origin, "thinned", thinning.losses(lost), now_ms)
            else:
                one, lost, envelope = next(found for found in opened if not _only_gaps(found[1]))
                origin = Origin(node, envelope.site, envelope.boot, envelope.clock)
                self._replace([one], origin, "dropped", thinning.losses(lost), now_ms)
            self._keep_numbers()
        return len(lost)

    def _replace(
        self, gone: list[Sealed], origin: Origin, reason: str, losses: list[thinning.Loss], now_ms: int
    ) -> None:
        """Remove batches and seal a gap record that names them, one row a run of sequences and sensor."""
        rows = []
        for run in _runs([one.seq for one in gone]):
            for loss in losses:
                series = Series(loss.sensor, "gap", (("reason", reason),))
                values: dict[str, float | int] = {"from_ms": loss.from_ms, "to_ms": loss.to_ms, "lost_count": loss.rows}
                rows.append(Reading(series, now_ms, values | {"from_seq": run[0], "to_seq": run[-1]}))
            losses = [loss._replace(rows=0) for loss in losses]  # counted once, with the first run
        self._seal(origin._replace(clock=SYNCED), [self._unique.unique(row) for row in rows])
        for one in gone:
            self._db.execute("DELETE FROM batch WHERE id = ?", (one.id,))
            self._db.execute("DELETE FROM sealed WHERE id = ?", (one.id,))

    def _used_bytes(self) -> int:
        pages, free, page = (self._pragma(name) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * page

    # -- lives ----------------------------------------------------------------------------------------------------

    def begin_life(self, node: str, now_ms: int) -> None:
        """The collector knows sequences this spool has not used yet: the card was rolled back or copied.

        Numbering starts again under a new id. Everything that waits is sealed again under it, since its old numbers may
        stand for other bytes; equal rows land on equal points. A gap record names the numbers left behind.
        """
        waiting = self._all_waiting()
        with transaction(self._db):
            self._new_life()
            for one in waiting:
                rows, envelope = readings_of(one.data)
                origin = Origin(node, envelope.site, envelope.boot, envelope.clock)
                self._seal(origin, rows)
            if waiting:  # one record for all: one each would double what waits with every new life
                span = thinning.Loss("node", 0, min(one.from_ms for one in waiting), max(one.to_ms for one in waiting))
                self._replace(waiting, origin, "renumbered", [span], now_ms)
            self._keep_numbers()

    def _current_life(self) -> tuple[int, str]:
        row = self._db.execute("SELECT id, spool FROM life ORDER BY id DESC LIMIT 1").fetchone()
        if row is not None:
            return row[0], row[1]
        with transaction(self._db):
            self._set_meta("format", FORMAT)
            return self._new_life()

    def _new_life(self) -> tuple[int, str]:
        spool_id = secrets.token_hex(16)
        number = self._db.execute("INSERT INTO life (spool) VALUES (?)", (spool_id,)).lastrowid
        assert number is not None
        self._life, self.spool_id, self.next_seq = number, spool_id, 1
        self._set_meta("next_seq", 1)
        return number, spool_id

    def _take_in(self, rescue: Rescue) -> int:
        """Take what was saved from a damaged file into this new one, under the names it had."""
        with transaction(self._db):
            lives: dict[str, int] = {}
            for one in rescue.batches:
                if one.spool not in lives:
                    number = self._db.execute("INSERT INTO life (spool) VALUES (?)", (one.spool,)).lastrowid
                    assert number is not None
                    lives[one.spool] = number
                self._insert(lives[one.spool], one.seq, one.data, one.rows, one.from_ms, one.to_ms)
            self._new_life()
            self._db.executemany(
                "INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)", rescue.chunks
            )
            last_ms = max([rescue.written_ms, *(one.to_ms for one in rescue.batches)])
            gap = [_damaged(0, last_ms)]  # 0: nobody can say how many
            self._db.execute(_INSERT_CHUNK, (self._site, "0" * 8, SYNCED, 1, chunk.dump(gap)))
            self._set_meta("damaged", str(rescue.aside))
        return len(rescue.batches) + len(rescue.chunks)

    # -- looking --------------------------------------------------------------------------------------------------

    def depth(self) -> Depth:
        """How much waits to be acknowledged."""
        chunk_rows = self._db.execute("SELECT coalesce(sum(rows), 0) FROM chunk").fetchone()[0]
        batches, rows, oldest = self._db.execute(
            "SELECT count(*), coalesce(sum(rows), 0), min(from_ms) FROM batch WHERE acked_ms IS NULL"
        ).fetchone()
        marks = ",".join("?" * len(self._acked))
        released = self._db.execute(
            f"SELECT coalesce(sum(rows), 0) FROM batch WHERE id IN ({marks})", tuple(self._acked)
        ).fetchone()[0]
        return Depth(rows - released + chunk_rows, batches - len(self._acked), oldest, spool_file.size(self.path))

    def damaged(self) -> str | None:
        """Where a damaged file was put aside at this start or an earlier one, or None."""
        found: str | None = self._meta("damaged")
        return found

    def changed(self) -> str | None:
        """The last batch whose bytes had changed on the disk, or None."""
        found: str | None = self._meta("changed")
        return found

    def unsynced_boots(self) -> dict[str, tuple[int, int]]:
        """Boots whose rows wait for a true time: first and last time since boot, in milliseconds."""
        found: dict[str, tuple[int, int]] = {}
        for boot, body in self._db.execute("SELECT boot, body FROM chunk WHERE clock = ? ORDER BY id", (UNSYNCED,)):
            times = [row.time_ms for row in chunk.load(body) or ()]
            if not times:
                continue
            low, high = found.get(boot, (min(times), max(times)))
            found[boot] = min(low, *times), max(high, *times)
        return found

    def close(self) -> None:
        """Write what was released and let go of the file."""
        with transaction(self._db):
            self._write_acked()
        self._db.close()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _sealed(self, number: int) -> Sealed:
        return Sealed(*self._db.execute(f"{_SELECT_SEALED} WHERE batch.id = ?", (number,)).fetchone())

    def _all_waiting(self) -> list[Sealed]:
        return [Sealed(*row) for row in self._db.execute(f"{_SELECT_SEALED} WHERE acked_ms IS NULL ORDER BY batch.id")]

    def _meta(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _pragma(self, name: str) -> int:
        value: int = self._db.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def _last_times(self) -> dict[Series, int]:
        """The last time of each series: as of the last seal, plus what was accepted since."""
        last = chunk.load_times(self._meta("last_ms"))
        for (body,) in self._db.execute("SELECT body FROM chunk WHERE clock = ? ORDER BY id", (SYNCED,)):
            for reading in chunk.load(body) or ():
                last[reading.series] = max(reading.time_ms, last.get(reading.series, reading.time_ms))
        return last

    def _trouble(self, error: sqlite3.Error) -> SpoolError:
        if isinstance(error, sqlite3.OperationalError) and "disk I/O" in str(error):
            return SpoolIoError(f"{self.path}: {error}. Cure: replace the card")
        return SpoolError(f"{self.path}: {error}. Cure: free space or replace the card")


_INSERT_CHUNK = "INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)"
_SELECT_SEALED = (
    "SELECT batch.id, spool, seq, digest, rows, from_ms, to_ms, CAST(bytes AS BLOB), code IS NOT NULL"
    " FROM batch JOIN sealed USING (id) JOIN life ON life = life.id"
)


def _only_gaps(rows: list[Reading]) -> bool:
    return all(row.series.kind == "gap" for row in rows)


def _portions(rows: list[Reading]) -> Iterable[list[Reading]]:
    for start in range(0, len(rows), ROWS_PER_BATCH):
        yield rows[start : start + ROWS_PER_BATCH]


def _runs(numbers: list[int]) -> list[list[int]]:
    """Runs of consecutive numbers."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _damaged(rows: int, time_ms: int) -> Reading:
    """A gap record for rows that cannot be read any more."""
    values = {"from_ms": time_ms, "to_ms": time_ms, "lost_count": rows, "from_seq": 0, "to_seq": 0}
    return Reading(Series("node", "gap", (("reason", "damaged"),)), time_ms, dict(values))
