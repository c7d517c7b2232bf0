"""On a simulated clock: a live batch beside a drain waits for rounds and its own write, not for the whole queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from statistics import median
from typing import Any

from benchmarks.stages import Sink
from benchmarks.traffic import Sender
from collector.broker.lanes import Lanes
from collector.delivery.live_lane import LiveLane
from collector.delivery.registry import Registry
from collector.stores.store import Answer, Row
from simulator.world.clock import START_MS, Clock
from tests.ingest import ingest_on
from wire import batch, names, status

ROUND_MS = 20
PER_ROUND = 30  # batches of 60 rows: 90,000 rows a second
DRAINING = 40
QUEUE = 300
RUN_S = 1.5
BACK_MS = 86_400_000


class Slow(Sink):
    """A database that needs 14 µs for a row of each write, and 5 ms besides: it tells how many it had last."""

    def write(self, rows: list[Row]) -> Answer:  # type: ignore[override]
        self.took_ms = 5 + round(0.014 * len(rows))
        return super().write(rows)


class Drain:
    """A queue that is always full of a backlog, and live batches ten times a second."""

    def __init__(self, lanes_on: bool, live_every_ms: int = 100) -> None:
        self.clock, self.store, self.live_lane = Clock(), Slow(), LiveLane()
        self._state = sqlite3.connect(":memory:", isolation_level=None)
        self.ingest = ingest_on(self.store, Registry(self._state), self._state)
        self.ingest.aside = self._aside
        self.lanes: Lanes[tuple[str, bytes, bool]] = Lanes()
        self.waits_ms: list[int] = []
        self.answered: list[str] = []
        self._lanes_on = lanes_on
        self._sent_ms: dict[str, int] = {}
        senders = [Sender(n, START_MS - BACK_MS, 60) for n in range(DRAINING)] + [Sender(900, START_MS, 5)]
        self._old, self._live = senders[:DRAINING], senders[DRAINING]
        for sender in senders:
            birth = status.decode(sender.node, sender.birth())
            assert isinstance(birth, status.Birth)
            self.ingest.registry.update(birth, START_MS)
        self._turn = 0
        self.clock.every(ROUND_MS, self._round)
        self.clock.every(live_every_ms, self._speak)

    def run(self) -> Drain:
        with closing(self._state):
            self.clock.run_until(START_MS + round(RUN_S * 1000))
        return self

    def drained(self) -> int:
        """How many batches of the backlog are answered."""
        return len(self.answered) - len(self.waits_ms)

    def _aside(self, write: Callable[[], Any], /) -> Future[Any]:
        answer: Future[Any] = Future()
        said = write()
        self.clock.after(self.store.took_ms, lambda: answer.set_result(said))
        return answer

    def _put(self, node: str, payload: bytes) -> None:
        live = self.live_lane.goes_ahead(names.data(node), payload, False, self.clock.now_ms)
        self.lanes.put((node, payload, live and self._lanes_on), live and self._lanes_on)

    def _speak(self) -> None:
        self._live.first_ms = self._live._time_ms = self.clock.now_ms - 5_000
        payload = self._live.batch()
        self._sent_ms[batch.digest(payload)] = self.clock.now_ms
        self._put(self._live.node, payload)

    def _round(self) -> None:
        while len(self.lanes) < QUEUE:
            sender = self._old[self._turn % DRAINING]
            self._turn += 1
            self._put(sender.node, sender.batch())
        for _ in range(PER_ROUND):
            taken = self.lanes.take(1, not self.ingest.has_room())
            if not taken:
                break
            node, payload, live = taken[0]
            self.ingest.take(node, payload, self.clock.now_ms, live=live)
        self.ingest.write(self.clock.now_ms)
        for _, ack in self.ingest.acks(self.clock.now_ms):
            for verdict in ack.verdicts:
                self.answered.append(verdict.digest)
                if verdict.digest in self._sent_ms:
                    self.waits_ms.append(self.clock.now_ms - self._sent_ms.pop(verdict.digest))


def test_a_live_batch_waits_for_rounds_and_its_own_write_and_the_drain_is_as_fast() -> None:
    in_line, ahead = Drain(lanes_on=False).run(), Drain(lanes_on=True).run()
    assert median(in_line.waits_ms) > 300, "the queue is real"
    assert max(ahead.waits_ms) <= 100
    assert len(ahead.waits_ms) >= 10 * RUN_S - 2
    assert len(ahead.answered) >= 0.98 * len(in_line.answered)
    assert len(set(ahead.answered)) == len(ahead.answered), "each batch is answered once"


def test_a_node_that_floods_with_live_batches_takes_no_more_from_the_drain_than_in_line() -> None:
    in_line, ahead = Drain(lanes_on=False, live_every_ms=2).run(), Drain(lanes_on=True, live_every_ms=2).run()
    assert ahead.drained() >= 0.95 * in_line.drained()
    assert median(ahead.waits_ms[-50:]) > 200, "its bucket is empty: it waits in line"
