"""From the embedded store to another: every row and its types, the border of two lives, what the command refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.commands import migrate as command
from collector.commands.options import say_refused
from collector.files.statedb import open_state
from collector.numbers.reporting import Reporting
from collector.numbers.window_book import WindowBook
from collector.stores.influx1 import Influx1
from collector.stores.migration import migrate
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Stored, Table
from collector.zones import zone_of
from tests.servers import Influxd
from tests.stored import put
from wire.exits import Failure
from wire.times import HOUR_MS

T0 = 1_790_000_000_000 // HOUR_MS * HOUR_MS
TAGS = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))
REPORTING = Reporting(zone_of("Asia/Shanghai"))
SPOOL = (("node", "lp-1"), ("spool", "f"))
QC, SEQ = frozenset({"qc"}), frozenset({"seq"})
TABLES = [
    Table("air_quality", TAGS, [T0, T0 + 1000, T0 + 2000], {"pm25_ugm3": [0, None, 0.1], "qc": [1, 3, 1]}, QC),
    Table("air_quality", TAGS, [T0 - 60 * HOUR_MS], {"pm25_ugm3": [7.25], "qc_code": ['a "quoted" 中文']}),
    Table("batch_ledger", SPOOL, [T0], {"seq": [2**53], "digest": ["d"]}, SEQ, sub_ns=7),
    Table("batch_ledger", SPOOL, [T0], {"seq": [2], "digest": ["e"]}, SEQ, sub_ns=8),
]


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Sqlite]:
    store = Sqlite(tmp_path / "readings.db")
    assert store.write([row for table in TABLES for row in store.render(table)]) == Stored()
    yield store
    store.close()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[WindowBook]:
    with closing(open_state(tmp_path / "state.db")) as state:
        yield WindowBook(state, owner=False)


@pytest.mark.real
def test_a_server_answers_as_the_file_did(old: Sqlite, book: WindowBook, influxd: Influxd, tmp_path: Path) -> None:
    new = Influx1(influxd.url, tmp_path.name.replace("-", "_"))
    new.prepare()
    rows, newest_ms = old.extent()
    for _ in range(2):
        done = list(migrate(old, newest_ms, new, book, lambda _: REPORTING))
        assert sum(count for count, _ in done) == rows
        assert [why for _, reasons in done for why in reasons] == []
    for question in (
        Select("air_quality", ("pm25_ugm3", "qc", "qc_code"), group_by=("node", "sensor", "site")),
        Select("batch_ledger", ("seq", "digest"), group_by=("node", "spool")),
    ):
        assert new.select(question) == old.select(question)
    new.close()


def test_hours_that_may_lie_on_both_sides_of_the_change_are_due(old: Sqlite, book: WindowBook, tmp_path: Path) -> None:
    hours = Table("air_quality_1h", TAGS, [T0 - 60 * HOUR_MS, T0], {"completeness": [1.0, 1.0]})
    old.write(old.render(hours))
    new = Sqlite(tmp_path / "new.db")
    list(migrate(old, old.extent()[1], new, book, lambda _: REPORTING))
    assert [hour_ms for _, hour_ms in book.due(T0, 10)] == [T0], "and not the one of sixty hours before"
    new.close()


def test_hours_that_were_not_computed_yet_at_the_change_are_due(old: Sqlite, book: WindowBook, tmp_path: Path) -> None:
    """Those of a backlog: the collector looked for their readings in the new database, and had done with them."""
    long_ago = T0 - 90 * HOUR_MS
    made = Table("air_quality_1h", TAGS, [long_ago], {"pm25_ugm3_mean": [7.0], "completeness": [1.0]})
    minutes = [hour_ms + 60_000 * n for hour_ms in (long_ago, long_ago + HOUR_MS) for n in range(60)]
    readings = Table("air_quality", TAGS, minutes, {"pm25_ugm3": [7.0] * 120})
    put(old, made, readings)
    new = Sqlite(tmp_path / "new.db")
    list(migrate(old, old.extent()[1], new, book, lambda _: REPORTING))
    assert [hour_ms for _, hour_ms in book.due(T0, 10)] == [long_ago + HOUR_MS, T0 - 60 * HOUR_MS, T0]
    new.close()


@given(st.data())
def test_every_row_comes_over_however_the_parts_fall(data: st.DataObject) -> None:
    cells = {
        "f": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "i": st.none() | st.integers(-(2**53), 2**53),
        "t": st.none() | st.text('ab"\\ 中', max_size=4),
    }
    with (
        TemporaryDirectory() as folder,
        closing(Sqlite(Path(folder) / "old.db")) as old,
        closing(Sqlite(Path(folder) / "new.db")) as new,
    ):
        for _ in range(data.draw(st.integers(1, 4))):
            times = sorted(data.draw(st.sets(st.integers(T0, T0 + 20), min_size=1, max_size=9)))
            columns: dict[str, list[Any]] = {n: [data.draw(one) for _ in times] for n, one in cells.items()}
            tags = (("node", data.draw(st.sampled_from(["lp-1", "lp-2"]))),)
            sub_ns = data.draw(st.sampled_from([0, 1, 999_999]))
            old.write(old.render(Table("air_quality", tags, times, columns, frozenset({"i"}), sub_ns)))
        put(new, *old.tables(data.draw(st.integers(1, 10))))
        assert _rows(Path(folder) / "new.db") == _rows(Path(folder) / "old.db")


def _rows(file: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row by series and nanosecond, with the fields that are there."""
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'p_air_quality'").fetchone():
            return {}
        found = db.execute("SELECT tags, p.* FROM p_air_quality p JOIN series ON series.id = p.series").fetchall()
    return {
        (row["tags"], row["time"]): {n: row[n] for n in ("f", "i", "t") if n in row.keys() and row[n] is not None}  # noqa: SIM118
        for row in found
    }


@pytest.mark.usefixtures("old", "book")
@pytest.mark.parametrize(
    ("readings", "word"),
    [("readings.db", "store-same"), ("missing.db", "file-unreadable"), ("state.db", "file-unreadable")],
)
def test_what_is_no_store_or_the_same_is_refused(tmp_path: Path, readings: str, word: str) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path}/readings.db}}\nstate_file: {tmp_path}/state.db\n")
    with pytest.raises(Failure) as told:
        command.migrate(tmp_path / readings, settings, as_json=False)
    assert told.value.word == word


def test_of_refused_rows_each_reason_is_told_with_how_often(capsys: pytest.CaptureFixture[str]) -> None:
    """Five times the same was all that was told, of the first that were refused."""
    say_refused(["too old"] * 60 + ["another type"] * 7)
    assert capsys.readouterr().err == "60 refused: too old\n7 refused: another type\n"
