"""A worker's own bookkeeping: every order about a batch is settled, whatever becomes of it."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traffic import fleet
from collector import rules
from collector.config import Config, SqliteStore
from collector.delivery.ingest import Ingest
from collector.delivery.quarantine import Full, Quarantine
from collector.stores.sqlite import Sqlite
from collector.workers.messages import Order, Report
from collector.workers.worker import Worker
from collector.workers.worker import _round as work_on
from tests.closes import Closes
from wire import ack, signed
from wire.check import FUTURE_MS

STARTER = Path(rules.__file__).parent / "starter.yaml"


@pytest.fixture
def worker(tmp_path: Path, closes: Closes) -> Worker:
    store = SqliteStore(kind="sqlite", path=tmp_path / "readings.db")
    config = Config(store=store, state_file=tmp_path / "state.db", rules=[STARTER])
    readings = closes(Sqlite(store.path))
    readings.prepare()
    return closes(Worker(config, 0, 1, readings))


def codes(report: Report) -> list[int]:
    said = [ack.decode(signed.open_sealed(topic, sealed)) for topic, sealed in report.answers]
    return [verdict.code for one in said if isinstance(one, ack.Ack) for verdict in one.verdicts]


def do(worker: Worker, now_ms: int, *orders: Order) -> Report:
    for order in orders:
        worker.obey(order, now_ms)
    worker.step(now_ms)
    report = worker.report(now_ms)
    assert report is not None
    return report


def test_a_batch_is_reported_answered_and_settled_when_it_is_in_the_database(worker: Worker) -> None:
    ((sender, (first, second)),) = fleet(1, 2, 60)
    now_ms = sender.first_ms + 200_000
    birth = Order("status", sender.node, sender.birth())
    report = do(worker, now_ms, birth, Order("batch", sender.node, first, 1))
    assert (report.settled, codes(report)) == ([1], [ack.Code.STORED])
    (done,) = report.done
    assert done.node == sender.node
    (table,) = done.tables
    assert len(table.times_ms) == 60
    assert "pm25_ugm3" in table.columns  # what the rules read
    assert "pm1_raw_ugm3" not in table.columns  # what they do not
    report = do(worker, now_ms, Order("batch", sender.node, first, 2), Order("replay", sender.node, second, 3))
    assert (sorted(report.settled), sorted(codes(report))) == ([2, 3], [ack.Code.STORED, ack.Code.ALREADY_STORED])


def test_a_dead_workers_batch_is_seen_by_the_rules_though_the_database_has_it(worker: Worker) -> None:
    ((sender, (first,)),) = fleet(1, 1, 60)
    now_ms = sender.first_ms + 200_000
    do(worker, now_ms, Order("status", sender.node, sender.birth()), Order("batch", sender.node, first, 1))
    report = do(worker, now_ms, Order("replay", sender.node, first, 2))
    assert (report.settled, codes(report), len(report.done)) == ([2], [ack.Code.STORED], 1)


def test_what_is_refused_is_settled_at_once(worker: Worker) -> None:
    numbers = itertools.count(1)
    report = do(worker, 0, *(Order("batch", "lp-1", body, next(numbers)) for body in (b"", b"{}", b"\xff")))
    assert report.settled == [1, 2, 3]


def test_what_a_full_quarantine_sends_back_is_settled(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Full("no room")

    monkeypatch.setattr(Quarantine, "keep_parts", full)
    ((sender, (first,)),) = fleet(1, 1, 60)
    early_ms = sender.first_ms + 30_000 - FUTURE_MS  # half of its rows are too far ahead
    report = do(worker, early_ms, Order("status", sender.node, sender.birth()), Order("batch", sender.node, first, 1))
    assert (report.settled, codes(report)) == ([1], [ack.Code.LATER])


def test_while_our_own_file_fails_the_rules_see_what_is_stored_and_nobody_is_answered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk full")

    ((sender, (first,)),) = fleet(1, 1, 60)
    now_ms = sender.first_ms + 200_000
    worker.obey(Order("status", sender.node, sender.birth()), now_ms)
    worker.obey(Order("batch", sender.node, first, 1), now_ms)
    with monkeypatch.context() as patched:
        patched.setattr(worker.rollups, "step", fails)
        with pytest.raises(sqlite3.OperationalError):
            worker.step(now_ms)
    report = worker.report(now_ms)
    assert report is not None
    assert (report.settled, codes(report), len(report.done)) == ([1], [], 1)
    assert codes(do(worker, now_ms)) == [ack.Code.STORED]


class Orders:
    """What the receiver has sent."""

    def __init__(self, *orders: Order) -> None:
        self._orders = list(orders)

    def next(self, live: bool) -> Order | None:  # noqa: ARG002
        return self._orders.pop(0) if self._orders else None


def test_an_order_that_nobody_foresaw_stops_no_other(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    ((sender, (first,)),) = fleet(1, 1, 60)
    now_ms, take = sender.first_ms + 200_000, worker.ingest.take

    def breaks(node: str, *rest: Any) -> Any:
        if node == "lp-bad":
            raise OverflowError("int too large")
        return take(node, *rest)

    monkeypatch.setattr(Ingest, "take", lambda _, *rest: breaks(*rest))
    birth = Order("status", sender.node, sender.birth())
    inbox: Any = Orders(Order("batch", "lp-bad", b"x", 1), birth, Order("batch", sender.node, first, 2))
    work_on(worker, inbox, now_ms)
    report = worker.report(now_ms)
    assert report is not None
    assert (sorted(report.settled), codes(report)) == ([1, 2], [ack.Code.STORED])
    assert report.counts["unforeseen"] == 1
    assert "breaks this program: OverflowError" in report.alarms["unforeseen"]
