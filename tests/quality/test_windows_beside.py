"""Windows are made beside the batches: whatever comes between two of its questions, they end as if nothing had."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.health.alarms import Alarms
from collector.stores.store import Later, Refused, Select, StoreDown, Table, at_once
from tests.closes import Closes
from tests.quality.bench import Bench, air
from tests.quality.test_windows import EVENING, NOON, chunks, readings, table
from tests.stored import put
from wire.times import DAY_MS, HOUR_MS

T = TypeVar("T")


class PowerCut(Exception):
    """The program is no more."""


class Turns:
    """Work beside, which goes on by one question to the database, or one write, at each `turn`."""

    def __init__(self, bench: Bench) -> None:
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._worker: threading.Thread | None = None
        self._is_cut = False
        self.is_away = False
        self._select, self._write = bench.store.select, bench.store.write
        bench.store.select = self._asked  # type: ignore[method-assign]
        bench.store.write = self._written  # type: ignore[method-assign]

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Begin, and stop before the first question."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except PowerCut as cut:
                answer.set_exception(cut)
            self._worker = None
            self._stands.release()

        self._worker = threading.Thread(target=run, daemon=True)
        self._worker.start()
        self._stands.acquire()
        return answer

    def turn(self) -> bool:
        """One question or write; False when there is nothing to go on with."""
        if self._worker is None:
            return False
        self._go.release()
        self._stands.acquire()
        return True

    def cut(self) -> None:
        """What has not been written never will be."""
        self._is_cut = True
        while self.turn():
            pass
        self._is_cut = False

    def _wait(self) -> None:
        if threading.current_thread() is self._worker:
            self._stands.release()
            self._go.acquire()
            if self._is_cut:
                raise PowerCut

    def _asked(self, question: Select) -> Any:
        self._wait()
        if threading.current_thread() is self._worker and self.is_away:
            raise StoreDown("away")
        return self._select(question)

    def _written(self, rows: Sequence[Any]) -> Any:
        self._wait()
        is_beside = threading.current_thread() is self._worker
        return Later("away") if is_beside and self.is_away else self._write(rows)


class Course(Bench):
    """A bench whose windows are made by turns."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        super().__init__(folder, now_ms)
        self.turns = Turns(self)
        self.broken: list[tuple[str, Exception]] = []
        self._begin()

    def again(self) -> None:
        """Another life: what was under way ends where it stands."""
        self.turns.cut()
        self.restart()
        self._begin()

    def _begin(self) -> None:
        self.rollups.aside = self.turns.aside
        self.rollups.on_broken = lambda *what: self.broken.append(what)

    def arrive(self, tables: Sequence[Table]) -> None:
        """Readings reach the database in one round."""
        put(self.store, *tables)
        self.rollups.observe(tables, self.now_ms)
        self.rollups.step(self.now_ms)

    def finish(self) -> None:
        """No more comes, and the database is there."""
        self.turns.is_away = False
        while self.turns.turn():
            pass
        self.rollups.aside = at_once
        self.settle()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    begins_ms=st.sampled_from([EVENING - HOUR_MS, EVENING + HOUR_MS, EVENING + DAY_MS]),
)
def test_whatever_comes_between_two_questions_the_windows_are_the_same(
    tmp_path: Path, seed: int, sizes: list[int], begins_ms: int, closes: Closes
) -> None:
    rng = random.Random(seed)
    rows = readings(seed, EVENING, 300)
    plain = closes(Bench(tmp_path, EVENING + DAY_MS))
    plain.commit(table(rows))
    plain.settle()
    course = closes(Course(tmp_path, begins_ms))
    parts = [table(part) for part in chunks(rows, sizes)]
    for n in range(0, len(parts), 3):  # a backlog comes behind what is live
        if rng.random() < 0.3:
            parts[n : n + 6] = rng.sample(parts[n : n + 6], len(parts[n : n + 6]))
    while parts:
        count = rng.randint(1, 3)
        together, parts = parts[:count], parts[count:]
        course.now_ms = max(course.now_ms, max(each.times_ms[-1] for each in together)) + rng.choice([0, 1000, 300_000])
        course.arrive(together)
        match rng.randrange(12):
            case 0:
                course.again()
            case 1:
                course.rollups.look_up(course.now_ms)
            case 2:
                course.turns.is_away = not course.turns.is_away
        for _ in range(rng.randint(0, 4)):
            course.turns.turn()
    course.finish()
    assert course.broken == []
    assert course.everything() == plain.everything()


def test_windows_that_wait_for_an_hour_are_one_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes, caplog: pytest.LogCaptureFixture
) -> None:
    bench = closes(Bench(tmp_path, NOON))
    bench.rollups.aside = at_once
    bench.commit(air([NOON - 2 * HOUR_MS, NOON - 1000], pm25_ugm3=[1.0, 2.0]))

    def away(_: Select) -> Any:
        raise StoreDown("Connection refused")

    monkeypatch.setattr(bench.store, "select", away)
    for _ in range(60):
        bench.now_ms += 60_000
        bench.rollups.step(bench.now_ms)
    assert [record.getMessage() for record in caplog.records] == ["windows wait: Connection refused"]


def test_windows_that_the_database_refuses_for_an_hour_are_one_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes, caplog: pytest.LogCaptureFixture
) -> None:
    """Each write of theirs was a line in the log, once a minute at least, and nothing else told of it."""
    bench, alarms = closes(Bench(tmp_path, NOON)), Alarms()
    bench.rollups.alarm = alarms.sound
    write = bench.store.write

    def refuses(rows: Sequence[Any]) -> Any:
        is_of_minutes = any("_1m" in str(row) for row in rows)
        return Refused(f"field type conflict dropped={len(rows)}") if is_of_minutes else write(rows)

    monkeypatch.setattr(bench.store, "write", refuses)
    for minute in range(60):
        bench.now_ms = NOON + minute * 60_000
        bench.commit(air([bench.now_ms - 30_000], pm25_ugm3=[1.0]))
        alarms.look(bench.now_ms)
    assert list(alarms) == ["windows"]
    assert [record.getMessage() for record in caplog.records] == [
        "the database refuses windows: field type conflict dropped=1"
    ]
    assert bench.rollups.counts["refused"] > 50


def test_where_nothing_is_to_be_done_nothing_is_begun(tmp_path: Path, closes: Closes) -> None:
    """Who has its answer is woken, and would begin again at once: a collector kept half a core busy with nothing."""
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    begun = []
    bench.rollups.aside = lambda work: (begun.append(work), at_once(work))[1]
    for _ in range(60):
        bench.now_ms += 100
        bench.rollups.step(bench.now_ms)
        bench.rollups.step(bench.now_ms, busy=True)
    assert begun == []
    bench.commit(air([bench.now_ms], pm25_ugm3=[1.0]))
    for _ in range(60):
        bench.now_ms += 100
        bench.rollups.step(bench.now_ms)
    assert begun == []
