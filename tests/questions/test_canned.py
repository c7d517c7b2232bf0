"""The canned questions: every store answers them alike, and the SQL that is shown says the same as what is run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.commands.query import nothing
from collector.questions import answer, flux, sql
from collector.questions.canned import CANNED
from collector.questions.question import BadVariable
from collector.stores.influx1 import Influx1
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Store, Stored, Table
from tests.closes import Closes
from tests.questions import engine, town
from tests.servers import Influxd
from tests.stored import put
from wire.times import DAY_MS, HOUR_MS

SPAN = (town.T0, town.T0 + DAY_MS)
UTC = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Sqlite(tmp_path_factory.mktemp("town") / "town.db")
    assert store.prepare() == Stored()
    town.fill(store, nodes=3, hours=48)
    yield store
    store.close()


def asked(store: Store, question: Select) -> answer.Table:
    return answer.rows(question, store.select(question), UTC)


@pytest.mark.parametrize("name", CANNED)
def test_every_question_finds_what_is_there(embedded: Store, name: str) -> None:
    found = asked(embedded, CANNED[name].ask(*SPAN, {}))
    assert found.rows, "the town has something for every question"
    assert "node" in found.columns or "site" in found.columns


@pytest.mark.real
def test_influxdb_answers_every_question_as_the_embedded_store_does(embedded: Store, influxd: Influxd) -> None:
    store = Influx1(influxd.url, "canned")
    assert store.prepare() == Stored()
    town.fill(store, nodes=3, hours=48)
    for name, question in CANNED.items():
        select = question.ask(*SPAN, {})
        assert asked(store, select) == asked(embedded, select), name
    store.close()


@pytest.mark.parametrize("name", CANNED)
def test_the_sql_that_is_shown_says_the_same_on_the_engine_of_influxdb_3(embedded: Store, name: str) -> None:
    same_rows(embedded, town.tables(3, 48), CANNED[name].ask(*SPAN, {}))


@pytest.mark.parametrize("name", ["air-latest", "highest", "vehicles", "volume"])
def test_the_sql_tells_nothing_of_rows_and_stations_without_what_is_asked(
    name: str, tmp_path: Path, closes: Closes
) -> None:
    """A row newer than the others with a raw value alone, and a station that has nothing else."""
    tables = town.tables(3, 48)
    for node, kind, columns in (
        ("lp-0001", "air_quality", {"pm25_raw_ugm3": 5.0}),
        ("lp-0009", "air_quality", {"pm25_raw_ugm3": 5.0}),
        ("lp-0009", "air_quality_1h", {"so2_ugm3_mean": 5.0}),
        ("lp-0009", "traffic_flow_1h", {"count_sum": 2.0}),
    ):
        tags = {"node": node, "site": "site-1", "sensor": "air-1"}
        tags |= {"lane": "1", "direction": "in"} if kind == "traffic_flow_1h" else {}
        cells = {column: [value] for column, value in columns.items()}
        tables.append(Table(kind, tuple(sorted(tags.items())), [town.T0 + HOUR_MS], cells, frozenset()))
    store = closes(Sqlite(tmp_path / "town.db"))
    assert store.prepare() == Stored()
    put(store, *tables)
    same_rows(store, tables, CANNED[name].ask(*SPAN, {}))


def same_rows(embedded: Store, tables: list[Table], select: Select) -> None:
    context = engine.context(select.measurement, tables, select.columns)
    batches = context.sql(sql.render(select)).collect()
    found = [list(row.values()) for batch in batches for row in batch.to_pylist()]
    ours = [
        [*([time_ms] if "time" in asked(embedded, select).columns else []), *series.tags.values(), *cells]
        for series in embedded.select(select)
        for time_ms, *cells in series.rows
    ]
    assert sorted(map(_plain, found)) == sorted(map(_plain, ours))


def _plain(row: list[Any]) -> str:
    return json.dumps([_number(cell) for cell in row])


def _number(cell: Any) -> Any:
    if isinstance(cell, datetime):  # the engine's times name no zone, and are UTC
        return int(cell.replace(tzinfo=UTC).timestamp() * 1000)
    return float(cell) if isinstance(cell, int) and cell < 10**12 else cell


@pytest.mark.parametrize("name", CANNED)
def test_flux_names_bucket_measurement_and_every_field(name: str) -> None:
    select = CANNED[name].ask(*SPAN, {})
    text = flux.render(select, "lamppost")
    assert text.startswith('from(bucket: "lamppost")')
    assert all(f'"{field}"' in text for field in (select.measurement, *select.columns))
    assert text.count("(") == text.count(")")


def test_flux_takes_the_newest_row_whole_and_sorts_by_time() -> None:
    newest = flux.render(CANNED["air-latest"].ask(*SPAN, {}), "lamppost").split("\n  |> ")
    assert newest[-4].startswith('pivot(rowKey: ["_time", "node", "site", "sensor"]')
    assert newest[-3:] == [
        'group(columns: ["node", "site", "sensor"])',
        'sort(columns: ["_time"], desc: true)',
        "limit(n: 1)",
    ]
    assert flux.render(CANNED["weather"].ask(*SPAN, {}), "lamppost").endswith('sort(columns: ["_time"])')


def test_flux_counts_by_day_takes_the_highest_of_a_group_and_chooses_by_flag() -> None:
    def steps(name: str) -> list[str]:
        return flux.render(CANNED[name].ask(town.T0 + 250, town.T0 + DAY_MS, {"node": "lp-1"}), "city").split("\n  |> ")

    start, stop = (datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (town.T0, town.T0 + DAY_MS))
    assert steps("volume") == [
        'from(bucket: "city")',
        f"range(start: {start:%Y-%m-%dT%H:%M:%S}.250Z, stop: {stop:%Y-%m-%dT%H:%M:%S}.000Z)",
        'filter(fn: (r) => r._measurement == "air_quality")',
        'filter(fn: (r) => r._field == "cq")',
        'filter(fn: (r) => r.node == "lp-1")',
        'group(columns: ["node", "site", "sensor", "_field"])',
        'aggregateWindow(every: 86400000ms, fn: count, createEmpty: false, timeSrc: "_start")',
        'pivot(rowKey: ["_time", "node", "site", "sensor"], columnKey: ["_field"], valueColumn: "_value")',
        'group(columns: ["node", "site", "sensor"])',
        'sort(columns: ["_time"])',
    ]
    assert steps("highest")[-4:] == [  # of a whole span, which has no time of its own
        'group(columns: ["node", "site", "_field"])',
        "max()",
        'pivot(rowKey: ["node", "site"], columnKey: ["_field"], valueColumn: "_value")',
        'group(columns: ["node", "site"])',
    ]
    assert "filter(fn: (r) => r.qc == 4)" in steps("flagged")


def test_an_index_that_became_na_is_not_told_with_the_number_of_before(embedded: Store) -> None:
    """HJ 633-2026 5.3.1; the database takes no value back."""
    index = CANNED["index"].ask(*SPAN, {"node": "lp-0000"})
    stored = embedded.select(replace(index, unless={}))
    assert stored[0].rows[0][1:3] == [57, "NA"]
    assert [series.rows for series in embedded.select(index)] == [stored[0].rows[1:]]
    assert 'filter(fn: (r) => r.category != "NA")' in flux.render(index, "city")


def test_a_month_is_told_by_hours_and_a_year_by_days() -> None:
    windows = CANNED["windows"]
    assert windows.ask(town.T0, town.T0 + 31 * DAY_MS, {}).measurement == "air_quality_1h"
    assert windows.ask(town.T0, town.T0 + 32 * DAY_MS, {}).measurement == "air_quality_1d"
    assert windows.ask(town.T0, town.T0 + 365 * DAY_MS, {"every": "1h"}).measurement == "air_quality_1h"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"nod": "lp-1"}, "did you mean node?"),
        ({"node": "LP 1"}, "a node is"),
        ({"quantity": "pm25_ugm"}, "did you mean pm25_ugm3?"),
        ({"quantity": "pm25_raw_ugm3"}, "no roll-ups"),
        ({"every": "2h"}, "one of 1h, 1d"),
        ({"site": "建国路"}, "a name is made of a-z"),
    ],
)
def test_what_cannot_be_asked_is_named_with_its_cure(given: dict[str, str], says: str) -> None:
    with pytest.raises(BadVariable, match=says.replace("?", r"\?")):
        CANNED["windows"].ask(*SPAN, given)


def test_forms_tell_the_same_rows() -> None:
    table = answer.Table(("time", "node", "value"), [("2026-09-01T00:00:00+00:00", "路口", 0), ("t", "=1+1", None)])
    assert list(answer.as_csv(table, 9)) == ["time,node,value", "2026-09-01T00:00:00+00:00,路口,0", "t,'=1+1,"]
    shown = list(answer.as_table(table, 9))
    assert shown[1].endswith("路口      0"), "zero is a value, and Chinese takes two cells a letter"
    assert json.loads(next(answer.as_json(table, 1)))["rows"] == [["2026-09-01T00:00:00+00:00", "路口", 0]]


def test_a_table_leaves_out_a_column_that_nobody_has() -> None:
    table = answer.Table(("node", "count", "heavy_count"), [("lp-1", 0, None), ("lp-2", None, None)])
    assert list(answer.as_table(table, 9)) == ["node  count", "lp-1      0", "lp-2"]
    assert next(answer.as_csv(table, 9)) == "node,count,heavy_count", "for programs it stays"


def test_a_count_is_not_called_by_the_field_that_is_counted(embedded: Store) -> None:
    found = asked(embedded, CANNED["volume"].ask(*SPAN, {}))
    assert found.columns[-1] == "readings"


@pytest.mark.parametrize(
    ("name", "days", "says"),
    [
        ("windows", 2, "an hour appears once it has ended"),
        ("windows", 40, "a day appears once it has ended, hours are asked for with --var every=1h"),
        ("weather", 40, "of air and weather it is made of hours with readings in 45 minutes"),
        ("index", 40, "a day appears"),
        ("gaps", 1, "from 2026-03-01 00:00 to 2026-03-02 00:00"),
    ],
)
def test_an_empty_answer_names_its_span_and_what_may_be_missing(name: str, days: int, says: str) -> None:
    since_ms = 1_772_323_200_000  # 2026-03-01 in UTC
    assert says in nothing(CANNED[name].ask(since_ms, since_ms + days * DAY_MS, {}), "UTC")


def test_a_cell_that_might_be_a_formula_is_text_and_a_dash_alone_is_a_dash() -> None:
    cells = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "-", "", "a=b", -1.5)
    assert [*map(answer.safe, cells)] == ["'=1+1", "'+1", "'-1+1", "'@SUM(A1)", "'\t=1", "-", "", "a=b", -1.5]


def test_the_highest_comes_first(embedded: Store) -> None:
    values = [row[-1] for row in asked(embedded, CANNED["highest"].ask(*SPAN, {})).rows]
    assert len(set(values)) > 1
    assert values == sorted(values, reverse=True)


@pytest.mark.real
@pytest.mark.long
def test_a_year_of_a_hundred_stations_is_answered_within_a_second(influxd: Influxd) -> None:
    store = Influx1(influxd.url, "year")
    assert store.prepare() == Stored()
    town.fill(store, nodes=100, hours=365 * 24)
    took: dict[str, float] = {}
    for name, question in CANNED.items():
        select = question.ask(town.T0, town.T0 + 365 * DAY_MS, {})
        store.select(select)  # once for the database to open its files
        started_s = time.monotonic()
        answer.rows(select, store.select(select), UTC)
        took[name] = round(time.monotonic() - started_s, 3)
    print(json.dumps(took))
    store.close()
    assert max(took.values()) < 1.0, took
