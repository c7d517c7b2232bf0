"""A collector of the simulation: the product's own round of work between a simulated link and a simulated database."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from collector.broker.inbox import Arrived
from collector.broker.lanes import Lanes
from collector.collector import Collector as ProductCollector
from collector.delivery.live_lane import LiveLane
from collector.delivery.pace import Pace
from collector.delivery.quarantine import Quarantine
from collector.delivery.registry import Registry
from collector.delivery.series import SeriesBudget
from collector.health.mishaps import Mishaps
from collector.numbers.calibration import Calibrations
from collector.numbers.derive import Derivation
from collector.numbers.quality import Quality
from collector.numbers.reporting import reports_as_china
from collector.pipeline import OwnPipeline
from collector.standby.turn import Turn
from collector.stations.presence import Presence
from collector.stores.store import Answer, Row, Select, Series
from simulator.world.broker import Broker, Session
from simulator.world.clock import Clock
from tests.simulation.database import Database
from tests.simulation.rules import Rules
from wire import collector_status, names

STEP_MS = 250
ROWS_PER_WRITE = 40
"""Few, so that writes are under way side by side."""
SERIES_MAX = 200


class Killed(BaseException):
    """kill -9 in the middle of something."""


class Connection(Database):
    """One collector's way to the database; the process may die on either side of a write."""

    def __init__(self, server: Database, dies: Callable[[], bool]) -> None:
        self._server, self._dies = server, dies

    def prepare(self) -> Answer:
        return self._server.prepare()

    def select(self, question: Select) -> list[Series]:
        return self._server.select(question)

    def write(self, rows: Sequence[Row]) -> Answer:
        if self._dies():
            raise Killed
        answer = self._server.write(rows)
        if self._dies():
            raise Killed
        return answer


class _Absent:
    """A room of the collector that delivery does not lean on: whatever it is asked, it has nothing to say."""

    trouble = None

    def __getattr__(self, name: str) -> _Absent:
        return self

    def __call__(self, *_: object, **__: object) -> tuple[()]:
        return ()


class Unforgiven(Mishaps):
    """What the product counts and outlives is a mistake here."""

    def broken_by(self, what: str, error: Exception) -> None:
        raise AssertionError(what) from error


class Process(ProductCollector):
    """The product's collector with nothing in it but the rooms that delivery goes through."""

    pipeline: OwnPipeline

    def __init__(
        self, name: str, store: Connection, state: sqlite3.Connection, rules: Rules, link: Any, clock: Clock, both: bool
    ) -> None:
        self.counts = Counter()
        self.store = store
        self.registry = Registry(state)
        self.quarantine = Quarantine(state)
        absent: Any = _Absent()
        derivation = Derivation(Quality({}), Calibrations(state), reports_as_china)
        series = SeriesBudget(state, SERIES_MAX)
        self.ingest = rules.ingest(name, store, self.quarantine, self.registry, derivation, series, Pace())
        self.pipeline = OwnPipeline(self.ingest, absent, None)
        self.mishaps = Unforgiven(self.counts, self.ingest.alarm, Path("state.db"))
        self.pace = Pace()
        self.link = link
        self.turn = Turn(name, "sim", link, self.counts, self.ingest.alarm)
        if both:
            self.turn.standby.hear = lambda *_: None  # type: ignore[method-assign]  # each takes itself for the only one
        self._on_event = lambda _: None
        self.presence = Presence(self.registry, self.pipeline, absent, self.turn, self.counts, self._on_event, 0)
        self._clock = clock

    def _seconds(self) -> float:  # type: ignore[override]
        return self._clock.now_ms / 1000

    def __getattr__(self, name: str) -> Any:
        return 0 if name.endswith("_ms") else _Absent()


class Collector:
    """One collector machine: its state file outlives its process."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        rng: random.Random,
        broker: Broker,
        database: Database,
        rules: Rules,
        die_at: float,
        both: bool,
    ) -> None:
        self.name = name
        self.up = False
        self.die_at = die_at
        self.state = _state_file()
        self._clock, self._rng, self._broker, self._database, self._rules = clock, rng, broker, database, rules
        self._both = both
        self.connections = 0
        self._session: Session | None = None
        self._inbox: Lanes[Arrived] = Lanes()
        self._live_lane = LiveLane()
        self.start()
        clock.every(STEP_MS, self._step, rng.randrange(1, STEP_MS))

    def start(self) -> None:
        """The process begins with what its state file holds, and an empty memory."""
        if not self._rules.durable:
            self.state.close()
            self.state = _state_file()
        self.up = True
        self._inbox = Lanes()
        way = Connection(self._database, lambda: self._rng.random() < self.die_at)
        self.process = Process(self.name, way, self.state, self._rules, self, self._clock, self._both)
        self.process.pipeline.ingest.aside = self._aside
        self.process.pipeline.ingest.rows_per_write = ROWS_PER_WRITE
        self._under_way: list[tuple[Callable[[], Any], Future[Any]]] = []
        self._connect()

    def kill(self) -> None:
        """kill -9."""
        if self.up:
            self.up = False
            if self._session is not None:
                self._broker.disconnect(self._session)
            self._broker.publish(names.collector_status(self.name), collector_status.LAST_WORD, retain=True)

    def close(self) -> None:
        """Let go of the file, when the world has ended."""
        self.state.close()

    def pending(self) -> int:
        """What it holds in memory."""
        return len(self._inbox) + self.process.ingest.pending_rows()

    # -- what the product's collector asks of its link ------------------------------------------------------------

    def take(self, count: int = 0, live: bool = False) -> list[Arrived]:
        """What has arrived, by lanes as in the product's link."""
        return self._inbox.take(count, live)

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:  # noqa: ARG002
        """An answer goes out; the process may die just before."""
        if self._rng.random() < self.die_at / 2:
            raise Killed
        self._broker.publish(topic, payload, retain)

    def publish_all(self, messages: Iterable[tuple[str, bytes]], expiry_s: int) -> None:
        """Answers go out."""
        for topic, payload in messages:
            self.publish(topic, payload, expiry_s=expiry_s)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        if not self.up:
            return
        if self._session is None:
            self._connect()
        try:
            self._answer_some()
            self.process.step(self._clock.now_ms)
        except Killed:
            if self.state.in_transaction:
                self.state.execute("ROLLBACK")
            self.kill()
            self._clock.after(self._rng.randrange(1000, 30_000), self._come_back)

    def _aside(self, write: Callable[[], Any], /) -> Future[Any]:
        """A write beside the process: it may be done at once, or steps later, before others or after them."""
        future: Future[Any] = Future()
        if self._rng.random() < 0.5:
            future.set_result(write())
        else:
            self._under_way.append((write, future))
        return future

    def _answer_some(self) -> None:
        for each in [each for each in self._under_way if self._rng.random() < 0.5]:
            write, future = each
            self._under_way.remove(each)
            future.set_result(write())

    def _come_back(self) -> None:
        if not self.up:
            self.start()

    trouble = None

    @property
    def connection(self) -> int | None:
        """A number of its own for each connection."""
        return None if self._session is None else self.connections

    def _connect(self) -> None:
        self.connections += 1
        self._session = self._broker.connect(f"collector-{self.name}", _wants, self._receive, self._lost_link)

    def _lost_link(self) -> None:
        self._session = None

    def _receive(self, message: Arrived) -> None:
        again = message.retained or message.again
        live = self._live_lane.goes_ahead(message.topic, message.payload, again, self._clock.now_ms)
        self._inbox.put(message._replace(live=live), live)


def _wants(topic: str) -> bool:
    address = names.address(topic)
    if names.collector_of(topic) is not None:
        return True
    return address is not None and address.channel in ("data", "status")


def _state_file() -> sqlite3.Connection:
    """In memory, and outside the process that is killed."""
    return sqlite3.connect(":memory:", isolation_level=None)
