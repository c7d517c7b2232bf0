"""The past by the settings of today: as if they had been so from the beginning."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import app
from collector.numbers.recompute import owe_anew
from collector.numbers.reporting import Reporting
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import day_of
from collector.stores.store import Select, Table
from tests.closes import Closes
from tests.quality.bench import AIR, SHANGHAI, Bench, air, flow
from wire.exits import Failure
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

START = day_of(1_772_337_600_000, SHANGHAI)[0]
NOW = Reporting(SHANGHAI, ("china", "us"), "0C")


def sent(table: Table) -> Table:
    """As an agent's readings are stored: each row with the quality of its clock."""
    return table._replace(columns=table.columns | {"cq": [0] * len(table.times_ms)}, whole=table.whole | {"cq"})


def lived(bench: Bench) -> Bench:
    times = range(START, START + DAY_MS, MINUTE_MS)
    bench.commit(sent(air(times, pm25_ugm3=[40.0] * len(times), o3_ugm3=[170.0] * len(times))))
    bench.commit(sent(flow([START, START + HOUR_MS], count=[7, 9], duration_s=[3600.0, 3600.0])))
    bench.settle()
    return bench


@pytest.fixture
def then(tmp_path: Path, closes: Closes) -> Bench:
    """A station that has reported otherwise for a day."""
    bench = lived(closes(Bench(tmp_path, START)))
    bench.reporting = NOW
    bench.restart()
    return bench


def again(bench: Bench, since_ms: int, until_ms: int, node: str | None = None) -> int:
    book = WindowBook(bench._state, owner=False)
    return sum(owe_anew(bench.store, book, lambda _: bench.reporting, since_ms, until_ms, node))


def test_the_past_is_as_if_it_had_always_been_so(then: Bench, tmp_path: Path, closes: Closes) -> None:
    before = then.everything()
    assert again(then, START - 30 * DAY_MS, START + 2 * DAY_MS) == 24 + 2
    then.settle()
    wanted = lived(closes(Bench(tmp_path, START, NOW))).everything()
    assert then.everything() == wanted != before


def test_the_present_goes_ahead_of_the_past(then: Bench) -> None:
    """Hours went by the names of their series: what came late to a station was computed after the years of others."""
    hours = [START - n * HOUR_MS for n in range(100)]
    WindowBook(then._state, owner=False).owe([air(hours)], SHANGHAI)
    late = (("node", "lp-2"), *AIR[1:])
    for minute in (10, 5):
        then.commit(air([START + DAY_MS + minute * MINUTE_MS], pm25_ugm3=[10.0])._replace(tags=late))
    then.now_ms += HOUR_MS
    then.rollups.step(then.now_ms)
    assert then.rows("air_quality_1h", "pm25_ugm3_n", node="lp-2") == [[START + DAY_MS, 2]]
    assert then.rollups.waiting(then.now_ms) > 50, "the past is still to come"


def test_no_more_than_was_asked_for(then: Bench) -> None:
    assert again(then, START + HOUR_MS, START + 3 * HOUR_MS) == 2 + 1
    assert again(then, START, START + DAY_MS, "lp-1") == 24 + 2
    assert again(then, START, START + DAY_MS, "lp-2") == 0


def test_hours_whose_readings_are_forgotten_stay(then: Bench) -> None:
    before = then.everything()
    for measurement in ("air_quality", "air_quality_1m", "traffic_flow"):
        then.store.remove(measurement)
    again(then, START, START + DAY_MS)
    then.settle()
    after = then.everything()
    assert {name: after[name] for name in after if name != "p_air_quality_1m"} == {
        name: before[name] for name in before if name != "p_air_quality_1m"
    }


def test_hours_that_a_lost_book_owed_are_computed_with_their_day(then: Bench) -> None:
    """Open when a disk broke, with readings and nothing else: no backup and no command knew of them."""
    before = then.everything()
    lost = Select("air_quality_1h", ("completeness",), START, START + HOUR_MS)
    with closing(sqlite3.connect(then.store._path)) as db, db:
        for name in ("air_quality_1h", "air_index", "traffic_flow_1h"):
            db.execute(f"DELETE FROM p_{name} WHERE time / 1000000 BETWEEN ? AND ?", (START, START + HOUR_MS - 1))
    assert then.store.select(lost) == []
    then.reporting = Reporting(SHANGHAI)
    assert again(then, START, START + DAY_MS) == 24 + 2
    then.settle()
    assert then.everything() == before


def test_the_command_enters_the_hours_of_a_span(then: Bench, tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    state = then.store._path.with_name("state.db")
    settings.write_text(f"store: {{kind: sqlite, path: {then.store._path}}}\nstate_file: {state}\n")
    words = ["recompute", "--since", "2d", "--until", "2026-03-03", "--config", str(settings), "--json"]
    said = CliRunner().invoke(app, words)
    assert json.loads(said.stdout)["hours"] == 24 + 2
    assert then.rollups.waiting(then.now_ms) == 24 + 2


def test_the_command_tells_how_much_is_left(then: Bench, tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    state = then.store._path.with_name("state.db")
    settings.write_text(f"store: {{kind: sqlite, path: {then.store._path}}}\nstate_file: {state}\n")
    words = ["recompute", "--left", "--config", str(settings), "--json"]
    again(then, START, START + DAY_MS)
    assert json.loads(CliRunner().invoke(app, words).stdout)["hours"] == 24 + 2
    then.settle()
    assert json.loads(CliRunner().invoke(app, words).stdout)["hours"] == 0


@pytest.mark.parametrize("words", [[], ["--left", "--since", "30d"]])
def test_the_command_wants_a_span_or_the_question(words: list[str]) -> None:
    said = CliRunner().invoke(app, ["recompute", *words])
    assert isinstance(said.exception, Failure)
    assert said.exception.word == "span-or-left"
