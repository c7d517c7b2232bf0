"""One worker: a process that takes the batches of its nodes as orders, and reports what it has stored and answered.

    python -m collector.workers.worker FD      started by the receiver (pool.py), never by hand

It ends when the receiver does: at once, in the middle of whatever it does. What it had stored and not reported is
then like what a killed collector had stored: the agents send it again, and it is written over itself.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from collector.alerts.loading import load_rules
from collector.alerts.stored import columns_of
from collector.broker.lanes import Lanes
from collector.clock import wall_ms
from collector.config import Config
from collector.delivery.quarantine import Name
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.health.mishaps import Mishaps
from collector.memory import calm_garbage_collector, share_heaps
from collector.numbers.calibration import Calibrations
from collector.pipeline import IDLE_S, make_pipeline
from collector.stores.named import make_store
from collector.stores.store import Store, Table
from collector.workers.messages import Beginning, Done, Order, Report, send_report, take_orders, worker_of
from common import loglines
from wire import names, status

log = logging.getLogger("lamppost.worker")

TAKE_S = 0.02
REPORT_MS = 500
LAST_WRITES_S = 10.0


class Inbox:
    """Orders as they come, read by a thread of its own: who sends is never kept waiting for long."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._waiting: Lanes[Order] = Lanes()
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._thread = threading.Thread(target=self._read, name="orders", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def next(self, live: bool = False) -> Order | None:
        """The next order, if there is one; old batches come after everything else, or not at all when only what is
        `live` is asked for.
        """
        with self._lock:
            taken = self._waiting.take(1, live)
        return taken[0] if taken else None

    def wait(self, timeout_s: float, live: bool = False) -> None:
        """Until there is an order (a live one) or `wake` is called, at most so long."""
        if not (self._waiting.live if live else self._waiting):
            self._came.wait(timeout_s)
        self._came.clear()

    def is_empty(self) -> bool:
        """Whether every order was taken."""
        return not self._waiting

    def wake(self) -> None:
        """End a waiting early."""
        self._came.set()

    def _read(self) -> None:
        while True:
            try:
                orders = take_orders(self._pipe)
            except (EOFError, OSError):
                os._exit(0)  # nobody would hear what becomes of anything
            with self._lock:
                for order in orders:
                    self._waiting.put(order, order.verb not in ("batch", "replay"))
            self._came.set()


class Worker:
    """The work itself: `obey` orders, `step`, `report`. The pipeline of a collector alone, for a share of the nodes."""

    def __init__(self, config: Config, number: int, of: int, store: Store) -> None:
        self._state = open_state(config.state_file)
        self._nodes = sqlite3.connect(":memory:", isolation_level=None)  # the receiver keeps the real ones
        self._registry = Registry(self._nodes)
        self._calibrations = Calibrations(self._state)
        self.pipeline = make_pipeline(
            config, store, self._registry, self._state, self._calibrations, lambda node: worker_of(node, of) == number
        )
        self.ingest, self.rollups = self.pipeline.ingest, self.pipeline.rollups
        self.mishaps = Mishaps(self.ingest.counts, self.ingest.alarm, config.state_file)
        self._columns = columns_of(load_rules(config.rules))
        self._waiting: dict[Name, list[int]] = {}
        self._settled: list[int] = []
        self._done: list[Done] = []
        self._new_windows: list[Table] = []
        self._answers: list[tuple[str, bytes]] = []
        self._reported_ms = 0
        self.ending = False

    def obey(self, order: Order, now_ms: int) -> None:
        """Do, or begin, what is asked."""
        match order.verb:
            case "batch" | "live" | "replay":
                self._take(order, now_ms)
            case "status":
                with suppress(status.BadStatus):  # the receiver says so
                    self._registry.update(status.decode(order.node, order.body), now_ms)
                    self._registry.save()
            case "greet":
                birth = status.decode(order.node, order.body)
                assert isinstance(birth, status.Birth)
                self.pipeline.greet([birth], now_ms)
            case "look up":
                self.ingest.look_up()
            case "look up hours":
                self.rollups.look_up(now_ms)
            case "end":
                self.ending = True

    def close(self) -> None:
        """Let go of the files; whoever made the store closes that."""
        self._state.close()
        self._nodes.close()

    def _take(self, order: Order, now_ms: int) -> None:
        name = None
        try:
            name = self.ingest.take(order.node, order.body, now_ms, order.verb == "replay", order.verb == "live")
        finally:  # also when our own disk would not have it: it is not answered, and comes again
            if name is None:
                self._settled.append(order.number)
            else:
                self._waiting.setdefault(name, []).append(order.number)

    def step(self, now_ms: int) -> None:
        """Write what can be written, and answer. When our own file fails, what is stored is reported, not answered."""
        self._calibrations.refresh()
        for work in self.ingest.write(now_ms):
            self.rollups.observe(work.tables, now_ms)
            self._settled += self._waiting.pop(work.name, ())
            self._done.append(Done(work.node, work.site, self._for_rules(work.tables)))
        self._new_windows += self._for_rules(self.rollups.step(now_ms, self.ingest.pending_rows() > 0))
        self._answers += self.pipeline.answers(now_ms)

    def report(self, now_ms: int) -> Report | None:
        """What there is to say, if there is anything or it is time."""
        self.ingest.alarms.look(now_ms)
        is_due = not 0 <= now_ms - self._reported_ms < REPORT_MS
        if is_due:
            self._let_go()
        if not (is_due or self._answers or self._settled or self._done or self._new_windows):
            return None
        self._reported_ms = now_ms
        answers, self._answers = self._answers, []
        settled, self._settled = self._settled, []
        done, self._done = self._done, []
        windows, self._new_windows = self._new_windows, []
        return Report(
            answers,
            done,
            settled,
            windows,
            self.ingest.counts,
            self.rollups.counts,
            self.ingest.alarms,
            self.ingest.pending_rows(),
        )

    def _let_go(self) -> None:
        """Batches that no longer wait and were not stored: the quarantine was full, and they come again."""
        for name in [name for name in self._waiting if not self.ingest.waits(name)]:
            self._settled += self._waiting.pop(name)

    def _for_rules(self, tables: list[Table]) -> list[Table]:
        """What the rules read, as a catch-up from the database would give it; of all else that it was heard."""
        found = []
        for table in tables:
            wanted = self._columns.get(table.measurement)
            if wanted is None:
                found.append(Table(table.measurement, table.tags, table.times_ms[-1:], {}))
            else:
                columns = {name: table.columns[name] for name in wanted if name in table.columns}
                found.append(Table(table.measurement, table.tags, table.times_ms, columns))
        return found


def run(pipe: Connection) -> None:
    """Work until the receiver says that it ends, or is gone."""
    beginning = pipe.recv()
    assert isinstance(beginning, Beginning)
    loglines.begin(beginning.quiet)
    share_heaps()
    store = make_store(beginning.config)
    worker = Worker(beginning.config, beginning.number, beginning.of, store)
    inbox = Inbox(pipe)
    worker.pipeline.start(inbox.wake)
    inbox.start()
    calm_garbage_collector()
    last_s = float("inf")
    while True:
        if worker.ingest.has_room(live=True):
            inbox.wait(worker.ingest.idle_s(IDLE_S), live=not worker.ingest.has_room())
        else:
            worker.ingest.wait(IDLE_S)
        now_ms = wall_ms()
        try:
            _round(worker, inbox, now_ms)
        except sqlite3.Error as error:  # nothing is answered that is not kept, so it comes again
            worker.mishaps.state_failed(str(error))
            time.sleep(IDLE_S)  # it will fail again at once
        except Exception as error:  # noqa: BLE001 - a round that breaks is not the last one
            worker.mishaps.broken_by("a round of the worker", error)
            time.sleep(IDLE_S)
        report = worker.report(now_ms)
        if report is not None:
            send_report(pipe, report)
        if worker.ending:
            last_s = min(last_s, time.monotonic() + LAST_WRITES_S)
            if (inbox.is_empty() and not worker.ingest.is_writing()) or time.monotonic() > last_s:
                return


def _round(worker: Worker, inbox: Inbox, now_ms: int) -> None:
    until_s = time.monotonic() + TAKE_S
    while worker.ingest.has_room(live=True) and time.monotonic() < until_s:
        order = inbox.next(live=not worker.ingest.has_room())
        if order is None:
            break
        try:
            worker.obey(order, now_ms)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - one order that breaks us may not stop the others
            worker.mishaps.broken_by(f"a message on {names.data(order.node)}", error)
    worker.step(now_ms)


def main() -> None:
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the receiver is gone
        run(Connection(int(sys.argv[1])))
    os._exit(0)  # not waiting for a write that hangs


if __name__ == "__main__":
    main()
