"""The pool: all workers of a receiver. To the collector it is a pipeline (pipeline.py), and its ingest."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from collector.config import Config
from collector.delivery.registry import Node, Registry
from collector.health.alarms import Alarms
from collector.stores.store import Table
from collector.workers.messages import Beginning, Done, Order, worker_of
from collector.workers.worker_process import WorkerProcess
from wire import status


class WorkerPool:
    """Gives each node's batches to its worker. Used by the ingest thread; counts and alarms may be read by any."""

    def __init__(self, config: Config, workers: int, registry: Registry, quiet: bool) -> None:
        self.rollups = FarWindows(self)
        self._registry = registry
        self._wake: Callable[[], None] = lambda: None
        self._news = threading.Event()
        self._workers = [WorkerProcess(Beginning(n, workers, config, quiet), self._heard) for n in range(workers)]
        self.alarms = Alarms()  # our own, and those of the workers
        self._far_alarms: dict[str, str] = {}
        self._answers: list[tuple[str, bytes]] = []
        self._rolled: list[Table] = []
        self._looked_up = False
        self._reborn: list[WorkerProcess] = []

    # -- their lives ----------------------------------------------------------------------------------------------

    def start(self, wake: Callable[[], None]) -> None:
        """Begin all of them; `wake` is called when one has something to report."""
        self._wake = wake
        for worker in self._workers:
            worker.start(self._introduction(worker))

    def finish(self, until_s: float, step: Callable[[], None]) -> None:
        """Let everything that was given be written and reported, and end them; a round of the collector takes it up."""
        for worker in self._workers:
            worker.ended = True
            worker.give(Order("end"))
            worker.send()
        for worker in self._workers:
            worker.wait(max(0.0, until_s - time.monotonic()))
        step()

    def stop(self) -> None:
        """They have ended: `finish`."""

    def _look_after(self) -> None:
        for worker in self._workers:
            if worker.look_after():
                worker.start(self._introduction(worker))
                self._reborn.append(worker)

    def _introduction(self, worker: WorkerProcess) -> Iterator[Order]:
        """What a new worker must know: its nodes, and how far the database knows them."""
        for node in self._nodes(worker):  # a worker need not know whether its link is up
            yield Order("status", node.birth.node, status.encode(node.birth))
        if self._looked_up:
            yield Order("look up")
            yield Order("look up hours")

    def newly_served(self) -> list[Node]:
        """The nodes whose worker has been started again since the last call."""
        reborn, self._reborn = self._reborn, []
        return [node for worker in reborn for node in self._nodes(worker)]

    def _nodes(self, worker: WorkerProcess) -> list[Node]:
        return [node for node in self._registry.nodes() if self._worker(node.birth.node) is worker]

    # -- as an ingest ---------------------------------------------------------------------------------------------

    @property
    def ingest(self) -> WorkerPool:
        """What takes batches: this itself."""
        return self

    def take(
        self,
        node: str,
        payload: bytes,
        now_ms: int,
        replay: bool = False,
        live: bool = False,
    ) -> None:
        """Pass a batch to its worker, with the next `write`."""
        self._worker(node).give(Order("replay" if replay else "live" if live else "batch", node, payload))

    def write(self, now_ms: int) -> list[Done]:
        """Let the workers have what was given; returns the batches that they have brought into the database."""
        done: list[Done] = []
        self._news.clear()
        for worker in self._workers:
            worker.send()
            for report in worker.reports():
                done += report.done
                self._rolled += report.windows
                self._answers += report.answers
        self._look_after()
        self._tell_alarms(now_ms)
        return done

    def has_room(self, live: bool = False) -> bool:
        """False while one of them has as much as it may: what is next may be for that one."""
        return all(worker.has_room(live) for worker in self._workers)

    def idle_s(self, most_s: float) -> float:
        """How long nothing need be done unless something comes: reports come with a call of `wake`."""
        return most_s

    def wait(self, timeout_s: float) -> None:
        """Until one of them has something to report, at most so long."""
        self._news.wait(timeout_s)

    def look_up(self) -> None:
        """Another collector may have written meanwhile: what is known of sequences comes from the database anew."""
        self._looked_up = True
        self.tell_all(Order("look up"))

    def pending_rows(self) -> int:
        """Rows that wait for the store, as far as reported."""
        return sum(worker.last.pending_rows for worker in self._workers if worker.last is not None)

    @property
    def counts(self) -> Counter[str]:
        """Of all lives of all workers."""
        total: Counter[str] = Counter()
        for worker in self._workers:
            total.update(worker.past)
            if (last := worker.last) is not None:
                total.update(last.counts)
            total["worker_restarts"] += worker.restarts
            total["resent_while_pending"] += worker.repeats
            total["put_aside"] += worker.put_aside
        return total

    def alarm(self, key: str, text: str) -> None:
        """Something is wrong that the receiver sees itself."""
        self.alarms.sound(key, text)

    def _tell_alarms(self, now_ms: int) -> None:
        """What any of the workers complains of, as long as it does, and what we complain of them."""
        found: dict[str, str] = {}
        for worker in self._workers:
            if (last := worker.last) is not None:
                found |= last.alarms
            if worker.is_ill():
                found[f"worker:{worker.number}"] = f"worker {worker.number} ends again and again; see the log"
        for name in self._far_alarms.keys() - found.keys():
            self.alarms.pop(name, None)
            self.alarms.since_ms.pop(name, None)
        self.alarms.update(found)
        for name in found:
            self.alarms.since_ms.setdefault(name, now_ms)
        self._far_alarms = found

    # -- more than an ingest --------------------------------------------------------------------------------------

    def hear(self, node: str, payload: bytes) -> None:
        """A birth or death that is obeyed."""
        self._worker(node).give(Order("status", node, payload))

    def greet(self, births: Sequence[status.Birth], now_ms: int) -> None:
        """Its worker knows how far a node's spools are stored; the hello is among the answers."""
        for birth in births:
            self._worker(birth.node).give(Order("greet", birth.node, status.encode(birth)))

    def answers(self, now_ms: int) -> list[tuple[str, bytes]]:
        """Sealed answers to publish, each with its topic; those whose batches `write` returned before."""
        taken, self._answers = self._answers, []
        return taken

    def tell_all(self, order: Order) -> None:
        """The same order to every worker."""
        for worker in self._workers:
            worker.give(order)

    def rolled(self) -> list[Table]:
        """Windows that are new in the database."""
        taken, self._rolled = self._rolled, []
        return taken

    def window_counts(self) -> Counter[str]:
        """What the workers count of their windows."""
        total: Counter[str] = Counter()
        for worker in self._workers:
            total.update(worker.past_windows)
            if (last := worker.last) is not None:
                total.update(last.window_counts)
        return total

    def _worker(self, node: str) -> WorkerProcess:
        return self._workers[worker_of(node, len(self._workers))]

    def _heard(self) -> None:
        self._news.set()
        self._wake()


class FarWindows:
    """The roll-ups, as the collector sees them: made where the readings are."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    @property
    def counts(self) -> Counter[str]:
        return self._pool.window_counts()

    def observe(self, tables: Iterable[Table], now_ms: int) -> None:
        """The workers have seen them."""

    def step(self, now_ms: int, busy: bool = False) -> list[Table]:
        return self._pool.rolled()

    def look_up(self, now_ms: int) -> None:
        self._pool.tell_all(Order("look up hours"))
