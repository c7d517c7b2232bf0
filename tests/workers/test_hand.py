"""A worker as the receiver sees it: bounded, and followed by another when it dies."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from benchmarks.traffic import Sender, fleet
from collector.config import Config, Influx1Store
from collector.workers import hand as room
from collector.workers.hand import Hand
from collector.workers.talk import Beginning, Order, Report
from tests.servers import free_port, wait_for


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    """A worker whose database never answers: it settles nothing that is well-formed."""
    store = Influx1Store(kind="influx1", url=f"http://127.0.0.1:{free_port()}")
    config = Config(store=store, state_file=tmp_path / "state.db")
    return Hand(Beginning(0, 1, config, True), threading.Event().set)


def birth_of(sender: Sender) -> Order:
    return Order("status", sender.node, sender.birth())


def test_a_worker_that_is_behind_is_given_no_more(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "IN_FLIGHT_BYTES", 10_000)
    hand.start([])
    try:
        for number in range(10):
            assert hand.has_room()
            hand.give(Order("batch", "lp-1", b"%d" % number + b"x" * 700))
        assert not hand.has_room()
        hand.send()
        wait_for("its report", lambda: bool(hand.reports()), 20)  # not readable as batches: kept as strays, and settled
        assert hand.has_room()
    finally:
        hand.ended = True
        hand.kill()
        hand.wait(5)


def test_what_a_killed_worker_had_is_given_to_the_next(hand: Hand) -> None:
    ((sender, (first,)),) = fleet(1, 1, 60)
    hand.start([birth_of(sender)])
    try:
        wait_for("its first report", lambda: bool(hand.reports()), 20)
        hand.give(Order("batch", sender.node, first))
        hand.send()
        said: list[Report] = []
        wait_for("the batch to wait", lambda: bool(said.extend(hand.reports()) or (said and said[-1].pending_rows)), 20)
        process = hand._process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        wait_for("its death to be seen", lambda: hand.reports() is not None and hand.look_after(), 5)
        assert not hand.has_room()
        assert (hand.in_flight(), hand.restarts) == (1, 1)
        hand.start([birth_of(sender)])
        said.clear()
        wait_for("it to wait again", lambda: bool(said.extend(hand.reports()) or (said and said[-1].pending_rows)), 20)
        assert "before_birth" not in said[-1].counts
    finally:
        hand.ended = True
        hand.kill()
        hand.wait(5)


def test_a_worker_that_cannot_be_started_is_tried_again(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object, **__: object) -> None:
        raise OSError("Resource temporarily unavailable")

    monkeypatch.setattr(room, "AGAIN_S", (0.0,))
    with monkeypatch.context() as patched:
        patched.setattr("subprocess.Popen", no_more)
        hand.start([])
    hand.give(Order("batch", "lp-1", b"kept"))
    assert (hand.up, hand.in_flight(), hand.look_after()) == (False, 1, True)
    hand.start([])
    try:
        wait_for("the batch to be settled", lambda: hand.reports() is not None and not hand.in_flight(), 20)
    finally:
        hand.ended = True
        hand.kill()
        hand.wait(5)


def test_a_batch_that_comes_again_meanwhile_is_given_once(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Order] = []
    monkeypatch.setattr(room, "send_orders", lambda _, orders: sent.extend(orders))
    hand.start([])
    try:
        for body in (b"one", b"one", b"two"):
            hand.give(Order("batch", "lp-1", body))
        hand.give(Order("replay", "lp-1", b"two"))  # an operator's wish is always obeyed
        hand.send()
        assert [(order.verb, order.body) for order in sent] == [
            ("batch", b"one"),
            ("batch", b"two"),
            ("replay", b"two"),
        ]
        assert (hand.repeats, hand.in_flight()) == (1, 3)
    finally:
        hand.ended = True
        hand.kill()
        hand.wait(5)


def test_a_worker_that_hangs_is_ended(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.start([])
    try:
        wait_for("its first report", lambda: bool(hand.reports()), 20)
        process = hand._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(room, "SILENCE_S", 0.0)
        wait_for("it to be ended", lambda: hand.reports() is not None and hand.look_after(), 10)
        assert process.returncode == -signal.SIGKILL
    finally:
        hand.ended = True
        hand.wait(5)


def test_a_batch_with_which_several_workers_ended_is_put_aside(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.workers.hand._begin", lambda: (None, Deaf()))
    monkeypatch.setattr(Hand, "_hear", lambda *_: None)
    hand.start([])
    hand.give(Order("batch", "lp-1", b"kills"))
    for left in (1, 1, 0, 0):
        hand.start([])
        assert hand.in_flight() == left
    assert hand.put_aside == 1
    hand.give(Order("batch", "lp-1", b"kills"))  # it comes again, as all that is not answered
    assert hand.in_flight() == 1


class Deaf:
    """A pipe that takes everything and says nothing."""

    def send(self, _: object) -> None:
        pass

    def send_bytes(self, _: object) -> None:
        pass
