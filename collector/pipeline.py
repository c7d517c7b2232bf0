"""The way of a batch from its bytes into the database and its windows, as the settings want it.

A collector has one line, or one in each of its workers (workers/), every one of them for its share of the nodes.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from collector.alarms import Alarms
from collector.config import Config
from collector.delivery.ingest import Ingest
from collector.delivery.pace import Pace
from collector.delivery.quarantine import Quarantine
from collector.delivery.registry import Registry
from collector.delivery.series import SeriesBudget
from collector.delivery.write_queue import WRITES_AT_ONCE
from collector.mishaps import Mishaps
from collector.numbers.calibration import Calibrations
from collector.numbers.derive import Derivation
from collector.numbers.quality import Quality
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.stores.store import Store, Table

T = TypeVar("T")


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

    def has_answers(self) -> bool: ...

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


class Writers:
    """Threads that wait for the store, so that others go on meanwhile; `wake` is called when one has its answer."""

    def __init__(self, threads: int, wake: Callable[[], None]) -> None:
        self._pool = ThreadPoolExecutor(threads, "store")
        self._wake = wake

    @classmethod
    def of_line(cls, ingest: Ingest, rollups: Rollups, wake: Callable[[], None]) -> Writers:
        """Those of a line: two lanes of writes, and windows."""
        writers = cls(2 * (WRITES_AT_ONCE + 1) + 1, wake)
        ingest.aside = rollups.aside = writers.aside
        return writers

    def stop(self) -> None:
        """Wait for the last answers."""
        self._pool.shutdown()

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Have it done by one of them."""
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._wake())
        return future


def make_pipeline(
    config: Config,
    store: Store,
    registry: Registry,
    state: sqlite3.Connection,
    calibrations: Calibrations,
    is_ours: Callable[[str], bool] | None = None,
) -> tuple[Ingest, Rollups]:
    """A line over the collector's own file. `is_ours`: the nodes of a worker, when not all are."""
    quality, reporting = Quality(config.quality), config.reporting()
    ingest = Ingest(
        config.name,
        store,
        Quarantine(state, config.quarantine_mib << 20, config.quarantine_per_node_mib << 20),
        registry,
        Derivation(quality, calibrations, reporting),
        series=SeriesBudget(state, config.series_per_node),
        pace=Pace(config.rate_per_node),
    )
    rollups = Rollups(store, WindowBook(state, is_ours=is_ours), reporting, quality)
    rollups.on_broken = Mishaps(ingest.counts, ingest.alarm, config.state_file).broken_by
    return ingest, rollups
