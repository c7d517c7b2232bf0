"""A worker as the receiver sees it: bounded, and followed by another when it dies."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from benchmarks.traffic import Sender, fleet
from collector.config import Config, Influx1Store
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.workers import worker_process as room
from collector.workers.messages import Beginning, Order, Report
from collector.workers.pool import WorkerPool
from collector.workers.worker_process import WorkerProcess
from tests.closes import Closes
from tests.servers import free_port, wait_for


@pytest.fixture
def worker(tmp_path: Path) -> WorkerProcess:
    """A worker whose database never answers: it settles nothing that is well-formed."""
    store = Influx1Store(kind="influx1", url=f"http://127.0.0.1:{free_port()}")
    config = Config(store=store, state_file=tmp_path / "state.db")
    return WorkerProcess(Beginning(0, 1, config, True), threading.Event().set)


def birth_of(sender: Sender) -> Order:
    return Order("status", sender.node, sender.birth())


def test_a_worker_that_is_behind_is_given_no_more(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "IN_FLIGHT_BYTES", 10_000)
    worker.start([])
    try:
        for number in range(10):
            assert worker.has_room()
            worker.give(Order("batch", "lp-1", b"%d" % number + b"x" * 700))
        assert not worker.has_room()
        worker.send()
        wait_for(
            "its report", lambda: bool(worker.reports()), 20
        )  # not readable as batches: kept as strays, and settled
        assert worker.has_room()
    finally:
        worker.ended = True
        worker.kill()
        worker.wait(5)


def test_what_a_killed_worker_had_is_given_to_the_next(worker: WorkerProcess) -> None:
    ((sender, (first,)),) = fleet(1, 1, 60)
    worker.start([birth_of(sender)])
    try:
        wait_for("its first report", lambda: bool(worker.reports()), 20)
        worker.give(Order("batch", sender.node, first))
        worker.send()
        said: list[Report] = []
        wait_for("it to wait", lambda: bool(said.extend(worker.reports()) or (said and said[-1].pending_rows)), 20)
        process = worker._process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        wait_for("its death to be seen", lambda: worker.reports() is not None and worker.look_after(), 5)
        assert not worker.has_room()
        assert (worker.in_flight(), worker.restarts) == (1, 1)
        worker.start([birth_of(sender)])
        said.clear()
        wait_for("it to wait", lambda: bool(said.extend(worker.reports()) or (said and said[-1].pending_rows)), 20)
        assert "before_birth" not in said[-1].counts
    finally:
        worker.ended = True
        worker.kill()
        worker.wait(5)


def test_a_worker_that_cannot_be_started_is_tried_again(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object, **__: object) -> None:
        raise OSError("Resource temporarily unavailable")

    monkeypatch.setattr(room, "AGAIN_S", (0.0,))
    with monkeypatch.context() as patched:
        patched.setattr("subprocess.Popen", no_more)
        worker.start([])
    worker.give(Order("batch", "lp-1", b"kept"))
    assert (worker.up, worker.in_flight(), worker.look_after()) == (False, 1, True)
    worker.start([])
    try:
        wait_for("the batch to be settled", lambda: worker.reports() is not None and not worker.in_flight(), 20)
    finally:
        worker.ended = True
        worker.kill()
        worker.wait(5)


def test_a_batch_that_comes_again_meanwhile_is_given_once(
    worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Order] = []
    monkeypatch.setattr(room, "send_orders", lambda _, orders: sent.extend(orders))
    worker.start([])
    try:
        for body in (b"one", b"one", b"two"):
            worker.give(Order("batch", "lp-1", body))
        worker.give(Order("replay", "lp-1", b"two"))  # an operator's wish is always obeyed
        worker.send()
        assert [(order.verb, order.body) for order in sent] == [
            ("batch", b"one"),
            ("batch", b"two"),
            ("replay", b"two"),
        ]
        assert (worker.repeats, worker.in_flight()) == (1, 3)
    finally:
        worker.ended = True
        worker.kill()
        worker.wait(5)


def test_a_worker_that_hangs_is_ended(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.start([])
    try:
        wait_for("its first report", lambda: bool(worker.reports()), 20)
        process = worker._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(room, "SILENCE_S", 0.0)
        wait_for("it to be ended", lambda: worker.reports() is not None and worker.look_after(), 10)
        assert process.returncode == -signal.SIGKILL
    finally:
        worker.ended = True
        worker.wait(5)


def test_a_batch_that_ended_several_is_put_aside(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.workers.worker_process._begin", lambda: (None, Deaf()))
    monkeypatch.setattr(WorkerProcess, "_hear", lambda *_: None)
    worker.start([])
    worker.give(Order("batch", "lp-1", b"kills"))
    for left in (1, 1, 0, 0):
        worker.start([])
        assert worker.in_flight() == left
    assert worker.put_aside == 1
    worker.give(Order("batch", "lp-1", b"kills"))  # it comes again, as all that is not answered
    assert worker.in_flight() == 1


class Deaf:
    """A pipe that takes everything and says nothing."""

    def send(self, _: object) -> None:
        pass

    def send_bytes(self, _: object) -> None:
        pass


def test_what_is_sent_to_all_of_a_service_ends_no_worker_that_has_hardly_begun() -> None:
    """It died before it could say that it would not hear, and was started again beside a receiver that ended."""
    process, pipe = room._begin()
    for number in room.SENT_TO_ALL:
        process.send_signal(number)
    pipe.close()
    assert process.wait(30) == 0


def test_a_worker_s_alarm_is_told_since_it_began(tmp_path: Path, closes: Closes) -> None:
    """`collector status` called each of them wrong for 0 min, for days."""
    config = Config(store=Influx1Store(kind="influx1"), state_file=tmp_path / "state.db")
    pool = WorkerPool(config, 2, Registry(closes(open_state(config.state_file))), True)
    first, second = pool._workers
    first.ended = second.ended = True  # none is started for this

    def says(now_ms: int, **alarms: str) -> dict[str, int]:
        first.last = Report([], [], [], [], {}, {}, alarms, 0)
        pool.write(now_ms)
        pool.alarms.look(now_ms)
        return dict(pool.alarms.since_ms)

    assert says(1_000, store="HTTP 503") == says(61_000, store="HTTP 401") == {"store": 1_000}
    assert says(121_000) == {}
    assert says(181_000, store="HTTP 503") == {"store": 181_000}
