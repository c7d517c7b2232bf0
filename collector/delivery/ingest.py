"""Ingest: batches in, rows to the store, verdicts out. Holds no clock and no socket; the store is handed in.

A batch is answered *stored* only after the database said so, *quarantined* only after its bytes are on disk. While the
database is away nothing is answered but "later", so the readings stay on the agents' disks and memory stays flat.

What is live (delivery/live_lane.py) has a write of its own: beside the large writes of a backlog, not behind.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from collector.delivery import clocks, quick_json
from collector.delivery.halving import write_halving
from collector.delivery.known import Known
from collector.delivery.pace import KEPT_UNITS, Pace
from collector.delivery.patience import Patience
from collector.delivery.quarantine import Full, Name, Part, Quarantine
from collector.delivery.registry import Registry
from collector.delivery.series import SeriesBudget
from collector.delivery.verdicts import Verdicts
from collector.delivery.work import Group, Work, content, part_of_row
from collector.delivery.write_queue import GATHER_MS, WRITES_AT_ONCE, WriteQueue
from collector.health.alarms import Alarms
from collector.numbers import derive
from collector.stores.store import Answer, Aside, Held, Later, Refused, Row, Store, Stored, at_once
from collector.zones import utc
from wire import batch, check
from wire.ack import Ack, Hello
from wire.breakdown import place_of
from wire.status import Birth
from wire.times import MINUTE_MS

log = logging.getLogger("lamppost.ingest")

ROWS_PER_WRITE = 5_000
ROWS_PER_ROUND = 1_500  # of a lane are answered at once: what is live next waits for no longer round than that
LIVE_ROWS_MAX = 600  # of a batch: as many as sixty sensors send in ten seconds
PENDING_ROWS_MAX = 30_000  # a row is some 1.2 KB here: its line and its columns
NODE_ROWS_MAX = 20_000  # of those; an honest agent has a window of sixteen batches of five hundred rows
UNBORN_AFTER_MS = 2_000
LEDGER_AFTER_MS = MINUTE_MS
EMPTIED = (
    "the database was gone, and was made anew: what it held is missing. Cure: bring back its backup; or, for each that"
    " `lamppost audit` names, `lamppost resend NODE` within a day"
)


@dataclass(slots=True)
class Ingest:
    """One collector's ingest. Call `take` for each payload, then `write`; send what `acks` gives.

    `aside` runs the writes, perhaps in other threads: while the database is at some, the next is made ready. What is
    decided of their answers, and all else, happens where `write` is called.
    """

    name: str
    store: Store
    quarantine: Quarantine
    registry: Registry
    derivation: derive.Derivation
    series: SeriesBudget
    pace: Pace
    time_min_ms: int = check.TIME_MIN_MS
    aside: Aside = at_once
    rows_per_write: int = ROWS_PER_WRITE
    counts: Counter[str] = field(default_factory=Counter)
    alarms: Alarms = field(default_factory=Alarms)
    known: Known = field(init=False)
    _clocks: clocks.ClockWatch = field(init=False)
    _works: WriteQueue = field(default_factory=WriteQueue)
    _verdicts: Verdicts = field(init=False)
    _patience: Patience = field(default_factory=Patience)
    _is_held: bool = False  # by what the store has said last

    def __post_init__(self) -> None:
        self.known = Known(self.store, partial(self.alarm, "store"))
        self._clocks = clocks.ClockWatch(self.alarms, self.counts)
        self._verdicts = Verdicts(self.name)

    # -- taking ---------------------------------------------------------------------------------------------------

    def take(self, node: str, payload: bytes, now_ms: int, replay: bool = False, live: bool = False) -> Name | None:
        """Open, check and queue one payload of a node's data topic. Whatever is wrong ends as a count and a verdict.

        A `replay` always goes to the database: it is sent because the database has lost what we remember. What is
        `live` goes ahead. Returns the batch's name when it waits for the store now; of any other all is said.
        """
        self.counts["batches"] += 1
        digest = batch.digest(payload)
        if not self.pace.admits(node, len(payload), now_ms):
            self._put_off(node, payload, digest)
            return None
        try:
            envelope = batch.read(node, payload, quick_json.loads)
        except batch.Unaddressed as stray:
            self.counts["unaddressed"] += 1
            self.pace.charge(node, KEPT_UNITS)
            self.quarantine.keep_stray(digest, node, payload, str(stray), now_ms)
            return None
        except batch.Refused as refused:
            name = Name(node, refused.spool, refused.seq, digest)
            if isinstance(refused, batch.VersionUnknown) or self._may_store(name):
                self._refuse(name, refused, payload, now_ms)
            return None
        name = Name(node, envelope.spool, envelope.seq, digest)
        if name in self._works:
            self.counts["resent_while_pending"] += 1
        elif self._works.rival(name) is not None:  # it is answered when it comes again, and the other is stored
            self._hold_clone(name)
        elif self._may_store(name) and (replay or self._is_new(name)):
            self._queue(name, envelope, payload, now_ms, live, replay)
        return name if name in self._works else None

    def waits(self, name: Name) -> bool:
        """Whether a batch still waits for the store."""
        return name in self._works

    def _put_off(self, node: str, payload: bytes, digest: str) -> None:
        """More than a node's share: nothing is looked at but the name, so that the sender can be told."""
        self.counts["put_off"] += 1
        self.alarm(*self.pace.says(node))
        found = batch.peek(payload)
        known = self.registry.get(node)
        if found is None or known is None or found[0] not in known.birth.spools:
            return
        name = Name(node, *found, digest)
        if self.known.remembered(name) == digest:
            self._verdicts.already_stored(name)
        else:
            self._verdicts.later(name)

    def _may_store(self, name: Name) -> bool:
        """Only the spools of the node's current birth are stored; another is held until a person decides."""
        known = self.registry.get(name.node)
        if known is None:
            self.counts["before_birth"] += 1
            self._verdicts.later(name, UNBORN_AFTER_MS)
            return False
        if name.spool not in known.birth.spools:
            self.counts["held_spool"] += 1
            text = f"{name.node} sends from spool {name.spool}, unnamed by its birth, and keeps what it measures"
            self.alarm(f"spool:{name.node}", f"{text}. Cure: find out whether its card was exchanged or copied")
            return False
        return True

    def _is_new(self, name: Name) -> bool:
        written = self.known.digest(name)
        if written is None:
            return True
        if written == name.digest:
            self.counts["already_stored"] += 1
            self._verdicts.already_stored(name)
        else:
            self._hold_clone(name)
            self._verdicts.already_stored(name._replace(digest=written))  # by which the sender sees it
        return False

    def _hold_clone(self, name: Name) -> None:
        self.counts["held_equivocation"] += 1
        text = f"{name.node} sent two batches {name.seq} of spool {name.spool}"
        cure = "look whether two devices run on copies of one card; on one of them: sudo lamppost agent setup --anew"
        self.alarm(f"clone:{name.node}", f"{text}. Cure: {cure}")

    def _refuse(self, name: Name, refused: batch.Refused, payload: bytes, now_ms: int) -> None:
        if isinstance(refused, batch.VersionUnknown):
            self.counts["version_unknown"] += 1
            self.alarm(f"version:{name.node}", f"{name.node}: {refused}. Cure: update this collector first")
            self._verdicts.version_unknown(name)
        elif isinstance(refused, batch.TooLarge):
            self.counts["too_large"] += 1
            self._verdicts.too_large(name)
        else:
            self._quarantine_whole(name, payload, str(refused), now_ms)

    def _quarantine_whole(self, name: Name, payload: bytes, reason: str, now_ms: int) -> None:
        if self._keep_whole(name, payload, reason, now_ms):
            self._is_kept_whole(name, reason)

    def _keep_whole(self, name: Name, payload: bytes, reason: str, now_ms: int) -> bool:
        """Quarantine a batch; False when there is no room and it must come again."""
        self.pace.charge(name.node, KEPT_UNITS)
        try:
            self.quarantine.keep_whole(name, payload, reason, now_ms)
        except Full as full:
            self.alarm(full.alarm, str(full))
            self._verdicts.later(name)
            return False
        return True

    def _is_kept_whole(self, name: Name, reason: str) -> None:
        self.counts["quarantined_batches"] += 1
        self.known.remember(name)
        self._verdicts.quarantined(name, reason)

    def _queue(
        self, name: Name, envelope: batch.Envelope, payload: bytes, now_ms: int, live: bool, replay: bool
    ) -> None:
        if self._works.rows >= PENDING_ROWS_MAX or self._works.rows_of[name.node] >= NODE_ROWS_MAX:
            self.counts["pushed_back"] += 1
            self._verdicts.later(name)
            return
        checked = self.series.within(envelope, check.check(envelope.blocks, now_ms, self.time_min_ms))
        self.counts["unknown_keys"] += envelope.unknown_keys + checked.unknown_keys
        we_are_behind = self._clocks.note(name.node, clocks.look(envelope.blocks, checked, now_ms), now_ms)
        if we_are_behind and any(r.reason == clocks.FUTURE for r in checked.refusals):
            self.counts["held_clock"] += 1  # the readings are right, and wait where they are
            self._verdicts.later(name)
            return
        if self.series.is_full(name.node) and any(r.reason.startswith("series:") for r in checked.refusals):
            self.counts["series_refused"] += 1
            text = f"{name.node} has used up its series. Cure: look whether its sensors' names change all the time"
            self.alarm(f"series:{name.node}", text)
        if not checked.blocks:
            reason = checked.refusals[0].reason if checked.refusals else "no blocks"
            self._quarantine_whole(name, payload, reason, now_ms)
            return
        tables = self.derivation.tables(envelope, checked.blocks)
        rows = list(chain.from_iterable(map(self.store.render, tables)))
        parts = [Part(r.block, r.row, r.reason, content(envelope.blocks, r)) for r in checked.refusals]
        time_ms = max(block.times_ms[-1] for block in checked.blocks)
        live = live and len(rows) <= LIVE_ROWS_MAX
        row_count = len(rows) + len(parts)
        self._works.add(
            Work(name, payload, envelope, tables, checked.origins, rows, row_count, time_ms, parts, live, replay)
        )

    # -- writing --------------------------------------------------------------------------------------------------

    def write(self, now_ms: int) -> list[Work]:
        """Write what is pending, as far as the store will; returns the batches that are now in the database."""
        done: list[Work] = []
        self.series.flush()
        self.known.slow = self._works.waits_long(now_ms)
        if self._is_held and self._patience.is_over(now_ms):  # one that hangs is not asked here: all would wait for it
            self._is_held = False
            answer = self.store.prepare()  # it may have come back empty
            if isinstance(answer, Held | Later):
                self._stop(answer, now_ms)
            elif isinstance(answer, Stored) and answer.made and self.counts["stored_batches"]:
                self.alarm("emptied", EMPTIED)
        while True:
            if self._patience.is_over(now_ms):
                self._begin(now_ms)
            if not self._go_on(now_ms, done):
                return done

    def has_room(self, live: bool = False) -> bool:
        """False while writes are under way and the next is at hand: more may wait where it is, unless live."""
        writes = WRITES_AT_ONCE + (2 if live else 1)
        return not self._works.is_writing() or self._works.rows < writes * self.rows_per_write

    def wait(self, timeout_s: float) -> None:
        """Until a write that is under way is answered, at most so long."""
        owed = self._works.answers()  # before it is asked whether one is there: one that comes meanwhile ends the wait
        if owed and not self._works.has_answers():
            futures.wait(owed, timeout_s, futures.FIRST_COMPLETED)

    def is_writing(self) -> bool:
        """True while the store owes an answer."""
        return self._works.is_writing()

    def idle_s(self, most_s: float) -> float:
        """How long nothing need be done unless something comes."""
        if self._works.has_answers():
            return 0.0
        is_gathering = self._works.is_gathering() and not self.known.away
        return min(most_s, GATHER_MS / 1000) if is_gathering else most_s

    def _begin(self, now_ms: int) -> None:
        """Hand the store what waits."""
        while works := self._works.next_works(self.rows_per_write, now_ms):
            rows = list(chain.from_iterable(work.rows for work in works))
            self._works.begin(works, self.aside(partial(self.store.write, rows)), now_ms)

    def _go_on(self, now_ms: int, done: list[Work]) -> bool:
        """Take the answers that are there: rows are followed by their ledger, and this by the end, lane by lane."""
        moved = False
        for group in self._works.stored():
            self._take_rows(group, _said(group), now_ms)
            moved = True
        for group in self._works.over():
            if sum(len(work.rows) for work in done if work.live == group.live) < ROWS_PER_ROUND:
                done += self._take_ledger(group, now_ms)
                moved = True
        return moved

    def _take_rows(self, group: Group, answer: Answer, now_ms: int) -> None:
        """What the store's answer means for the rows of a group: on to the ledger, look for the bad ones, or wait."""
        if isinstance(answer, Refused):  # beside all else: many bad rows are many writes
            rows = [row for work in group.works for row in work.rows]
            group.answer = self.aside(partial(write_halving, self.store.write, rows))
        elif isinstance(answer, Stored):
            self._settle(group, answer.refused, now_ms)
        else:
            self._works.put_back(group)
            self._stop(answer, now_ms)

    def _settle(self, group: Group, refused: Mapping[int, str], now_ms: int) -> None:
        """The store has taken all but `refused` positions: keep those, then write the ledger.

        A batch of which it has taken nothing is kept whole. The ledger, which has no row of such a one, comes last and
        alone. It is asked whether a batch is known, so it may stand nowhere before the last row is stored or in the
        quarantine: a write that is refused or cut short leaves some of its rows behind.
        """
        self.known.away = False
        self.alarms.pop("store", None)
        kept: dict[Name, list[Part]] = {}
        whole: list[tuple[Work, str]] = []
        try:
            has_parts = refused or any(work.parts or work.replay for work in group.works)
            with self.quarantine.together() if has_parts else nullcontext():
                for work, bad in _by_work(group.works, refused):
                    if bad and len(bad) == len(work.rows):
                        if self._keep_whole(work.name, work.payload, bad[0], now_ms):
                            whole.append((work, bad[0]))
                        continue
                    parts = [*work.parts, *(part_of_row(work, position, reason) for position, reason in bad.items())]
                    if self._keep(work, parts, now_ms):
                        kept[work.name] = parts
        except Full as full:  # the disk took none of it: who has refused rows must come again
            self.alarm(full.alarm, str(full))
            self._works.put_back(group)
            self._patience.in_vain(now_ms)
            return
        for work, reason in whole:
            self._is_kept_whole(work.name, reason)
        self._patience.rewarded()
        ledgers = self._ledgers(group.works, kept)
        group.answer = self.aside(partial(self.store.write, ledgers)) if ledgers else at_once(Stored)
        group.kept, group.asked_ms = kept, now_ms

    def _take_ledger(self, group: Group, now_ms: int) -> list[Work]:
        """Once the ledger stands, the batches of a group are stored for good, and answered, some at a time."""
        answer = _said(group)
        assert group.kept is not None
        if isinstance(answer, Refused):  # of one batch, as a rule: the spool of a new card is one series too many
            rows = self._ledgers(group.works, group.kept)
            group.answer = self.aside(partial(write_halving, self.store.write, rows))
            return []
        if not isinstance(answer, Stored):
            self._works.put_back(group)
            self._stop(answer, now_ms)
            return []
        self._hold_unaccounted(group, answer)
        done = [work for work in self._works.end(group, ROWS_PER_ROUND) if work.name in group.kept]
        for work in done:
            self._finish(work, group.kept[work.name])
        return done

    def _hold_unaccounted(self, group: Group, answer: Stored) -> None:
        """Whose ledger row the database refuses comes again: nobody could prove that it arrived whole."""
        assert group.kept is not None
        if not answer.refused:
            return
        names = [work.name for work in group.works if work.name in group.kept]
        for at, reason in answer.refused.items():
            name = names[at]
            del group.kept[name]
            text = f"the database takes the readings of {name.node}, and not the account of them: {reason}"
            self.alarm(f"ledger:{name.node}", f"{text}. Until it does they stay on the device as well")
            self._verdicts.later(name, LEDGER_AFTER_MS)
        group.answer = at_once(Stored)

    def _keep(self, work: Work, parts: list[Part], now_ms: int) -> bool:
        """Quarantine what was refused, durably; False when there is no room and the batch must come again."""
        if work.replay:  # what was refused then may be stored now
            self.quarantine.forget_parts(work.name)
        if parts:
            try:
                self.quarantine.keep_parts(work.name, parts, now_ms)
            except Full as full:
                self.alarm(full.alarm, str(full))
                self._verdicts.later(work.name)
                return False
        return True

    def _finish(self, work: Work, parts: list[Part]) -> None:
        self.counts["stored_batches"] += 1
        self.counts["stored_rows"] += work.row_count - len(parts)
        self.counts["quarantined_rows"] += len(parts)
        self.known.remember(work.name)
        self._verdicts.stored(work.name, parts)

    def _ledgers(self, works: list[Work], kept: Mapping[Name, list[Part]]) -> list[Row]:
        """One row of each that could be kept."""
        return [row for work in works if work.name in kept for row in self._ledger(work, len(kept[work.name]))]

    def _ledger(self, work: Work, quarantined: int) -> list[Row]:
        table = derive.ledger(work.envelope, work.name.digest, work.row_count, quarantined, work.time_ms)
        return self.store.render(table)

    def _stop(self, answer: Held | Later, now_ms: int) -> None:
        """The store is away: wait, and say so once."""
        self.known.away, self._is_held = True, isinstance(answer, Held)
        asked_s = (answer.after_s or 0.0) if isinstance(answer, Later) else 0.0
        self._patience.in_vain(now_ms, asked_s)
        self.counts["store_held" if isinstance(answer, Held) else "store_later"] += 1
        wants = f"; it wants to be left alone for {asked_s:g} s, until {utc(now_ms + int(1000 * asked_s))}"
        self.alarm("store", answer.reason + (wants if asked_s else ""))

    # -- answering ------------------------------------------------------------------------------------------------

    def acks(self, now_ms: int) -> Iterable[tuple[str, Ack]]:
        """The verdicts since the last call, one acknowledgement a node and spool."""
        return self._verdicts.acks(now_ms, self._patience.window())

    def hello(self, birth: Birth, now_ms: int) -> Hello:
        """What answers a birth: how far each of its spools is known."""
        highest = {spool: self.known.highest(birth.node, spool) for spool in birth.spools}
        return Hello(self.name, now_ms, highest, self._patience.window(), session=birth.session)

    def look_up(self) -> None:
        """Another collector may have written meanwhile."""
        self.known.look_up()

    def pending_rows(self) -> int:
        """Rows that wait for the store."""
        return self._works.rows

    def alarm(self, key: str, text: str) -> None:
        """Say that something is wrong; whoever shows alarms reads `alarms`."""
        self.alarms.sound(key, text)


def _by_work(works: Iterable[Work], refused: Mapping[int, str]) -> Iterator[tuple[Work, dict[int, str]]]:
    """Each batch with what was refused of it: the positions among its own rows."""
    positions, start = sorted(refused), 0
    for work in works:
        end = start + len(work.rows)
        own = positions[bisect_left(positions, start) : bisect_left(positions, end)]
        yield work, {at - start: refused[at] for at in own}
        start = end


def _said(group: Group) -> Answer:
    """What the store has answered. A write that broke has no answer, and is made again: raised here, its error would
    come with every round, and keep all others from theirs.
    """
    try:
        return group.answer.result()
    except Exception as error:  # noqa: BLE001
        file, line = place_of(error)
        return Later(f"a write breaks: {type(error).__name__} at {file}:{line}: {error}")
