"""The spool against a model, step by step: whatever order things happen in, what was accepted waits until answered.

Kills leave the file as it was written, never tidied. Damage (a flipped byte, a cut-off tail) is outside what software
can undo; then the spool must still open, hold nothing that was never accepted, and send no bytes that changed.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.reading import Reading, Series
from edge_agent.spool import chunk, making_room
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Origin, Sealed, Spool
from tests.simulation.disk import Disk
from wire import batch

AIR = Series("air-1", "air_quality")
FIELD = "pm25_raw_ugm3"
NODE = "lp-1"
T0 = 1_790_000_000_000
SEAL = st.sampled_from(["no", "with it", "after it"])


class SpoolMachine(RuleBasedStateMachine):
    """`accepted` are the numbers that must wait here; `answered` those that the collector has taken."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lamppost-spool-"))
        self.path = self.folder / "spool.db"
        self.disk = Disk(self.path, random.Random(0))
        self.spool = Spool(self.path, NODE, "street")
        self.accepted: set[int] = set()
        self.answered: set[int] = set()
        self.gone: set[int] = set()
        self.names: dict[tuple[str, int], str] = {}
        self.count = 0
        self.damaged = False

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.spool.abandon()
            shutil.rmtree(self.folder)

    # -- what the agent does --------------------------------------------------------------------------------------

    @rule(rows=st.integers(1, 30), step_ms=st.integers(-3, 5000), boot=st.sampled_from("ab"), seal=SEAL)
    def accept(self, rows: int, step_ms: int, boot: str, seal: str) -> None:
        numbers = range(self.count + 1, self.count + rows + 1)
        self.count += rows
        readings = [Reading(AIR, T0 + step_ms * number, {FIELD: number}) for number in numbers]
        origin = Origin(NODE, "street", boot * 8, "synced")
        if seal == "with it":
            self.spool.accept_and_seal(readings, origin)
        else:
            self.spool.accept(readings, origin)
        self.accepted.update(numbers)
        if seal == "after it":
            self.seal()

    @rule()
    def seal(self) -> None:
        first = self.spool.next_seq
        sealed = self.spool.seal()
        assert [one.seq for one in sealed] == list(range(first, first + len(sealed))), "no sequence is skipped"

    @rule(pick=st.randoms(use_true_random=False), code=st.sampled_from([0, 1, 2, 3]))
    def answer(self, pick: random.Random, code: int) -> None:
        waiting = self.spool.oldest(99)
        if waiting:
            one = pick.choice(waiting)
            assert self.spool.find(one.spool, one.seq) == (one.id, one.digest)
            self.spool.release(one.id, code, T0)
            self.answered |= _numbers(one)
            assert self.spool.find(one.spool, one.seq) is None

    @rule()
    def prune(self) -> None:
        self.spool.prune(T0 + 1)

    @rule()
    def begin_life(self) -> None:
        before = self.spool.spool_id
        self.spool.begin_life(T0)
        assert self.spool.spool_id != before

    @rule(pick=st.randoms(use_true_random=False))
    def split(self, pick: random.Random) -> None:
        waiting = self.spool.oldest(99)
        if waiting:
            making_room.split(self.spool, pick.choice(waiting).id, T0)

    @rule(limit=st.sampled_from([0, 80_000]))
    def make_room(self, limit: int) -> None:
        before = self._waiting()
        for _ in range(100):
            if not making_room.make_room(self.spool, limit, T0):
                break
        went = before - self._waiting()
        self.gone |= went
        if not self.damaged:  # of what went before, the record may have been answered meanwhile
            assert not went - self.answered or self._gap_rows(), "what goes is told"

    # -- what happens to it ---------------------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self._reopen()

    @rule()
    def kill(self) -> None:
        self.disk.kill(self.spool.abandon)
        self._reopen()

    @rule(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), log=st.booleans())
    def rot(self, where: float, flip: int, log: bool) -> None:
        """One byte changes while the agent is down."""
        self.disk.kill(self.spool.abandon)
        path = self.path.with_name(self.path.name + "-wal") if log else self.path
        data = bytearray(path.read_bytes())
        if data:
            data[int(where * len(data))] ^= flip
            path.write_bytes(data)
        self._reopen(damaged=True)

    @rule(where=st.floats(0, 1), log=st.booleans())
    def cut_off(self, where: float, log: bool) -> None:
        """The file ends too early."""
        self.disk.kill(self.spool.abandon)
        path = self.path.with_name(self.path.name + "-wal") if log else self.path
        path.write_bytes(path.read_bytes()[: int(where * path.stat().st_size)])
        self._reopen(damaged=True)

    # -- what must always be so -----------------------------------------------------------------------------------

    @invariant()
    def what_was_accepted_waits(self) -> None:
        if not hasattr(self, "spool"):
            return
        waiting = self._waiting()
        assert waiting <= self.accepted, "nothing is made up"
        if not self.damaged:
            assert self.accepted - self.answered - self.gone <= waiting, "nothing is lost"

    @invariant()
    def bytes_never_change_under_a_name(self) -> None:
        if not hasattr(self, "spool") or self.damaged:
            return
        for one in self.spool.batches.all_waiting():
            assert batch.digest(one.data) == one.digest
            assert self.names.setdefault((one.spool, one.seq), one.digest) == one.digest

    # -- inside ---------------------------------------------------------------------------------------------------

    def _reopen(self, damaged: bool = False) -> None:
        self.spool = Spool(self.path, NODE, "street")  # a start that fails fails the test
        if damaged:
            self.damaged = True

    def _waiting(self) -> set[int]:
        found = {number for one in self._sound() for number in _numbers(one)}
        for (body,) in self.spool._db.execute("SELECT body FROM chunk"):
            found.update(int(row.values[FIELD]) for row in chunk.load(body) or () if row.series.kind == "air_quality")
        return found

    def _sound(self) -> Iterator[Sealed]:
        for one in self.spool.oldest(2**31):
            if batch.digest(one.data) == one.digest:
                yield one

    def _gap_rows(self) -> int:
        return sum(
            row.series.kind == "gap" for one in self.spool.batches.all_waiting() for row in readings_of(one.data)[0]
        )


def _numbers(one: Sealed) -> set[int]:
    return {int(row.values[FIELD]) for row in readings_of(one.data)[0] if row.series.kind == "air_quality"}


TestSpoolMachine = pytest.mark.usefixtures("quiet")(SpoolMachine.TestCase)
TestSpoolMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
