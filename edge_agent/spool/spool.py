"""The spool: every accepted reading stays on this disk until the collector has said that the database has it.

    chunk    what one commit accepted, not yet sealed (one row a commit, so that a commit touches few pages)
    batch    what was sealed: life, sequence, digest, span, and when the collector answered for it
    sealed   the bytes of each batch, never changed; kept a while after the answer as a replay ring, deleted in bulk
    life     the random ids under which batches were numbered; a new one after a repair or a rolled-back card
    state    intervals that are open and the accounts of the hours, as of the last commit
    meta     the next sequence, the last time of each series, what was lost and why

Not thread-safe: one thread owns the spool.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from common.named_file import NamedFile
from edge_agent.reading import Reading
from edge_agent.spool import file as spool_file
from edge_agent.spool import gap_records, in_place
from edge_agent.spool.batch_table import BatchTable
from edge_agent.spool.chunk_table import UNSYNCED, ChunkTable
from edge_agent.spool.file import FORMAT, SpoolError, SpoolIoError, transaction
from edge_agent.spool.gap_records import Loss
from edge_agent.spool.meta_table import MetaTable
from edge_agent.spool.numbering import Numbering
from edge_agent.spool.rescue import Rescue
from edge_agent.spool.sealed import Depth, Origin, Sealed
from edge_agent.spool.sealing import blocks, portions, readings_of
from edge_agent.spool.unique_times import UniqueTimes
from edge_agent.timeline import FLOOR_MS
from wire import batch as wire_batch

__all__ = ["UNSYNCED", "Depth", "Origin", "Sealed", "Spool", "SpoolError", "SpoolIoError"]

SYNCED, RESTORED, ESTIMATED = "synced", "restored", "estimated"
NO_BOOT = "0" * 8  # of what the spool says itself
LATEST_BATCHES = 32  # are read at the start
RESTORED_AT_ONCE = 2_000  # chunks: those of a day took 200 MB, and longer than a sensor's bytes are kept for us

TrueTime = Callable[[str], tuple[int, str] | None]


class Spool:
    """One spool file. What is sealed and what was answered is in `batches`, what is not sealed yet in `_chunks`.

    `_numbering` names batches, `_times` keeps two readings from sharing one. What all of them write goes to the disk in
    the transactions of this class alone. `alive` is called while a damaged file is read, which takes its time.
    """

    def __init__(
        self, path: Path, node: str, site: str, new_id: Callable[[int], str] | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.path = path
        self._node, self._site = node, site
        self._own = Origin(node, site, NO_BOOT, SYNCED)
        self._restored: list[Reading] = []
        self._unsealed, self._times = 0, UniqueTimes()
        self._db, rescue = spool_file.open_checked(path)
        with spool_file.closed_on_error(self._db):
            self.batches, self._chunks, self._meta = BatchTable(self._db), ChunkTable(self._db), MetaTable(self._db)
            # a simulator draws the same ids again
            self._numbering = Numbering(self._db, self._meta, new_id or secrets.token_hex)
            if not self._numbering.resume(self.batches.highest) or rescue is not None:
                self._begin_file(rescue, alive)
            self._unsealed, timed, self._untimed = self._chunks.survey()
            kept = self._meta.get("last_ms")
            self._times = UniqueTimes.restored(kept, self._latest_sealed, timed, self._sealed_between)
        self._named = NamedFile(path)

    @property
    def spool_id(self) -> str:
        """The id of the current life, which travels."""
        return self._numbering.now.spool

    @property
    def next_seq(self) -> int:
        """The sequence of the next sealed batch."""
        return self._numbering.now.next_seq

    # -- accepting ------------------------------------------------------------------------------------------------

    def accept(
        self, readings: Iterable[Reading], origin: Origin, state: Mapping[str, Any] | None = None
    ) -> list[Reading]:
        """Commit readings (and interval state) durably; they are *accepted* when this returns.

        Raises SpoolError when the disk will not take them, and nothing is accepted then; SpoolIoError when the disk
        failed under the write: close, open again, and only then go on.
        """
        return self._commit(readings, origin, state, None)[0]

    def accept_and_seal(
        self, readings: Iterable[Reading], origin: Origin, state: Mapping[str, Any] | None = None,
        true_time: TrueTime = lambda _: None,
    ) -> list[Sealed]:  # fmt: skip
        """`accept` and `seal` in one transaction: one sync, and each page is written once. Raises as `accept`."""
        return self._commit(readings, origin, state, true_time)[1]

    def _commit(
        self, readings: Iterable[Reading], origin: Origin, state: Mapping[str, Any] | None, true_time: TrueTime | None
    ) -> tuple[list[Reading], list[Sealed]]:
        sealed: list[Sealed] = []
        with self._transaction():
            taken = list(readings) if origin.clock == UNSYNCED else [self._times.unique(each) for each in readings]
            if taken:
                number = self._chunks.insert(origin.site, origin.boot, origin.clock, taken)
                self._unsealed += len(taken)
                if origin.clock == UNSYNCED:
                    self._untimed[origin.boot] = number
            for row in filter(gap_records.is_gap, taken):  # what went before it came here
                self._meta.add_lost(dict(row.series.tags)["reason"], int(row.values["lost_count"]))
            for key, value in (state or {}).items():
                self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))
            if true_time is not None:
                sealed = self._seal_chunks(true_time)
            self.batches.committing(bool(sealed))
        return taken, sealed

    def state(self, key: str) -> Any:
        """The interval state committed last under `key`; None for none, and for one that the disk has changed."""
        row = self._db.execute("SELECT body FROM state WHERE key = ?", (key,)).fetchone()
        with suppress(ValueError, TypeError):
            return json.loads(row[0]) if row else None
        return None

    def state_keys(self) -> list[str]:
        """Under what something was committed."""
        return [key for (key,) in self._db.execute("SELECT key FROM state")]

    def doubt(self) -> None:
        """The clock has jumped, and nobody knows when it was right: what is not sealed yet becomes an estimate."""
        with self._transaction():
            self._chunks.change_clock(SYNCED, ESTIMATED)

    # -- sealing --------------------------------------------------------------------------------------------------

    def seal(self, true_time: TrueTime = lambda _: None) -> list[Sealed]:
        """Seal what was accepted into batches with their final bytes, in one transaction.

        `true_time` tells for a boot whose rows have no true time yet what to add to them and the clock's word
        (restored, estimated), or None while nobody knows: those rows go on waiting. At most RESTORED_AT_ONCE chunks get
        theirs at once: call again while there are more.
        """
        return self._commit([], self._own, None, true_time)[1]

    def take_restored(self) -> list[Reading]:
        """What has got its true time since this was asked last."""
        taken, self._restored = self._restored, []
        return taken

    def _seal_chunks(self, true_time: TrueTime) -> list[Sealed]:
        sealed: list[Sealed] = []
        for origin, numbers, rows in self._groups(true_time):
            sealed += [self._seal(origin, part) for part in portions(rows)]
            self._unsealed -= self._chunks.delete(numbers)
        if sealed:
            self._keep_numbers()
        return sealed

    def _groups(self, true_time: TrueTime) -> list[tuple[Origin, list[int], list[Reading]]]:
        """Chunks that can be sealed, by origin: their ids and readings, at their true times."""
        groups: dict[Origin, tuple[list[int], list[Reading]]] = {}
        restored = 0
        with closing(self._chunks.all()) as chunks:
            for number, site, boot, clock, count, rows in chunks:
                known = true_time(boot) if clock == UNSYNCED else (0, clock)
                if known is None or restored == RESTORED_AT_ONCE:
                    break  # what stands behind it is no older, and waits as well
                restored += clock == UNSYNCED
                offset_ms, word = known
                if rows is None:
                    rows, word = [gap_records.damaged(count, self.latest_ms())], SYNCED
                elif clock == UNSYNCED:
                    rows = [self._times.unique(gap_records.moved(row, offset_ms)) for row in rows]
                    self._restored += rows
                numbers, found = groups.setdefault(Origin(self._node, site, boot, word), ([], []))
                numbers.append(number)
                found += rows
        return [(origin, numbers, rows) for origin, (numbers, rows) in groups.items()]

    def _seal(self, origin: Origin, rows: list[Reading]) -> Sealed:
        life, spool, seq = self._numbering.take()
        data = wire_batch.encode(
            node=origin.node, site=origin.site, spool=spool, seq=seq, boot=origin.boot, clock=origin.clock,
            blocks=blocks(rows),
        )  # fmt: skip
        times = [row.time_ms for row in rows]
        return self.batches.insert(life, spool, seq, data, len(rows), min(times), max(times))

    def _keep_numbers(self) -> None:
        self._numbering.keep()
        self._meta.set("last_ms", self._times.packed())

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
        return [one for one in self.batches.waiting(order, count, skip, self.spools()) if self._can_go(one)]

    def _can_go(self, one: Sealed) -> bool:
        """What is sent is what was sealed: bytes that have changed on the disk are put aside and named in a gap."""
        if one.is_whole:
            return True
        with suppress(SpoolError):  # a disk that will not take the record now will be asked again
            self.give_up(one, "damaged", one.to_ms)
        return False

    def give_up(self, one: Sealed, reason: str, now_ms: int) -> None:
        """A batch goes as it is, unread; a gap record names it."""
        self.replace([one], self._own, [], reason, [Loss("node", one.rows, one.from_ms, one.to_ms)], now_ms)

    def find(self, spool: str, seq: int) -> tuple[int, str] | None:
        """Id and digest of a waiting batch, or None when no such batch waits."""
        return self.batches.find(spool, seq)

    def release(self, number: int, code: int, now_ms: int) -> None:
        """The collector has answered for this batch. Written with the next seal: forgetting costs one resend."""
        self.batches.answer(number, code, now_ms)

    def spools(self) -> tuple[str, ...]:
        """The lives whose batches go out now: the current one and, after a repair, the oldest that still waits."""
        return self._numbering.spools()

    def replay(self, from_ms: int, to_ms: int) -> int:
        """Put acknowledged batches of the ring whose rows fall into [from, to) back to waiting; returns how many.

        They keep the code of their first answer, by which a replay is known.
        """
        with self._transaction():
            return self.batches.replay(from_ms, to_ms)

    def prune(self, before_ms: int) -> int:
        """Delete acknowledged batches answered before `before_ms`; returns how many."""
        with self._transaction():
            return self.batches.prune(before_ms)

    def drop_untimed(self, most: int) -> int:
        """Of what waits for the time the oldest go, at most so many commits; returns how many rows.

        Not thinned: nobody knows yet which minute they are of. What stands for them waits for the time in their place.
        """
        oldest = self._chunks.oldest_untimed(most)
        readings = [reading for one in oldest for reading in one.whole()]
        if not readings:
            return 0
        with self._transaction():
            gone = self._chunks.replace(oldest, gap_records.before_the_time(readings))
            self._meta.add_lost("dropped", sum(loss.rows for loss in gap_records.losses(readings)))
        self._unsealed -= gone
        return gone

    # -- replacing ------------------------------------------------------------------------------------------------

    def replace(
        self, gone: list[Sealed], origin: Origin, parts: Iterable[list[Reading]], reason: str, losses: list[Loss],
        now_ms: int, unread: int = 0,
    ) -> None:  # fmt: skip
        """Seal `parts` in the place of batches that go, with a gap record that names them, in one transaction.

        Without `losses` there is none: the parts are gap records, and name them. `unread` rows of those that go were
        none for this agent (`opened`).

        Rule R10: nothing leaves this disk unanswered but with a record of it in the same commit.
        """
        with self._transaction():
            for part in parts:
                for portion in portions(part):
                    self._seal(origin, portion)
            self._meta.add_lost("damaged", unread)
            self._replace(gone, origin, reason, losses, now_ms)
            self._keep_numbers()

    def _replace(self, gone: list[Sealed], origin: Origin, reason: str, losses: list[Loss], now_ms: int) -> None:
        self._meta.add_lost(reason, sum(loss.rows for loss in losses))
        self._name([one.seq for one in gone], origin, reason, losses, now_ms)
        self.batches.delete(gone)

    def _name(self, seqs: list[int], origin: Origin, reason: str, losses: list[Loss], now_ms: int) -> None:
        """Seal the gap record of batches that go."""
        rows = gap_records.of_batches(seqs, reason, losses, now_ms)
        if rows:
            self._seal(origin._replace(clock=SYNCED), [self._times.unique(row) for row in rows])

    def unique(self, reading: Reading) -> Reading:
        """The reading at a time that no other of its series has (rule R9)."""
        return self._times.unique(reading)

    def opened(self, one: Sealed) -> tuple[list[Reading], Origin, int]:
        """The rows of a waiting batch, where they are from, and how many more there were.

        A gap record among the rows stands for these: the disk has changed the batch, or an agent newer than this has
        sealed it, with a kind or a field that this one does not know.
        """
        rows, origin = list[Reading](), self._own
        if one.is_whole:
            rows, envelope = readings_of(one.data)
            origin = Origin(self._node, envelope.site, envelope.boot, envelope.clock)
        unread = one.rows - len(rows)
        if unread:
            rows.append(self._times.unique(gap_records.damaged(unread, one.to_ms)))
        return rows, origin, unread

    def sealed(self, number: int) -> Sealed | None:
        """The batch of this id; None when it has gone."""
        return self.batches.get(number)

    def latest_ms(self) -> int:
        """The latest time that anything here has; for none the earliest that there can be: before it all is refused."""
        return max(self._times.latest_ms(), FLOOR_MS)

    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, page = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * page)

    # -- lives ----------------------------------------------------------------------------------------------------

    @property
    def renamed(self) -> bool:
        """True when the node had another name as this life began: under that one nobody takes from it what waits."""
        return not self._numbering.is_of(self._node)

    def begin_life(self, now_ms: int, alive: Callable[[], None] = lambda: None) -> None:
        """The collector knows sequences this spool has not used yet, since the card was rolled back or copied; or the
        node was renamed.

        Numbering starts again under a new id. Everything that waits is sealed again under it, since its old numbers may
        stand for other bytes; equal rows land on equal points. A gap record names the numbers left behind. A month may
        wait: it is read batch by batch, and `alive` called after each, or a watchdog would end this half done for ever.
        """
        with self._transaction():
            self.batches.write_answers()
            numbers = self.batches.waiting_ids()
            self._numbering.begin(self._node)
            seqs, span = list[int](), tuple[int, ...]()
            for number in numbers:
                one = self.sealed(number)
                assert one is not None
                rows, origin, unread = self.opened(one)
                self._meta.add_lost("damaged", unread)
                self._seal(origin, rows)
                self.batches.delete([one])
                seqs.append(one.seq)
                span = min((one.from_ms, *span)), max((one.to_ms, *span))
                alive()
            if seqs:  # one record for all: one each would double what waits with every new life
                self._name(seqs, origin, "renumbered", [Loss("node", 0, *span)], now_ms)
            self._keep_numbers()

    def _begin_file(self, rescue: Rescue | None, alive: Callable[[], None]) -> None:
        """A life in a new file, behind those that were saved from a damaged one. All of it or none: what was not taken
        in is found at the next start.
        """
        with self._transaction():
            for key in ("format", "reader"):
                if self._meta.get(key) is None:
                    self._meta.set(key, FORMAT)
            if rescue is not None:
                self._take_in(rescue, alive)
            self._numbering.begin(self._node)

    def _take_in(self, rescue: Rescue, alive: Callable[[], None]) -> None:
        """Take what was saved from a damaged file, under the names it had."""
        lives: dict[str, int] = {}
        last_ms = max(rescue.written_ms, FLOOR_MS)  # the clock may have stood in 1970
        for one in rescue.batches:
            if one.spool not in lives:
                lives[one.spool] = self._numbering.add(one.spool)
            self.batches.insert(lives[one.spool], one.spool, one.seq, one.data, one.rows, one.from_ms, one.to_ms)
            last_ms = max(last_ms, one.to_ms)
            alive()
        self._chunks.insert_rows(rescue.chunks)
        # 0: nobody can say how many
        self._chunks.insert(self._site, NO_BOOT, SYNCED, [gap_records.damaged(0, last_ms)])
        self._meta.set("damaged", str(rescue.aside))

    # -- looking --------------------------------------------------------------------------------------------------

    def depth(self) -> Depth:
        """How much waits to be acknowledged."""
        batches, rows, oldest_ms = self.batches.depth()
        return Depth(rows + self._unsealed, batches, oldest_ms, spool_file.size(self.path))

    def damaged(self) -> str | None:
        """Where a damaged file was put aside at this start or an earlier one, or None."""
        found: str | None = self._meta.get("damaged")
        return found

    def lost(self, reason: str) -> int:
        """How many readings went for this reason since this file began: thinned, dropped, damaged, purged."""
        return self._meta.lost(reason)

    def unsynced(self, most: int) -> int:
        """How many commits' rows wait for a true time, counted up to `most`."""
        return self._chunks.unsynced(most)

    def untimed(self) -> list[tuple[str, int]]:
        """Boots with rows that wait for a true time, or did when this was opened, the oldest first; and the last time
        since each, in milliseconds, that such a row has.
        """
        return [(boot, self._chunks.untimed_until_ms(boot, last)) for boot, last in self._untimed.items()]

    @property
    def in_place(self) -> bool:
        """False when the file has lost its name: what is written now would not be there after a restart."""
        return self._named.is_kept()

    def write_anew(self, alive: Callable[[], None]) -> None:
        """Everything under the old name again; the spool is closed by it, to be opened anew. Raises SpoolError."""
        with self._transaction():
            self.batches.write_answers()
        in_place.write_anew(self._db, self.path, alive)
        self.abandon()

    def close(self) -> None:
        """Write what was released, where the disk takes it, and let go of the file."""
        try:
            with suppress(SpoolError), self._transaction():
                self.batches.write_answers()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file and write nothing more: what its disk holds is not known any more."""
        self._db.close()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _latest_sealed(self) -> Iterator[Reading]:
        """What has the latest times here: a clock that is set back now must not meet them once more."""
        return _readings_in(self.batches.latest(LATEST_BATCHES))

    def _sealed_between(self, from_ms: int, to_ms: int) -> Iterator[Reading]:
        """What has times of this span, and what lies in a batch with it."""
        return _readings_in(self.batches.between(from_ms, to_ms))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it is on the disk when this ends, or none, and then memory knows of none either.

        Else a sequence would be skipped, and what is tried again be moved to later times. Raises SpoolError.
        """
        before = self._numbering.now, self._unsealed, dict(self._times.last_ms)
        restored = len(self._restored)
        try:
            with transaction(self._db, self.path):
                yield
        except BaseException:
            self._numbering.now, self._unsealed, last_ms = before
            self._times.take_back(last_ms)
            self.batches.taken_back()
            del self._restored[restored:]
            raise
        self._times.keep()


def _readings_in(batches: Iterable[bytes]) -> Iterator[Reading]:
    for data in batches:
        with suppress(ValueError, KeyError):  # damage is told when the batch is to go out
            yield from readings_of(data)[0]
