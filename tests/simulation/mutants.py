"""The protocol with one rule switched off, each of which the simulation must catch (rules R1 to R10 of
docs/reliability.md).

A mutant is the product's own class with one step changed, as somebody might change it in good faith. Each names the
rule it breaks and the kinds of world in which it is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from collector.delivery.ingest import Ingest
from collector.delivery.work import Group
from collector.stores.store import Answer, Held, Later, Refused, Stored, at_once
from edge_agent.delivery.delivery import Delivery
from edge_agent.reading import Reading
from edge_agent.spool.sealing import blocks, readings_of
from edge_agent.spool.spool import Origin, Sealed, Spool
from edge_agent.spool.unique_times import UniqueTimes
from simulator.world.clock import START_MS
from tests.simulation.rules import Rules
from wire import batch
from wire.ack import Ack, Code


class Mutant(NamedTuple):
    """A rule, how it is broken, the rules then in force, and where to look."""

    rule: str
    how: str
    rules: Rules
    kind: str = "honest"


# -- the agent's half -------------------------------------------------------------------------------------------------


class SyncsSeldom(Spool):
    """synchronous=NORMAL, as most would set it."""

    def __init__(self, path: Path, node: str, site: str) -> None:
        super().__init__(path, node, site)
        self._db.execute("PRAGMA synchronous=NORMAL")


class Restamps(Spool):
    """A batch that goes out again carries newer times."""

    def _waiting(self, order: str, count: int, skip: Sequence[int]) -> list[Sealed]:
        return [self._stamped(one) for one in super()._waiting(order, count, skip)]

    def _stamped(self, one: Sealed) -> Sealed:
        sent = self.__dict__.setdefault("_sent", Counter())
        sent[one.id] += 1
        if sent[one.id] != 2:
            return one
        rows, envelope = readings_of(one.data)
        data = _encoded(envelope, [row._replace(time_ms=row.time_ms + 7) for row in rows])
        digest = batch.digest(data)
        self._db.execute("UPDATE sealed SET bytes = ? WHERE id = ?", (data, one.id))
        self._db.execute("UPDATE batch SET digest = ? WHERE id = ?", (digest, one.id))
        return one._replace(data=data, digest=digest)


class TrustsTheBroker(Delivery):
    """A batch is deleted once the broker has taken it."""

    def due(self, now_s: float) -> list[Sealed]:
        out = super().due(now_s)
        for one in out:
            self.spool.release(one.id, Code.STORED, START_MS + int(now_s * 1000))
        return out


class IgnoresTheName(Delivery):
    """An acknowledgement counts for whatever has its sequence now."""

    def on_ack(self, ack: Ack, now_s: float) -> list[int]:
        held = [(verdict, self.spool.find(self.spool.spool_id, verdict.seq)) for verdict in ack.verdicts]
        verdicts = tuple(verdict._replace(digest=found[1]) for verdict, found in held if found is not None)
        return super().on_ack(ack._replace(spool=self.spool.spool_id, verdicts=verdicts), now_s)


class IgnoresTheDigest(Delivery):
    """An acknowledgement counts for whatever has its spool and sequence now."""

    def on_ack(self, ack: Ack, now_s: float) -> list[int]:
        held = [(verdict, self.spool.find(ack.spool, verdict.seq)) for verdict in ack.verdicts]
        verdicts = tuple(verdict._replace(digest=found[1]) for verdict, found in held if found is not None)
        return super().on_ack(ack._replace(verdicts=verdicts), now_s)


class CountsUpTo(Delivery):
    """Everything up to the acknowledged sequence is taken as stored."""

    def on_ack(self, ack: Ack, now_s: float) -> list[int]:
        released = super().on_ack(ack, now_s)
        for one in self.spool.oldest(1000, []):
            if released and one.spool == ack.spool and one.seq <= max(released):
                self.spool.release(one.id, Code.STORED, ack.now_ms)
        return released


class ObeysAnyCode(Delivery):
    """Every answer is taken as final, "later" too."""

    def on_ack(self, ack: Ack, now_s: float) -> list[int]:
        verdicts = tuple(verdict._replace(code=Code.STORED) for verdict in ack.verdicts)
        return super().on_ack(ack._replace(verdicts=verdicts), now_s)


class SendsOnce(Delivery):
    """Again only after a reconnect, as MQTT itself does."""

    def _note(self, number: int, now_s: float, live: bool) -> None:
        super()._note(number, now_s, live)
        self._sent[number].due_s = float("inf")

    def _later(self, number: int, after_ms: object, now_s: float) -> None:
        """Not heard."""


class _Careless(UniqueTimes):
    def unique(self, reading: Reading) -> Reading:
        return reading


class StampsTwice(Spool):
    """Two readings of one millisecond keep one time."""

    def __init__(self, path: Path, node: str, site: str) -> None:
        super().__init__(path, node, site)
        self._times = _Careless()


class DropsInSilence(Spool):
    """What a full spool drops is told to nobody."""

    def _replace(self, gone: list[Sealed], *_: Any) -> None:
        for one in gone:
            self._db.execute("DELETE FROM batch WHERE id = ?", (one.id,))
            self._db.execute("DELETE FROM sealed WHERE id = ?", (one.id,))


# -- the collector's half ---------------------------------------------------------------------------------------------


class AnswersFirst(Ingest):
    """Acknowledged on receipt."""

    def _queue(
        self, name: Any, envelope: batch.Envelope, payload: bytes, now_ms: int, live: bool, replay: bool
    ) -> None:
        super()._queue(name, envelope, payload, now_ms, live, replay)
        self._verdicts.stored(name)


class LogsRefusals(Ingest):
    """A refused write is logged, and acknowledged."""

    def _take_rows(self, group: Group, answer: Answer, now_ms: int) -> None:
        super()._take_rows(group, Stored() if isinstance(answer, Refused) else answer, now_ms)


class DropsAtTheDoor(Ingest):
    """401, 404 or a captive portal's page is taken for an answer about the data."""

    def _take_rows(self, group: Group, answer: Answer, now_ms: int) -> None:
        if isinstance(answer, Held):
            _wave_through(group)
        else:
            super()._take_rows(group, answer, now_ms)

    def _stop(self, answer: Held | Later, now_ms: int) -> None:
        if not isinstance(answer, Held):
            super()._stop(answer, now_ms)


class LedgerFirst(Ingest):
    """The ledger travels in the same write as the rows."""

    def _take_rows(self, group: Group, answer: Answer, now_ms: int) -> None:
        self.store.write([row for work in group.works for row in (*work.rows, *self._ledger(work, 0))])
        super()._take_rows(group, answer, now_ms)


class TriesOnce(Ingest):
    """A timeout is taken for success."""

    def _take_rows(self, group: Group, answer: Answer, now_ms: int) -> None:
        if isinstance(answer, Later | Stored):
            _wave_through(group)
        else:
            super()._take_rows(group, answer, now_ms)


def _wave_through(group: Group) -> None:
    """As if its rows and its ledger stood."""
    group.kept, group.answer = {work.name: work.parts for work in group.works}, at_once(Stored)


def _encoded(envelope: batch.Envelope, rows: list[Reading]) -> bytes:
    origin = Origin(envelope.node, envelope.site, envelope.boot, envelope.clock)
    return batch.encode(**origin._asdict(), spool=envelope.spool, seq=envelope.seq, blocks=blocks(rows))


MUTANTS = {
    "syncs-seldom": Mutant("R1 accepted means a FULL commit", "synchronous=NORMAL", Rules(spool=SyncsSeldom)),
    "restamps": Mutant("R2 sealed bytes never change", "stamped again when sent again", Rules(spool=Restamps)),
    "trusts-broker": Mutant("R3 only a collector's word deletes", "deleted on PUBACK", Rules(delivery=TrustsTheBroker)),
    "any-code": Mutant("R3 only final codes delete", "every code is final", Rules(delivery=ObeysAnyCode)),
    "no-name": Mutant("R4 an answer names spool and digest", "sequence only", Rules(delivery=IgnoresTheName), "cards"),
    "no-digest": Mutant("R4 the digest too", "spool and sequence", Rules(delivery=IgnoresTheDigest), "amnesia"),
    "cumulative": Mutant("R5 answers are per batch", "everything up to it", Rules(delivery=CountsUpTo)),
    "answers-first": Mutant("R6 acknowledged after the database", "on receipt", Rules(ingest=AnswersFirst)),
    "ledger-first": Mutant("R6 the ledger comes last", "in the same write", Rules(ingest=LedgerFirst)),
    "portal": Mutant("R6 not our database: hold", "taken for an answer", Rules(ingest=DropsAtTheDoor)),
    "timeout": Mutant("R6 an unknown outcome is tried again", "taken for success", Rules(ingest=TriesOnce)),
    "forgetful": Mutant("R7 the quarantine is durable", "kept in memory", Rules(durable=False)),
    "logs-refusals": Mutant("R7 refused rows are kept", "logged and acknowledged", Rules(ingest=LogsRefusals)),
    "sends-once": Mutant("R8 resends run on a timer", "only after a reconnect", Rules(delivery=SendsOnce), "lossy"),
    "one-stamp": Mutant("R9 no two readings share a time", "milliseconds as they come", Rules(spool=StampsTwice)),
    "silent-drop": Mutant("R10 a full spool tells", "drops in silence", Rules(spool=DropsInSilence), "small"),
}  # fmt: skip
