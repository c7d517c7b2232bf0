"""Two collectors, one database: a calibration that was made on one is in force on both."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from collector.files.statedb import open_state
from collector.health.alarms import Alarms
from collector.numbers.calibration import Calibrations, Record
from collector.numbers.shared_calibrations import AGAIN_MS, EVERY_MS, SharedCalibrations
from collector.stores.sqlite import Sqlite
from collector.stores.store import Answer, Later, Store, Table, at_once
from tests.closes import Closes

T0 = 1_790_000_000_000
RECORD = Record("lp-1", "air-1", "pm25_ugm3", T0, T0 + 5, "anna", slope=0.5, source='a "quoted" 中文')


class One:
    """One collector's part."""

    def __init__(self, folder: Path, name: str, store: Store, closes: Closes) -> None:
        self.state = closes(open_state(folder / f"{name}.db"))
        self.records = Calibrations(self.state)
        self.alarms = Alarms()
        self.shared = SharedCalibrations(self.records, store, self.alarms.sound)


@pytest.fixture
def make(tmp_path: Path, store: Sqlite, closes: Closes) -> Callable[[str], One]:
    return lambda name: One(tmp_path, name, store, closes)


def test_who_takes_over_corrects_as_the_one_before(make: Callable[[str], One]) -> None:
    first, second = make("c1"), make("c2")
    first.records.add(RECORD)
    first.shared.look(at_once, T0)
    first.shared.look(at_once, T0)
    second.shared.look_up()
    assert second.records.all() == first.records.all()
    assert second.records.in_force("lp-1", "air-1", "pm25_ugm3", T0 + 9) == first.records.all()[0]


def test_what_is_made_later_goes_over_and_nothing_twice(make: Callable[[str], One], store: Sqlite) -> None:
    first = make("c1")
    for number in range(3):
        first.records.add(RECORD)
        for _ in range(4):
            first.shared.look(at_once, T0 + number)
    assert store.extent()[0] == 3


def test_one_number_for_two_records_is_told_and_each_keeps_its_own(make: Callable[[str], One]) -> None:
    first, second = make("c1"), make("c2")
    first.records.add(RECORD)
    own = second.records.add(Record("lp-2", "air-1", "pm25_ugm3", T0, T0, "bert", slope=2.0))
    for _ in range(2):
        first.shared.look(at_once, T0)
    second.shared.look_up()
    assert second.records.all() == [own]
    assert (list(second.alarms), list(first.alarms)) == (["calibration"], [])
    second.alarms.look(T0 + EVERY_MS)
    assert "calibration" in second.alarms, "until they are compared again"


def test_a_database_that_is_away_is_asked_again_after_a_while(make: Callable[[str], One], store: Sqlite) -> None:
    first = make("c1")
    first.records.add(RECORD)
    write, store.write = store.write, _away  # type: ignore[method-assign,assignment]
    first.shared.look_up()
    for _ in range(2):
        first.shared.look(at_once, T0)
    store.write = write  # type: ignore[method-assign]
    first.shared.look(at_once, T0 + AGAIN_MS - 1)
    assert store.extent()[0] == 0
    first.shared.look(at_once, T0 + AGAIN_MS)
    assert store.extent()[0] == 1


def test_one_that_is_older_than_what_the_database_keeps_is_there_all_the_same(
    make: Callable[[str], One], store: Sqlite
) -> None:
    """It was written with the time it was made: refused, and a second that took over corrected nothing by it."""
    later = T0 + 100 * EVERY_MS
    first = make("c1")
    first.records.add(RECORD)
    for _ in range(2):
        first.shared.look(at_once, later)
    assert store.extent() == (1, later)
    store.remove("calibration")  # as a retention does in time
    for _ in range(2):
        first.shared.look(at_once, later + EVERY_MS)
    assert store.extent() == (1, later + EVERY_MS)


@pytest.mark.parametrize(
    "odd",
    [
        {"word_of_tomorrow": 1},
        {"formula": "of-tomorrow"},
        {"slope": "0.5"},
        {"slope": float("nan")},
        {"from_ms": "soon"},
        {"node": ["lp-1"]},
    ],
)
def test_a_row_that_is_none_of_ours_breaks_no_round(
    make: Callable[[str], One], store: Sqlite, odd: dict[str, object]
) -> None:
    """A newer collector's, or somebody's: one that was taken in broke every batch of its sensor, and each start."""
    _put(store, "lp-1", asdict(RECORD) | odd)
    first = make("c1")
    own = first.records.add(replace(RECORD, node="lp-9"))
    first.shared.look_up()
    for _ in range(2):
        first.shared.look(at_once, T0)
    assert first.records.all() == [own]


def test_two_of_one_number_in_the_database_break_no_takeover(make: Callable[[str], One], store: Sqlite) -> None:
    """Two collectors made them while neither saw the other; a third that knew neither was stopped half-way."""
    for node in ("lp-1", "lp-2"):
        _put(store, node, asdict(replace(RECORD, node=node)))
    third = make("c3")
    third.shared.look_up()
    assert third.records.count == 1
    assert list(third.alarms) == ["calibration"]


def _put(store: Sqlite, node: str, body: dict[str, object]) -> None:
    columns: dict[str, list[Any]] = {"number": [1], "body": [json.dumps(body)]}
    store.write(store.render(Table("calibration", (("node", node),), [T0], columns, frozenset({"number"}))))


def test_a_slow_database_holds_nobody_up(make: Callable[[str], One]) -> None:
    waiting: Future[Any] = Future()
    first = make("c1")
    first.records.add(RECORD)
    for _ in range(3):
        first.shared.look(lambda _: waiting, T0)
    waiting.set_result([])
    first.shared.look(lambda _: waiting, T0)


def test_one_that_is_made_while_others_are_exchanged_goes_over_with_the_next(make: Callable[[str], One]) -> None:
    """It was counted among those that both had, and stayed here for a day."""
    first, second = make("c1"), make("c2")
    under_way: Future[Any] = Future()
    first.shared.look(lambda _: under_way, T0)
    first.records.add(RECORD)
    under_way.set_result([])
    for _ in range(3):
        first.shared.look(at_once, T0)
    second.shared.look_up()
    assert second.records.all() == first.records.all()


def _away(_: object) -> Answer:
    return Later("away")


@pytest.mark.parametrize("at_the_takeover", [True, False])
def test_what_a_full_disk_did_not_take_is_learnt_when_there_is_room(
    make: Callable[[str], One], at_the_takeover: bool
) -> None:
    """It broke off the take-over, and the next exchange was a day later: until then values were not corrected."""
    first, second = make("c1"), make("c2")
    first.records.add(replace(RECORD, source="x" * 100_000))
    for _ in range(2):
        first.shared.look(at_once, T0)
    second.state.execute(f"PRAGMA max_page_count = {second.state.execute('PRAGMA page_count').fetchone()[0]}")
    if at_the_takeover:
        second.shared.look_up()
    for now_ms in (T0, T0 + 1):
        second.shared.look(at_once, now_ms)
    assert second.records.all() == []
    second.state.execute("PRAGMA max_page_count = 1000000")
    for now_ms in (T0 + 1 + AGAIN_MS, T0 + 2 + AGAIN_MS):
        second.shared.look(at_once, now_ms)
    assert second.records.all() == first.records.all()


def test_a_clock_that_is_set_back_holds_up_no_exchange(make: Callable[[str], One], store: Sqlite) -> None:
    first, write = make("c1"), store.write
    first.records.add(RECORD)
    store.write = lambda rows: Later("away")  # type: ignore[method-assign]  # noqa: ARG005
    for _ in range(2):
        first.shared.look(at_once, T0)
    store.write = write  # type: ignore[method-assign]
    first.shared.look(at_once, T0 - EVERY_MS)
    assert store.extent()[0] == 1
