"""One contract, every store: what is written comes back, once, whatever database is behind."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from collector.config import Config, SqliteStore
from collector.stations.purge import purge
from collector.stores import care
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from collector.stores.sqlite import Sqlite
from collector.stores.store import Held, Later, Select, Store, Stored, Table
from tests.closes import Closes
from tests.servers import Influxd
from tests.stored import put

T0 = 1_790_000_000_000
TAGS = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))


@pytest.fixture(params=["sqlite", pytest.param("influx1", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store
    if request.param == "sqlite":
        made = Sqlite(tmp_path / "readings.db")
    else:
        server: Influxd = request.getfixturevalue("influxd")
        made = Influx1(server.url, tmp_path.name.replace("-", "_"))
    assert made.prepare() == Stored()
    yield made
    made.close()


def table(times: list[int], values: list[float | None], **more: object) -> Table:
    columns: dict[str, list[object]] = {"pm25_ugm3": list(values), "qc": [1] * len(times)}
    return Table("air_quality", TAGS, times, columns, frozenset({"qc"}), **more)  # type: ignore[arg-type]


def write(store: Store, *tables: Table) -> None:
    assert store.write([row for one in tables for row in store.render(one)]) == Stored()


def test_rows_come_back_as_they_were_written(store: Store) -> None:
    write(store, table([T0, T0 + 1000, T0 + 2000], [12, None, 0.1]))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3", "qc"), group_by=("node", "sensor")))
    assert series.tags == {"node": "lp-1", "sensor": "air-1"}
    assert series.rows == [[T0, 12, 1], [T0 + 1000, None, 1], [T0 + 2000, 0.1, 1]]


def test_the_same_rows_twice_are_stored_once(store: Store) -> None:
    for _ in range(2):
        write(store, table([T0, T0 + 1000], [1, 2]))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3",)))
    assert len(series.rows) == 2


def test_another_write_of_one_identity_fills_in_fields(store: Store) -> None:
    write(store, table([T0], [1.5]))
    write(store, Table("air_quality", TAGS, [T0], {"pm10_ugm3": [7.5]}))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3", "pm10_ugm3")))
    assert series.rows == [[T0, 1.5, 7.5]]


def test_zero_is_a_value_and_texts_survive(store: Store) -> None:
    text = 'a "quoted" \\ text,\nwith = and 中文, 张\u3000三, 5\u00a0µg, 👨\u200d🔧, a font\'s own \ue000'
    write(store, Table("air_quality", TAGS, [T0], {"pm25_ugm3": [0], "qc_code": [text]}))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3", "qc_code")))
    assert series.rows == [[T0, 0, text]]


def test_rows_of_one_millisecond_keep_their_own_place(store: Store) -> None:
    write(store, table([T0], [1], sub_ns=1), table([T0], [2], sub_ns=2))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3",)))
    assert [row[1] for row in series.rows] == [1, 2]


def test_windows_are_aligned_and_aggregated(store: Store) -> None:
    minute = T0 // 60_000 * 60_000
    write(store, table([minute, minute + 1000, minute + 60_000], [10, 20, 40]))
    (series,) = store.select(Select("air_quality", ("pm25_ugm3",), aggregate="mean", every_ms=60_000, since_ms=minute))
    assert series.rows == [[minute, 15], [minute + 60_000, 40]]


def test_latest_gives_one_row_a_series(store: Store) -> None:
    other = tuple((k, "air-2" if k == "sensor" else v) for k, v in TAGS)
    write(store, table([T0, T0 + 1000], [1, 2]), table([T0], [3])._replace(tags=other))
    found = store.select(Select("air_quality", ("pm25_ugm3",), group_by=("sensor",), latest=True))
    assert {series.tags["sensor"]: series.rows for series in found} == {"air-1": [[T0 + 1000, 2]], "air-2": [[T0, 3]]}


def test_time_bounds_and_tags_select(store: Store) -> None:
    write(store, table([T0, T0 + 1000, T0 + 2000], [1, 2, 3]))
    question = Select(
        "air_quality", ("pm25_ugm3",), since_ms=T0 + 1000, until_ms=T0 + 2000, where={"node": ("lp-1", "x")}
    )
    (series,) = store.select(question)
    assert series.rows == [[T0 + 1000, 2]]
    for nobody in ("it's nobody", "lp-1\n", "lp-1\\", "", ()):
        assert store.select(Select("air_quality", ("pm25_ugm3",), where={"node": nobody})) == []


def test_several_questions_are_answered_in_their_order(store: Store) -> None:
    write(store, table([T0], [1.5]), Table("weather", TAGS, [T0], {"temp_c": [21.5]}))
    asked = [Select(name, (column,)) for name, column in (("weather", "temp_c"), ("nothing", "at_all"))]
    weather, nothing, air = store.select_all([*asked, Select("air_quality", ("pm25_ugm3",), group_by=("node",))])
    assert [series.rows for series in weather] == [[[T0, 21.5]]]
    assert nothing == []
    assert [(series.tags, series.rows) for series in air] == [({"node": "lp-1"}, [[T0, 1.5]])]
    assert store.select_all([]) == []


def test_an_unknown_measurement_has_no_rows(store: Store) -> None:
    assert store.select(Select("nothing_here", ("x",))) == []


def test_count_over_everything(store: Store) -> None:
    write(store, table([T0, T0 + 1000, T0 + 2000], [1, None, 3]))
    question = Select("air_quality", ("pm25_ugm3", "qc"), aggregate="count")
    (series,) = store.select(question)
    assert series.rows[0][1:] == [2, 3]


def test_a_series_without_a_row_in_the_span_is_not_counted(store: Store) -> None:
    write(store, table([T0], [0]))
    question = Select("air_quality", ("pm25_ugm3",), T0 + 1000, T0 + 2000, group_by=("node",), aggregate="count")
    assert store.select(question) == []
    assert store.select(replace(question, aggregate="sum")) == []
    (series,) = store.select(replace(question, since_ms=T0, aggregate="sum"))
    assert series.rows[0][1:] == [0]


@pytest.mark.real
def test_a_refused_row_is_found_by_halving(influxd: Influxd, tmp_path: Path) -> None:
    from collector.delivery.halving import write_halving

    store = Influx1(influxd.url, tmp_path.name.replace("-", "_"))
    assert store.prepare() == Stored()
    write(store, table([T0 - 1000], [1.0]))
    rows = store.render(table([T0 + i * 1000 for i in range(200)], [1.0] * 200))
    rows[117] = rows[117].replace(b"qc=1i", b'qc="text"')
    found = write_halving(store.write, rows)
    assert isinstance(found, Stored)
    assert list(found.refused) == [117]
    (series,) = store.select(Select("air_quality", ("qc",), since_ms=T0, aggregate="count"))
    assert series.rows[0][1] == 199


def test_a_canary_comes_back_and_is_gone(store: Store) -> None:
    assert care.probe(store, "c1", T0) is None
    assert store.select(Select(care.MEASUREMENT, ("value",))) == []


def test_a_database_that_keeps_nothing_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "write", lambda _rows: Stored())
    assert "did not come back" in str(care.probe(store, "c1", T0))


def test_a_station_that_was_forgotten_beside_a_running_collector_comes_back_under_its_own_name(
    tmp_path: Path, closes: Closes
) -> None:
    settings = Config(store=SqliteStore(kind="sqlite", path=tmp_path / "r.db"), state_file=tmp_path / "state.db")
    running = closes(Sqlite(tmp_path / "r.db"))
    assert running.prepare() == Stored()
    write(running, table([T0], [1]))
    assert purge(settings, "lp-1")["air_quality"] == 1
    other = tuple((k, "lp-2" if k == "node" else v) for k, v in TAGS)
    write(running, table([T0], [2])._replace(tags=other), table([T0], [3]))
    found = running.select(Select("air_quality", ("pm25_ugm3",), group_by=("node",)))
    assert [(series.tags["node"], series.rows) for series in found] == [("lp-1", [[T0, 3]]), ("lp-2", [[T0, 2]])]


class AsksWhoItIs(Influxd):
    """An InfluxDB with accounts."""

    extra = "auth-enabled = true"


def test_an_embedded_store_that_cannot_write_now_says_later_and_writes_all_or_nothing(
    tmp_path: Path, closes: Closes
) -> None:
    store = closes(Sqlite(tmp_path / "readings.db"))
    other = Table("weather", (("node", "lp-9"),), [T0], {"temp_c": [21.5]})
    assert store.prepare() == Stored()
    with closing(sqlite3.connect(tmp_path / "readings.db")) as reader:
        store._writer.execute("PRAGMA query_only = ON")  # type: ignore[union-attr]
        assert isinstance(store.write(store.render(other)), Later)
        store._writer.execute("PRAGMA query_only = OFF")  # type: ignore[union-attr]
        huge = Table("air_quality", TAGS, [T0 + 1], {"qc": [2**63]}, frozenset({"qc"}))
        answer = store.write([*store.render(other), *store.render(huge)])
        assert isinstance(answer, Held)
        assert "readings.db: Python int too large" in answer.reason
        assert reader.execute("SELECT name FROM sqlite_master WHERE name GLOB 'p_*'").fetchall() == []
        write(store, other, table([T0], [12.0]))
    assert [series.rows for series in store.select(Select("weather", ("temp_c",)))] == [[[T0, 21.5]]]


def test_all_series_of_a_city_are_asked_at_once(tmp_path: Path, closes: Closes) -> None:
    """Debian's SQLite takes more variables than others, which took fewer than a city may have lanes."""
    store = closes(Sqlite(tmp_path / "readings.db"))
    table = Table("air_quality", (("node", "lp-1"),), [1000], {"pm25_ugm3": [12.0]})
    put(store, table)
    with closing(sqlite3.connect(tmp_path / "readings.db")) as db, db:
        others = ((f'[["node", "x-{n}"]]',) for n in range(100))
        db.executemany("INSERT INTO series (measurement, tags) VALUES ('air_quality', ?)", others)
    with store._readers.one() as reader:
        reader.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 50)
    (found,) = store.select(Select("air_quality", ("pm25_ugm3",), aggregate="count"))
    assert found.rows[0][1] == 1


def test_one_station_of_a_city_is_found_without_a_look_at_each(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tags of ten thousand were read for each question: a tenth of a second, and a page asks four."""
    store, read, loads = closes(Sqlite(tmp_path / "readings.db")), list[str](), json.loads
    for n in range(50):
        tags = (("node", f"lp-{n}"), ("sensor", 'a"b'))
        table = Table("air_quality", tags, [1000], {"pm25_ugm3": [float(n)]})
        put(store, table)
    monkeypatch.setattr("collector.stores.sqlite.json.loads", lambda text: read.append(text) or loads(text))
    for where, wanted in (
        ({"node": "lp-3"}, [3.0]), ({"node": ("lp-3", "lp-33")}, [3.0, 33.0]),
        ({"node": "lp-9", "sensor": 'a"b'}, [9.0]), ({"node": "lp-9", "lane": ""}, [9.0]),
        ({"node": ()}, []), ({"node": "lp"}, []),
    ):  # fmt: skip
        found = store.select(Select("air_quality", ("pm25_ugm3",), where=where, group_by=("node",)))
        assert [row[1] for series in found for row in series.rows] == wanted
    assert len(read) == 5


@pytest.mark.real
def test_a_user_who_is_no_administrator_can_prove_the_database(tmp_path: Path, closes: Closes) -> None:
    server = AsksWhoItIs(tmp_path / "influxd")
    server.start()
    try:
        Asker(server.url, "", {}).ask("CREATE USER root WITH PASSWORD 'a' WITH ALL PRIVILEGES", post=True)
        admin = closes(Asker(server.url, "", urllib3.make_headers(basic_auth="root:a")))
        for line in ("CREATE DATABASE d", "CREATE USER lamppost WITH PASSWORD 'b'", "GRANT ALL ON d TO lamppost"):
            admin.ask(line, post=True)
        assert care.probe(closes(Influx1(server.url, "d", "lamppost", "b")), "c1", T0) is None
        answer = closes(Influx1(server.url, "d", "lamppost", "old")).prepare()
        assert isinstance(answer, Held)
        assert "Cure: user and password" in answer.reason
    finally:
        server.stop()


@pytest.mark.real
def test_influxdb_forgets_what_is_older_than_it_shall_keep(influxd: Influxd) -> None:
    made = Influx1(influxd.url, "kept")
    assert made.prepare() == Stored()
    for days, kept in ((400, ["9600h0m0s", "168h0m0s"]), (2, ["48h0m0s", "24h0m0s"]), (None, ["0s", "168h0m0s"])):
        made.keep_for(days)
        (series,) = made._asker.ask('SHOW RETENTION POLICIES ON "kept"')
        assert series["values"][0][1:3] == kept
    made.close()
