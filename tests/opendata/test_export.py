"""Exports: the same question gives the same bytes, comes back without changing a point, and hides few vehicles."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml

from collector.files.statedb import open_state
from collector.numbers.calibration import Calibrations, Record
from collector.opendata import dataset, files
from collector.opendata.history import NotHistory, read_csv, read_json_lines
from collector.stores.influx1 import Influx1
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Store, Stored, Table
from tests.servers import Influxd
from tests.stored import put
from tests.typed import typed
from wire.times import MINUTE_MS

T0 = 1_772_294_400_000  # 2026-03-01 00:00 in Shanghai
MARCH = ("--since", "2026-03-01", "--until", "2026-03-02")


class City:
    """A store with a day of air, weather and traffic, and the settings that name it."""

    def __init__(self, folder: Path, store: Store, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.store = store
        self.settings = folder / "collector.yaml"
        self.settings.write_text(yaml.safe_dump({"state_file": str(folder / "state.db"), "store": settings}))
        assert store.prepare() == Stored()
        put(store, *_day())

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return typed(*words, "--config", str(self.settings))

    def everything(self) -> list[Any]:
        """Every point of every measurement that can be exported."""
        found = []
        for measurement in (*dataset.WHAT.values(), "batch_ledger"):
            fields = ("pm25_ugm3", "pm25_raw_ugm3", "temp_c", "count", "heavy_count", "duration_s", "cq", "qc", "rows")
            question = Select(measurement, fields, group_by=("node", "sensor", "lane", "direction"))
            found += self.store.select(question)
        return found


@pytest.fixture(params=["sqlite", pytest.param("influx1", marks=pytest.mark.real)])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[City]:
    if request.param == "sqlite":
        path = tmp_path / "readings.db"
        made = City(tmp_path, Sqlite(path), {"kind": "sqlite", "path": str(path)})
    else:
        server: Influxd = request.getfixturevalue("influxd")
        name = f"export_{next(_NUMBERS)}"
        where = {"kind": "influx1", "url": server.url, "database": name}
        made = City(tmp_path, Influx1(server.url, name), where)
    yield made
    made.store.close()


_NUMBERS = itertools.count()


def _day() -> list[Table]:
    times = [T0 + n * MINUTE_MS for n in range(120)]
    place = {"node": "lp-0001", "site": "jianguo"}
    flags: dict[str, list[Any]] = {"cq": [0] * 120, "qc": [1] * 120}
    air: dict[str, list[Any]] = {"pm25_raw_ugm3": [12, *([None] * 9), *([0.1 + 0.2] * 110)], **flags}
    air |= {"pm25_ugm3": [10.0] * 120, "cal_id": ["c1"] * 120, "qc_code": ["pm25_raw_ugm3:spike?", *([None] * 119)]}
    air["qc"] = [3, *([1] * 119)]
    weather: dict[str, list[Any]] = {"temp_c": [0.0] * 120, **flags}
    counts = [*([9] * 10), 3, *([9] * 108), 0]
    traffic: dict[str, list[Any]] = {"count": counts, "heavy_count": [6] * 120, "duration_s": [60.0] * 120, **flags}
    whole = frozenset({"cq", "qc", "count", "heavy_count"})
    of = {"sensor": "radar-1", "lane": "1", "direction": "in"}
    return [
        _table("air_quality", place | {"sensor": "air-1"}, times, air, whole),
        _table("air_quality", {"node": "lp-0002", "site": "b", "sensor": "air-1"}, times[:3], _head(air, 3), whole),
        _table("weather", place | {"sensor": "wx-1"}, times, weather, whole),
        _table("traffic_flow", place | of, times, traffic, whole),
    ]


def _head(columns: dict[str, list[Any]], count: int) -> dict[str, list[Any]]:
    return {name: column[:count] for name, column in columns.items()}


def _table(
    measurement: str, tags: dict[str, str], times: list[int], columns: dict[str, list[Any]], whole: frozenset[str]
) -> Table:
    return Table(measurement, tuple(sorted(tags.items())), times, columns, whole & columns.keys())


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if line[0] != "#"))))


def test_the_same_export_is_the_same_bytes_and_comes_back_without_changing_a_point(city: City) -> None:
    before = city.everything()
    for what in dataset.WHAT:
        twice = [city.folder / f"{what}-{n}.csv" for n in range(2)]
        for path in twice:
            done = city.run("export", "--what", what, *MARCH, "-o", str(path))
            assert done.returncode == 0, done.stderr
        assert twice[0].read_bytes() == twice[1].read_bytes()
        back = city.run("backfill", str(twice[0]), "--json")
        assert back.returncode == 0, back.stderr
        assert json.loads(back.stdout)["new"] == 0
    assert city.everything() == before


def test_a_csv_has_units_zone_exact_numbers_flags_notice_and_licence(city: City) -> None:
    text = city.run("export", "--what", "air", *MARCH, "-o", "-").stdout
    comments = [line for line in text.splitlines() if line.startswith("# ")]
    assert comments[0] == "# lamppost-export/1 air_quality"
    assert any("µg/m³" in line for line in comments)
    assert any("CC BY 4.0" in line for line in comments)
    assert any("参考数据" in line for line in comments)
    assert any("25C 指气体浓度" in line for line in comments), "what µg/m³ of a gas means depends on it"
    assert any("您可以为任何目的分享" in line for line in comments)
    first, second, *_, last = _rows(text)
    assert first["time"] == "2026-03-01T00:00:00.000+08:00"
    assert (first["pm25_raw_ugm3"], first["qc"], first["qc_code"]) == ("12.0", "3", "pm25_raw_ugm3:spike?")
    assert second["pm25_raw_ugm3"] == ""
    assert last["node"] == "lp-0002"
    assert "0.30000000000000004" in text, "numbers are exact"


def test_who_reads_only_the_beginning_is_told_nothing(city: City) -> None:
    command = [sys.executable, "-m", "lamppost", "export", "--what", "air", *MARCH, "-o", "-", "-c", str(city.settings)]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_few_vehicles_are_hidden_with_the_five_minutes_they_stand_in(city: City) -> None:
    rows = _rows(city.run("export", "--what", "traffic", *MARCH, "-o", "-").stdout)
    hidden = [n for n, row in enumerate(rows) if row["masked"]]
    assert hidden == [*range(10, 15), *range(115, 120)], "the sum of five minutes is public"
    assert {rows[n]["count"] for n in hidden} == {""}
    assert rows[0]["count"] == "9"
    assert rows[10]["duration_s"] == "60.0"


def test_an_archive_holds_every_kind_with_readme_and_licence(city: City) -> None:
    path = city.folder / "all.zip"
    span = ("--since", "2026-03-01T00:00+08:00", "--until", "2026-03-02T00:00+08:00")
    done = city.run("export", *span, "--tz", "UTC", "-o", str(path), "--json")
    assert json.loads(done.stdout)["rows"] == {"air_quality": 123, "weather": 120, "traffic_flow": 120}
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {
            "README.md", "LICENCE.txt", "air_quality.csv", "weather.csv", "traffic_flow.csv",
        }  # fmt: skip
        described = archive.read("README.md").decode()
        assert "| `temp_c` | °C | air temperature, °C | 气温 | Cel | temperature | Cel |\n" in described
        assert "| `node` |  | station | 站点 |  |  |  |\n" in described
        assert "+00:00" in archive.read("weather.csv").decode()


def test_parquet_has_types_zone_and_description(city: City) -> None:
    path = city.folder / "air.parquet"
    assert city.run("export", "--what", "air", *MARCH, "-o", str(path)).returncode == 0
    table = pyarrow.parquet.read_table(path)
    assert table.num_rows == 123
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=Asia/Shanghai]"
    assert table.column("pm25_raw_ugm3")[10].as_py() == 0.1 + 0.2
    assert b"lamppost-export/1" in table.schema.metadata[b"lamppost"]
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == 1, "stations and days lie together"


def test_a_row_group_is_as_large_as_it_may_be_and_loses_no_table() -> None:
    days = [range(144)] * 1501
    groups = list(files._groups(days))
    assert [len(group) for group in groups] == [695, 695, 111]
    assert list(files._groups([])) == []


def test_history_of_others_gets_flags_a_ledger_row_and_its_windows_due(city: City) -> None:
    path = city.folder / "old.csv"
    head = "time,node,site,sensor,pm25_raw_ugm3\n"
    path.write_text(head + "".join(f"2026-02-01T0{n}:00:00+08:00,lp-0001,jianguo,air-1,{n * 10}\n" for n in range(5)))
    assert json.loads(city.run("backfill", str(path), "--json").stdout)["new"] == 5
    assert json.loads(city.run("backfill", str(path), "--json").stdout) == {
        "new": 0, "already_there": 5, "without_value": 0, "refused": 0,
    }  # fmt: skip
    (ledger,) = city.store.select(Select("batch_ledger", ("seq", "rows"), where={"node": "lp-0001"}))
    assert [row[1:] for row in ledger.rows] == [[1, 5]]
    rows = city.store.select(Select("air_quality", ("pm25_raw_ugm3", "cq", "qc"), until_ms=T0))[0].rows
    assert rows[0][1:] == [0, 0, 1], "zero is a value"
    with closing(sqlite3.connect(city.folder / "state.db")) as state:
        assert state.execute("SELECT count(*) FROM open_hour").fetchone() == (5,)


def test_of_an_archive_of_hours_it_is_said_that_no_index_is_made(city: City) -> None:
    """Every hour and day of it was NA, without a word why."""
    path = city.folder / "archive.csv"
    head = "time,node,site,sensor,pm25_ugm3,no2_raw_ppb,co2_ppm\n"
    hourly = [f"2026-02-01T0{hour}:00:00Z,lp-9,s,ref-1,50,," for hour in range(9)]
    gas = [f"2026-02-01T00:{minute:02}:00Z,lp-9,s,gas-1,,10," for minute in range(44)]
    whole = [f"2026-02-01T00:{minute:02}:30Z,lp-9,s,air-1,50,," for minute in range(10, 55)]
    indoors = ["2026-02-01T00:00:00Z,lp-9,s,co2-1,,,400"]
    path.write_text(head + "\n".join([*hourly, *gas, *whole, *indoors]) + "\n")
    told = city.run("backfill", str(path), "--kind", "air_quality").stderr
    assert (
        "an index wants 45 minutes of an hour, and no hour of this file has so many: lp-9/gas-1, lp-9/ref-1\n" in told
    )


def test_raw_history_is_corrected_as_what_an_agent_sends_and_a_file_s_own_values_stay(city: City) -> None:
    """Hours are made of corrected values: of a file with raw ones alone each hour was there, complete, and empty."""
    with closing(open_state(city.folder / "state.db")) as state:
        from_ms = T0 - 28 * 86_400_000 + 3_600_000
        Calibrations(state).add(Record("lp-0001", "air-1", "pm25_ugm3", from_ms, T0, "li", slope=2.0))
    place = {"node": "lp-0001", "site": "jianguo", "sensor": "air-1"}
    rows: list[dict[str, Any]] = [
        {"time": f"2026-02-01T0{n}:00:00+08:00", **place, "pm25_raw_ugm3": 30.0, "no2_raw_ppb": 10.0} for n in range(3)
    ]
    own = {"time": "2026-02-01T03:00:00+08:00", "pm25_raw_ugm3": 30.0, "pm25_ugm3": 7.0}
    ours = {"time": "2026-02-01T04:00:00+08:00", "pm25_raw_ugm3": 30.0, "qc": 1}
    for name, part in (("raw", rows), ("own", [place | own]), ("ours", [place | ours])):
        path = city.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in part))
        assert city.run("backfill", str(path)).returncode == 0
    columns = ("pm25_ugm3", "no2_ugm3", "cal_id", "qc")
    found = city.store.select(Select("air_quality", columns, until_ms=T0, where={"sensor": "air-1"}))[0].rows
    no2 = pytest.approx(18.804, abs=0.001)
    assert [row[1:] for row in found] == [
        [30.0, no2, "no2_ugm3:25C", 1],
        *[[60.0, no2, "pm25_ugm3:c1,no2_ugm3:25C", 1]] * 2,
        [7.0, None, None, 1],
        [None, None, None, 1],
    ]


def test_json_lines_come_in_as_documented(city: City) -> None:
    path = city.folder / "old.jsonl"
    place = {"node": "lp-0001", "site": "jianguo", "sensor": "air-1"}
    rows = [{"time": f"2026-02-01T0{n}:00:00+08:00", **place, "pm25_raw_ugm3": n} for n in range(2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    done = city.run("backfill", str(path), "--json")
    assert done.returncode == 0, done.stderr
    found = city.store.select(Select("air_quality", ("pm25_raw_ugm3",), until_ms=T0))[0].rows
    assert [row[1] for row in found] == [0, 1]


def test_a_row_without_flags_gets_its_own_where_another_has_them(city: City) -> None:
    path = city.folder / "part.csv"
    rows = (
        "00:00:00+08:00,lp-0001,jianguo,air-1,7,3,pm25_raw_ugm3:flat?",
        "01:00:00+08:00,lp-0001,jianguo,air-1,-500,,",
    )
    head = "time,node,site,sensor,pm25_raw_ugm3,qc,qc_code\n"
    path.write_text(head + "".join(f"2026-02-01T{row}\n" for row in rows))
    assert json.loads(city.run("backfill", str(path), "--json").stdout)["new"] == 2
    found = city.store.select(Select("air_quality", ("pm25_raw_ugm3", "cq", "qc", "qc_code"), until_ms=T0))[0].rows
    assert [row[1:] for row in found] == [
        [7, 0, 3, "pm25_raw_ugm3:flat?"],
        [-500, 0, 4, "pm25_raw_ugm3:range"],
    ]


def test_a_csv_as_excel_writes_it_comes_in(city: City) -> None:
    path = city.folder / "excel.csv"
    text = "time,node,site,sensor,temp_c\r\n2026-02-01T00:00:00Z,lp-0001,jianguo,wx-1,1\r\n\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    done = city.run("backfill", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"] == 1


@pytest.mark.parametrize("value", [5.7, "5.7", True, 10**23, "1" + "0" * 23, 1e400])
def test_a_count_that_is_none_is_refused_with_its_line(value: Any) -> None:
    row = {"time": "2026-02-01T00:00:00Z", "node": "lp-1", "site": "s", "sensor": "r", "lane": "1", "direction": "in"}
    text = json.dumps(row | {"count": value}).replace("Infinity", "1e400")
    with pytest.raises(NotHistory, match="line 1: count"):
        list(read_json_lines([text], T0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,node,site,sensor,temp_c,temp_c\n2026-02-01T00:00:00Z,lp-1,s,w,1,2\n", "temp_c twice"),
        (
            "time,node,site,sensor,lane,direction,count\n2026-02-01T00:00:00Z,lp-1,s,w,1,sideways,2\n",
            "line 2: direction 'sideways' is none of any, in, out",
        ),
        ("time,node,site,sensor,pm10_ugm3,pm25_ugm\n", "did you mean pm25_ugm3?"),
        ("time,node,sensor,pm25_ugm3\n", "no column site"),
        ("time,node,site,sensor,temp_c\n2026-02-01T00:00:00,lp-1,s,w,1\n", "names no offset"),
        ("time,node,site,sensor,temp_c\n2026-02-01T00:00:00Z,LP 1,s,w,1\n", "line 2: node 'LP 1'"),
        ("time,node,site,sensor,temp_c\n2026-02-01T00:00:00Z,lp-1,s,w,NaN\n", "'NaN' is no number"),
        ("time,node,site,sensor,temp_c\n2026-02-01T00:00:00Z,lp-1,s,w,12_5\n", "temp_c '12_5' is no number"),
        ("time,node,site,sensor,qc,temp_c\n2026-02-01T00:00:00Z,lp-1,s,w,1_0,2\n", "qc '1_0' is no whole number"),
        ("time,node,site,sensor,temp_c\n2019-02-01T00:00:00Z,lp-1,s,w,1\n", "before 2020"),
        ("time,node,site,sensor,temp_c\n2026-02-01T00:00:00Z,lp-1,s,w\n", "4 cells, not 5"),
        ("time;node;site;sensor;temp_c\n2026-02-01T00:00:00Z;lp-1;s;w;1,5\n", "parted by ';'; save it with commas"),
        ("Time,Node,Site,Sensor,PM2.5\n", "no column is a quantity such as pm25_ugm3; there are Time, Node"),
        (
            "time,node,site,sensor,temp_c,count\n",
            "columns of traffic_flow (count) and weather (temp_c); make a file of each",
        ),
        (
            'time,node,site,sensor,temp_c\n"' + "2026-02-01T00:00:00Z,lp-1,s,w,1\n" * 9_000,
            "a quote that nothing closes",
        ),
        (
            "# a\n\n# b\ntime,node,site,sensor,temp_c\n# c\n\n2026-02-01T00:00:00Z,lp-1,s,w,x\n",
            "line 7: temp_c 'x' is no number",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole_with_line_and_cure(text: str, says: str) -> None:
    with pytest.raises(NotHistory) as refused:
        list(read_csv(text.splitlines(True), T0 + 86_400_000))
    assert says in str(refused.value)


def test_an_archive_is_no_history_and_is_called_one(city: City) -> None:
    path = city.folder / "march.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("air.csv", "\N{WINKING FACE}" * 100)
    path.write_bytes(b"PK\xff\xfe" + path.read_bytes())
    done = city.run("backfill", str(path))
    assert done.returncode == 2
    assert "archive" in done.stderr
    assert "unpack it" in done.stderr
    assert "codec" not in done.stderr
