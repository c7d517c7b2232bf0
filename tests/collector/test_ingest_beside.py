"""Writes beside each other: each batch is answered after its own rows and its own ledger, and none out of order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from collector.delivery import ledger as ledger_questions
from collector.delivery.write_queue import GATHER_MS
from collector.stores.sqlite import Sqlite
from collector.stores.store import Answer, Later, Refused, Row, Stored
from tests.closes import Closes
from tests.collector.bench import BATCH, NOW, SPOOL, Bench
from tests.ingest import ingest_on
from wire.ack import Code


class Beside:
    """A database whose writes are done when the test says so, in the order that the test says."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Future[Any]]] = []

    def __call__(self, write: Callable[[], Any], /) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((write, future))
        return future

    def do(self, number: int = 0, instead: Answer | None = None) -> None:
        write, future = self.waiting.pop(number)
        future.set_result(write() if instead is None else instead)


@pytest.fixture
def bench(tmp_path: Path, closes: Closes) -> Bench:
    bench = closes(Bench(tmp_path))
    bench.ingest.aside = Beside()
    bench.ingest.rows_per_write = 4  # a batch of this test
    for seq in (42, 43, 44, 45):
        bench.ingest.take("lp-0017", sealed(seq), NOW)
    return bench


def sealed(seq: int, **more: str) -> bytes:
    blocks: Any = [{**block, "t0": block["t0"] + 10_000 * seq} for block in BATCH["blocks"]]
    return json.dumps({**BATCH, "seq": seq, "blocks": blocks, **more}).encode()


def step(bench: Bench, now_ms: int = NOW + 600_000) -> list[int]:
    return [work.name.seq for work in bench.ingest.write(now_ms)]


def ledger(bench: Bench) -> list[int]:
    return sorted(row[1] for row in bench.rows("batch_ledger", "seq"))


def test_two_writes_are_under_way_and_no_more(bench: Bench) -> None:
    assert step(bench) == []
    assert len(bench.ingest.aside.waiting) == 2  # type: ignore[attr-defined]


def test_a_ledger_stands_only_behind_its_own_rows(bench: Bench) -> None:
    aside: Any = bench.ingest.aside
    step(bench)
    aside.do(1)  # the second group's rows first
    step(bench)
    aside.do(1)  # its ledger
    assert step(bench) == [], "batches end in order"
    assert ledger(bench) == [43]
    assert bench.answers() == []
    assert bench.ingest.idle_s(9.0) == 9.0, "whoever asks would go round and round for nothing"
    aside.do(0)
    assert bench.ingest.idle_s(9.0) == 0
    step(bench)
    while not (done := step(bench)):
        aside.do()
    assert done == [42, 43]
    assert bench.answers() == [(42, Code.STORED), (43, Code.STORED)]


def test_what_comes_again_while_it_is_under_way_is_not_written_twice(bench: Bench) -> None:
    step(bench)
    bench.ingest.take("lp-0017", sealed(42), NOW)
    assert bench.ingest.counts["resent_while_pending"] == 1


def test_a_failed_write_is_made_again_and_the_one_beside_it_counts(bench: Bench) -> None:
    aside: Any = bench.ingest.aside
    step(bench)
    aside.do(0, Later("gone"))
    step(bench, NOW)
    now_ms = NOW
    done: list[int] = []
    while len(done) < 4:
        while aside.waiting:
            aside.do()
        now_ms += 1_000
        done += step(bench, now_ms)
    assert sorted(done) == [42, 43, 44, 45]
    assert ledger(bench) == [42, 43, 44, 45]
    assert bench.ingest.counts["stored_rows"] == 16
    assert not bench.ingest.is_writing()
    assert bench.ingest.pending_rows() == 0
    assert bench.ingest.store.write([]) == Stored()


def test_a_write_that_breaks_is_made_again_and_holds_up_no_other(bench: Bench) -> None:
    """Its error came with every round from then on, and nothing was stored until somebody started the program anew."""
    aside: Any = bench.ingest.aside
    step(bench, NOW)
    _, broken = aside.waiting.pop(0)
    broken.set_exception(RecursionError("too deep"))
    step(bench, NOW)
    assert bench.ingest.alarms["store"].startswith("a write breaks: RecursionError at ")
    now_ms, done = NOW, list[int]()
    while len(done) < 4 and now_ms < NOW + 60_000:
        while aside.waiting:
            aside.do()
        now_ms += 1_000
        done += step(bench, now_ms)
    assert sorted(done) == [42, 43, 44, 45]
    assert "store" not in bench.ingest.alarms


def test_what_is_live_is_written_beside_two_full_writes_and_answered_before_them(bench: Bench) -> None:
    aside: Any = bench.ingest.aside
    bench.ingest.rows_per_write = 5
    step(bench)
    assert len(aside.waiting) == 2
    assert bench.ingest.has_room(live=True)
    assert not bench.ingest.has_room()
    bench.ingest.take("lp-0017", sealed(50), NOW, live=True)
    step(bench)
    assert len(aside.waiting) == 3, "a write of its own"
    aside.do(2)
    step(bench)
    aside.do(2)  # its ledger
    assert step(bench) == [50]
    assert bench.answers() == [(50, Code.STORED)]
    assert ledger(bench) == [50]
    assert finished(bench) == [42, 43, 44, 45]
    assert ledger(bench) == [42, 43, 44, 45, 50]


def test_live_batches_share_the_next_write_of_their_lane(bench: Bench) -> None:
    aside: Any = bench.ingest.aside
    bench.ingest.rows_per_write = 40
    for seq in (46, 47, 48, 49):
        bench.ingest.take("lp-0017", sealed(seq), NOW, live=True)
        step(bench)
    assert len(aside.waiting) == 2, "one live write and one of the rest: what came while it was under way waits"
    assert sorted(finished(bench)) == [42, 43, 44, 45, 46, 47, 48, 49]


def test_what_is_live_gathers_for_a_moment_after_each_write_and_who_waits_knows_it(bench: Bench) -> None:
    """Each station of a city sends a batch of its own: they made a hundred and forty requests a second, of 14 rows."""
    aside: Any = bench.ingest.aside
    bench.ingest.rows_per_write = 40
    finished(bench)
    now_ms = NOW + 1_000_000
    bench.ingest.take("lp-0017", sealed(46), NOW, live=True)
    step(bench, now_ms)
    aside.do()
    step(bench, now_ms)
    aside.do()  # its ledger
    assert step(bench, now_ms) == [46]
    for seq in (47, 48):
        bench.ingest.take("lp-0017", sealed(seq), NOW, live=True)
    step(bench, now_ms + 10)
    assert not aside.waiting
    assert bench.ingest.idle_s(9.0) == GATHER_MS / 1000
    step(bench, now_ms + GATHER_MS)
    assert len(aside.waiting) == 1
    assert bench.ingest.idle_s(9.0) == 9.0
    assert finished(bench) == [47, 48]


def test_a_live_write_that_fails_is_written_again_and_stays_ahead(bench: Bench) -> None:
    aside: Any = bench.ingest.aside
    bench.ingest.take("lp-0017", sealed(50), NOW, live=True)
    step(bench)
    assert [work.name.seq for group in bench.ingest._works._groups[True] for work in group.works] == [50]
    while aside.waiting:
        aside.do(0, Later("gone"))
    step(bench, NOW)
    assert bench.ingest.idle_s(9.0) == 9.0, "while the database is away nothing gathers"
    step(bench, NOW + 700_000)
    aside.do(0)
    step(bench)
    aside.do(len(aside.waiting) - 1)
    assert step(bench) == [50]
    assert sorted(finished(bench)) == [42, 43, 44, 45]


def test_a_large_batch_is_not_live(bench: Bench) -> None:
    block = {"sensor": "air-1", "kind": "air_quality", "t0": NOW - 5_000_000, "dt": [0] + [1000] * 4_000}
    body = BATCH | {"seq": 99, "blocks": [block | {"fields": {"pm25_raw_ugm3": [1] * 4_001}}]}
    bench.ingest.take("lp-0017", json.dumps(body).encode(), NOW, live=True)
    step(bench)
    assert len(bench.ingest.aside.waiting) == 2, "it waits behind the others"  # type: ignore[attr-defined]


def test_a_large_write_is_answered_some_batches_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.delivery.ingest.ROWS_PER_ROUND", 5)
    bench.ingest.rows_per_write = 40
    aside: Any = bench.ingest.aside
    step(bench)
    aside.do(0)
    step(bench)
    aside.do(0)
    found = []
    while bench.ingest.is_writing():
        assert bench.ingest.idle_s(9.0) == 0
        found.append(step(bench))
    assert found == [[42, 43], [44, 45]]
    assert bench.ingest.pending_rows() == 0


def finished(bench: Bench) -> list[int]:
    """Let the database do all that waits, in its order, a second each; returns the batches that end."""
    aside: Any = bench.ingest.aside
    now_ms = NOW + 600_000
    done = step(bench, now_ms)
    while aside.waiting:
        aside.do(0)
        now_ms += 1000
        done += step(bench, now_ms)
    return done


def test_a_store_that_owes_an_answer_for_long_is_asked_no_question(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hang, and all would wait with the asker; what is not known is then like new, and written over itself."""
    aside: Any = bench.ingest.aside
    asked: list[object] = []
    monkeypatch.setattr(ledger_questions, "highest", lambda *of: asked.append(of) or 7)
    step(bench, NOW)
    step(bench, NOW + 3_000)
    assert bench.ingest.known.highest("lp-0017", "e" * 32) == 7
    step(bench, NOW + 3_001)
    assert bench.ingest.known.highest("lp-0017", "f" * 32) == 0
    assert len(asked) == 1
    while aside.waiting:
        aside.do()
        step(bench, NOW + 4_000)
    step(bench, NOW + 4_000)
    assert bench.ingest.known.highest("lp-0017", "f" * 32) == 7


class NoSeriesMore(Sqlite):
    """A database whose series are used up once `is_full`: of a body it names no row, and claims one."""

    is_full = False

    def write(self, rows: Sequence[Row]) -> Answer:
        if self.is_full and any((row.measurement, row.tags) not in self._series for row in rows):
            return Refused("max-series-per-database limit exceeded: (6) dropped=1", 1)
        return super().write(rows)


def test_one_whose_ledger_is_refused_holds_up_no_other(tmp_path: Path, closes: Closes) -> None:
    """A card was replaced in a city whose database had no series left: nothing of any station was stored after that."""
    bench = closes(Bench(tmp_path))
    bench.store.close()
    bench.store = store = NoSeriesMore(tmp_path / "readings.db")
    store.prepare()
    bench.ingest = ingest_on(store, bench.registry, bench.state)
    for node in ("lp-0017", "lp-0018"):
        bench.born(SPOOL, node)
        assert bench.send(sealed(42, node=node), node=node) == [(42, Code.STORED)]
    store.is_full = True
    bench.born("f" * 32)
    bench.ingest.take("lp-0017", sealed(1, spool="f" * 32), NOW)
    bench.ingest.take("lp-0018", sealed(43, node="lp-0018"), NOW)
    assert step(bench, NOW) == [43]
    assert sorted(bench.answers()) == [(1, Code.LATER), (43, Code.STORED)]
    assert "store" not in bench.ingest.alarms
    assert "max-series" in bench.ingest.alarms["ledger:lp-0017"]
    assert bench.ingest.pending_rows() == 0
    store.is_full = False
    assert bench.send(sealed(1, spool="f" * 32), NOW + 60_000) == [(1, Code.STORED)]
