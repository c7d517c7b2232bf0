"""The collector on simulated time: the product's own, between a simulated link and a store that can be away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from collector.broker.inbox import Arrived
from collector.collector import Collector as ProductCollector
from collector.config import Config
from collector.stores.store import Answer, Later, Row, Select, Series, Store, StoreDown, Table
from simulator.world.broker import Broker, Session
from simulator.world.clock import Clock
from wire import names

STEP_MS = 200
IDLE_MS = 5_000


class AwayStore(Store):
    """A store that answers nothing while it is `away`."""

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self.away = False
        self._store = store

    def prepare(self) -> Answer:
        return Later("the database is away") if self.away else self._store.prepare()

    def render(self, table: Table) -> list[Row]:
        return self._store.render(table)

    def write(self, rows: Sequence[Row]) -> Answer:
        return Later("the database is away") if self.away else self._store.write(rows)

    def select(self, question: Select) -> list[Series]:
        if self.away:
            raise StoreDown("the database is away")
        return self._store.select(question)

    def remove(self, measurement: str) -> None:
        self._store.remove(measurement)

    def keep_for(self, days: int | None) -> None:
        self._store.keep_for(days)

    def close(self) -> None:
        """The store outlives its collector; whoever made it closes it."""


class OnSimulatedTime(ProductCollector):
    """The product's collector by another clock."""

    clock: Clock

    def _seconds(self) -> float:  # type: ignore[override]
        return self.clock.now_s


class Collector:
    """One collector machine: its settings and its state file outlive its process. Also the link of that process."""

    def __init__(self, config: Config, store: Store, clock: Clock, broker: Broker) -> None:
        self.up = False
        self.connections = 0
        self._config, self._store, self._clock, self._broker = config, store, clock, broker
        self._session: Session | None = None
        self._inbox: list[Arrived] = []
        self._due_ms: int | None = None
        self.process: OnSimulatedTime | None = None
        self.start()
        clock.every(IDLE_MS, self._step, 1)

    def start(self) -> None:
        """The process begins with what its state file holds."""
        self.up = True
        self._inbox = []
        OnSimulatedTime.clock = self._clock
        link: Any = self
        process = OnSimulatedTime(self._config, store=self._store, link=link, now_ms=lambda: self._clock.now_ms)
        process.store.prepare()
        self.process = process
        self._connect()

    def kill(self) -> None:
        """kill -9."""
        if self.up and self.process is not None:
            self.up = False
            if self._session is not None:
                self._broker.disconnect(self._session)
            self.process.close()
            self.process = None

    def pending(self) -> int:
        """What it holds in memory."""
        return len(self._inbox) + (self.process.ingest.pending_rows() if self.process is not None else 1)

    def counts(self) -> dict[str, int]:
        """What it has counted since it began."""
        return dict(self.process.ingest.counts) | dict(self.process.counts) if self.process is not None else {}

    # -- what the product's collector asks of its link ------------------------------------------------------------

    trouble = None

    @property
    def connection(self) -> int | None:
        """A number of its own for each connection."""
        return None if self._session is None else self.connections

    def take(self, count: int = 0, live: bool = False) -> list[Arrived]:  # noqa: ARG002
        """What has arrived."""
        taken, self._inbox = self._inbox, []
        return taken

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:  # noqa: ARG002
        """An answer goes out."""
        self._broker.publish(topic, payload, retain)

    def publish_all(self, messages: Iterable[tuple[str, bytes]], expiry_s: int) -> None:
        """Answers go out."""
        for topic, payload in messages:
            self.publish(topic, payload, expiry_s=expiry_s)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the collector's link was asked for {name}, which no simulated link has")

    # -- inside ---------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        if self.up and self.process is not None:
            if self._session is None:
                self._connect()
            self.process.step(self._clock.now_ms)

    def _receive(self, message: Arrived) -> None:
        self._inbox.append(message)
        if self._due_ms is None:
            self._due_ms = self._clock.now_ms + STEP_MS
            self._clock.after(STEP_MS, self._step_soon)

    def _step_soon(self) -> None:
        self._due_ms = None
        self._step()

    def _connect(self) -> None:
        name = f"collector-{self._config.name}"
        self._session = self._broker.connect(name, _wants, self._receive, self._lost_link)
        self.connections += self._session is not None

    def _lost_link(self) -> None:
        self._session = None


def _wants(topic: str) -> bool:
    address = names.address(topic)
    return names.collector_of(topic) is not None or (address is not None and address.channel in ("data", "status"))
