"""The pipeline: takes batches, writes them, makes windows of them and answers, as the settings want it.

A collector has one of its own. With workers (workers/) each of them has one, for its share of the nodes, and what the
collector has instead passes everything on: workers/pool.py.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.config import Config
from collector.delivery import quick_json
from collector.delivery.ingest import Ingest
from collector.delivery.pace import Pace
from collector.delivery.quarantine import Quarantine
from collector.delivery.registry import Node, Registry
from collector.delivery.series import SeriesBudget
from collector.delivery.write_queue import WRITES_AT_ONCE
from collector.health.alarms import Alarms
from collector.health.mishaps import Mishaps
from collector.identity.signing import signing_key
from collector.numbers.calibration import Calibrations
from collector.numbers.derive import Derivation
from collector.numbers.quality import Quality
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.stores.store import Store, Table
from collector.writers import Writers
from wire import ack, names, signed
from wire.status import Birth

IDLE_S: Final = 0.2


class Written(Protocol):
    """A batch that is in the database."""

    @property
    def node(self) -> str: ...

    @property
    def site(self) -> str: ...

    @property
    def tables(self) -> list[Table]: ...


class Intake(Protocol):
    """What takes batches: an `Ingest` in this process, or the `WorkerPool` of workers that have one each."""

    @property
    def counts(self) -> Counter[str]: ...

    @property
    def alarms(self) -> Alarms: ...

    def take(self, node: str, payload: bytes, now_ms: int, replay: bool = False, live: bool = False) -> object: ...

    def write(self, now_ms: int) -> Sequence[Written]: ...

    def has_room(self, live: bool = False) -> bool: ...

    def idle_s(self, most_s: float) -> float: ...

    def wait(self, timeout_s: float) -> None: ...

    def look_up(self) -> None: ...

    def pending_rows(self) -> int: ...

    def alarm(self, key: str, text: str) -> None: ...


class Windows(Protocol):
    """What makes roll-ups of what is in the database: `Rollups`, here or in the workers."""

    @property
    def counts(self) -> Counter[str]: ...

    def observe(self, tables: Iterable[Table], now_ms: int) -> None: ...

    def step(self, now_ms: int, busy: bool = False) -> list[Table]: ...

    def look_up(self, now_ms: int) -> None: ...


class Pipeline(Protocol):
    """What a collector asks of its pipeline, wherever the work is done."""

    @property
    def ingest(self) -> Intake: ...

    @property
    def rollups(self) -> Windows: ...

    def start(self, wake: Callable[[], None]) -> None: ...

    def finish(self, until_s: float, step: Callable[[], None]) -> None: ...

    def stop(self) -> None: ...

    def hear(self, node: str, payload: bytes) -> None: ...

    def greet(self, births: Sequence[Birth], now_ms: int) -> None: ...

    def newly_served(self) -> Iterable[Node]: ...

    def answers(self, now_ms: int) -> Iterable[tuple[str, bytes]]: ...


class OwnPipeline:
    """The work is done here."""

    def __init__(self, ingest: Ingest, rollups: Rollups, key: Ed25519PrivateKey | None) -> None:
        self.ingest, self.rollups = ingest, rollups
        self._key = key
        self._answers: list[tuple[str, bytes]] = []
        self._writers: Writers | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Write in threads of their own from now on; `wake` is called when the store has answered one."""
        self._writers = Writers(2 * (WRITES_AT_ONCE + 1) + 1, wake)  # two lanes of writes, and windows
        self.ingest.aside = self.rollups.aside = self._writers.aside

    def finish(self, until_s: float, step: Callable[[], None]) -> None:
        """Let what is under way be answered, by rounds of the collector, until this monotonic second."""
        while self.ingest.is_writing() and time.monotonic() < until_s:
            self.ingest.wait(IDLE_S)
            step()

    def stop(self) -> None:
        """Let go of the threads."""
        if self._writers is not None:
            self._writers.stop()

    def hear(self, node: str, payload: bytes) -> None:
        """A birth or death that is obeyed: the registry, which has heard it, is the ingest's as well."""

    def greet(self, births: Sequence[Birth], now_ms: int) -> None:
        """Answer births with hellos: how far the spools of each are known."""
        self.ingest.known.learn([(birth.node, spool) for birth in births for spool in birth.spools])
        self._answers += [self._sealed(birth.node, self.ingest.hello(birth, now_ms)) for birth in births]

    def newly_served(self) -> Iterable[Node]:
        """The nodes whose share of the work has begun anew since the last call: none, it began with the collector."""
        return ()

    def answers(self, now_ms: int) -> list[tuple[str, bytes]]:
        """Topics and sealed payloads: what nodes are to hear since the last call."""
        hellos, self._answers = self._answers, []
        return hellos + [self._sealed(node, said) for node, said in self.ingest.acks(now_ms)]

    def _sealed(self, node: str, said: ack.Ack | ack.Hello) -> tuple[str, bytes]:
        topic = names.ack(node)
        return topic, signed.seal(topic, ack.encode(said, quick_json.dumps), self._key)


def make_pipeline(
    config: Config,
    store: Store,
    registry: Registry,
    state: sqlite3.Connection,
    calibrations: Calibrations,
    is_ours: Callable[[str], bool] | None = None,
) -> OwnPipeline:
    """One over the collector's own file. `is_ours`: the nodes of a worker, when not all are."""
    ingest = make_ingest(config, store, registry, state, calibrations)
    rollups = Rollups(store, WindowBook(state, is_ours=is_ours), config.reporting(), Quality(config.quality))
    rollups.alarm = ingest.alarm
    rollups.on_broken = Mishaps(ingest.counts, ingest.alarm, config.state_file).broken_by
    return OwnPipeline(ingest, rollups, signing_key(config))


def make_ingest(
    config: Config, store: Store, registry: Registry, state: sqlite3.Connection, calibrations: Calibrations
) -> Ingest:
    """An ingest as the settings want it."""
    return Ingest(
        config.name,
        store,
        Quarantine(state, config.quarantine_mib << 20, config.quarantine_per_node_mib << 20),
        registry,
        Derivation(Quality(config.quality), calibrations, config.reporting()),
        SeriesBudget(state, config.series_per_node, config.has_no_disk),
        Pace(config.rate_per_node),
    )
