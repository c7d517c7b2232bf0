"""Planted errors: one lost, one doubled, one wrong among many are each found, named and placed, and nothing else is."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from collector.stores.influx1 import Influx1
from collector.stores.sqlite import Sqlite
from collector.stores.store import Store, Stored, Table
from firmware_stubs.plantower import Pms5003
from simulator.depths.terminals import WallClock, _note, vehicles_passed
from simulator.notes import Notes, SeriesOf
from simulator.scenario.scenario import load
from simulator.verify.verdict import Verdict
from simulator.verify.verify import verify
from simulator.world.passed import passed
from tests.servers import Influxd
from wire.times import HOUR_MS

START_MS = 1_790_000_000_000
NODES, SENSORS = 5, 2
FIELDS = ("pm25_raw_ugm3", "pm10_raw_ugm3")


class Town:
    """Rows that were said and rows that are stored, the same but for what is planted."""

    def __init__(self, folder: Path, store: Store, rows: int, seed: int) -> None:
        self.store, self.notes = store, Notes(folder / "notes.db")
        self._rng = random.Random(seed)
        self._rows = rows // (NODES * SENSORS)
        assert isinstance(store.prepare(), Stored)

    def fill(self, plant: dict[str, int]) -> None:
        """`plant` says of each error in which series (counted from 0) it is; its row is drawn."""
        series = [(f"lp-{node}", f"air-{sensor}") for node in range(NODES) for sensor in range(SENSORS)]
        for number, (node, sensor) in enumerate(series):
            times = [START_MS + row * 1000 for row in range(self._rows)]
            values = {name: [self._rng.randrange(4000) / 4 + at for _ in times] for at, name in enumerate(FIELDS)}
            who = SeriesOf(node, "downtown", sensor, "air_quality")
            for row, time_ms in enumerate(times):
                self.notes.sent(who, time_ms, {name: values[name][row] for name in FIELDS})
                if row % 20_000 == 0:
                    self.notes.settle()
            cq, qc = [0] * len(times), [1] * len(times)
            for error in [error for error, where in plant.items() if where == number]:
                self._plant(error, times, values, cq, qc)
            self._store(node, sensor, times, values, cq, qc)
        self.notes.settle(0)

    def _plant(
        self, error: str, times: list[int], values: dict[str, list[float]], cq: list[int], qc: list[int]
    ) -> None:
        at = self._rng.randrange(10, len(times) - 10)
        columns: list[list[float] | list[int]] = [times, cq, qc, *values.values()]
        if error == "lost":
            for column in columns:
                del column[at]
        elif error == "doubled":
            for column in columns:
                column.insert(at + 1, column[at])  # type: ignore[arg-type]
            times[at + 1] += 1
        elif error == "value":
            values[FIELDS[0]][at] += 1
        elif error == "unit":
            values[FIELDS[1]][at] *= 1000
        elif error == "time":
            times[at] += 7
        elif error == "clock":
            cq[at] = 1
        elif error == "flags":
            qc[at] = 4
        elif error == "no flags":
            qc[at] = None  # type: ignore[call-overload]
        elif error == "unsent":
            for column in columns:
                column.insert(at + 1, column[at])  # type: ignore[arg-type]
            times[at + 1] += 1
            values[FIELDS[0]][at + 1] = 3999.5

    def _store(
        self, node: str, sensor: str, times: list[int], values: dict[str, list[float]], cq: list[int], qc: list[int]
    ) -> None:
        tags = (("node", node), ("sensor", sensor), ("site", "downtown"))
        for start in range(0, len(times), 5000):
            part = slice(start, start + 5000)
            columns = {name: column[part] for name, column in values.items()} | {"cq": cq[part], "qc": qc[part]}
            table = Table("air_quality", tags, times[part], columns, frozenset({"cq", "qc"}))
            assert isinstance(self.store.write(self.store.render(table)), Stored)
        hours = dict(zip((time_ms // HOUR_MS * HOUR_MS for time_ms in times), values[FIELDS[0]], strict=True))
        made = Table("air_quality_1h", tags, [*hours], {FIELDS[0] + "_mean": [*hours.values()]})
        assert isinstance(self.store.write(self.store.render(made)), Stored)

    def verdict(self) -> Verdict:
        """As `lamppost sim verify` finds it."""
        return verify(self.notes, self.store)


PLANTED = {
    "lost": 0,
    "doubled": 2,
    "value": 3,
    "unit": 4,
    "time": 5,
    "clock": 6,
    "flags": 7,
    "no flags": 8,
    "unsent": 9,
}


def check(verdict: Verdict, rows: int) -> None:
    assert verdict.sent == rows
    assert verdict.stored == rows - 1 + 2
    assert (verdict.lost, verdict.doubled, verdict.unsent) == (1, 1, 1)
    assert verdict.wrong == {"value": 1, "unit": 1, "time": 1, "clock": 1, "flags": 2}
    found = {(fault.what, fault.where) for fault in verdict.faults}
    assert len(verdict.faults) == len(PLANTED)
    for error, number in PLANTED.items():
        what = {"unsent": "never sent", "no flags": "flags"}.get(error, error)
        assert (what, f"air_quality downtown/lp-{number // SENSORS}/air-{number % SENSORS}") in found
    assert not verdict.passed


@pytest.fixture(params=["sqlite", pytest.param("influx1", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made: Store = Sqlite(tmp_path / "readings.db")
    else:
        influxd: Influxd = request.getfixturevalue("influxd")
        made = Influx1(influxd.url, f"verify{tmp_path.name[-8:].replace('-', '')}")
    yield made
    made.close()


def test_each_planted_error_is_found_and_nothing_else(tmp_path: Path, store: Store) -> None:
    town = Town(tmp_path, store, 20_000, 7)
    town.fill(PLANTED)
    check(town.verdict(), 20_000)
    town.notes.close()


def test_what_is_right_passes(tmp_path: Path) -> None:
    town = Town(tmp_path, Sqlite(tmp_path / "readings.db"), 2_000, 7)
    town.fill({})
    verdict = town.verdict()
    assert verdict.passed
    assert verdict.faults == []
    assert verdict.sent == verdict.stored == 2_000
    town.store.close()
    town.notes.close()


@pytest.mark.parametrize(("alone", "unsent"), [(True, 3), (False, 1)])
def test_rows_of_another_day_another_sensor_another_station_are_found(tmp_path: Path, alone: bool, unsent: int) -> None:
    """In a database that others use too, other days and stations are theirs."""
    town = Town(tmp_path, Sqlite(tmp_path / "readings.db"), 2_000, 7)
    town.fill({})
    values = {name: [1.0] for name in FIELDS}
    for node, sensor, time_ms in (
        ("lp-0", "air-0", START_MS - 3 * 86_400_000),
        ("lp-0", "air-9", START_MS),
        ("lp-9", "air-0", START_MS),
    ):
        town._store(node, sensor, [time_ms], values, [0], [1])
    assert verify(town.notes, town.store, alone=alone).unsent == unsent
    town.store.close()
    town.notes.close()


def test_rows_at_another_site_and_twice_within_a_millisecond_are_found(tmp_path: Path) -> None:
    """Both passed: a collector that stored a whole town under a wrong site was right."""
    town = Town(tmp_path, Sqlite(tmp_path / "readings.db"), 2_000, 7)
    town.fill({})
    with contextlib.closing(sqlite3.connect(tmp_path / "readings.db")) as db, db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(p_air_quality)") if name != "time"]
        names = ", ".join(columns)
        again = f"SELECT {names}, time + 1 FROM p_air_quality WHERE series = 1 LIMIT 3"
        db.execute(f"INSERT INTO p_air_quality ({names}, time) {again}")
        moved = """tags LIKE '%"lp-4"%"air-1"%'"""
        db.execute(f"UPDATE series SET tags = replace(tags, 'downtown', 'uptown') WHERE {moved}")
    verdict = town.verdict()
    assert (verdict.doubled, verdict.lost, verdict.unsent) == (3, 200, 200)
    assert {fault.where for fault in verdict.faults if fault.what == "never sent"} == {"air_quality uptown/lp-4/air-1"}
    town.store.close()
    town.notes.close()


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({1: 41.5, 2: 42.0}, None),
        ({}, "no hour was made"),
        ({1: 43.0}, "is 43.0, and what is stored 40.0 to 42.0"),
        ({1 + 1 / 60: 41.5}, "60000 ms behind the full hour"),
        ({9: 41.5}, "nothing of it is stored"),
    ],
)
def test_an_hour_that_cannot_be_of_its_readings_is_found(
    tmp_path: Path, hours: dict[float, float], said: str | None
) -> None:
    """A collector that moved its hours by a minute, doubled them or made none was right."""
    store, notes = Sqlite(tmp_path / "readings.db"), Notes(tmp_path / "notes.db")
    assert isinstance(store.prepare(), Stored)
    tags = (("node", "lp-0"), ("sensor", "air-0"), ("site", "downtown"))
    first_ms = START_MS // HOUR_MS * HOUR_MS
    times = [first_ms + at * HOUR_MS // 3 for at in range(12)]
    values = [40.0 + at % 3 for at in range(12)]
    for time_ms, value in zip(times, values, strict=True):
        notes.sent(SeriesOf("lp-0", "downtown", "air-0", "air_quality"), time_ms, {FIELDS[0]: value})
    notes.settle(0)
    columns: dict[str, list[Any]] = {FIELDS[0]: values, "pm25_ugm3": values, "cq": [0] * 12, "qc": [1] * 12}
    tables = [Table("air_quality", tags, times, columns, frozenset({"cq", "qc"}))]
    if hours:
        at_ms = [first_ms + round(at * HOUR_MS) for at in hours]
        tables.append(Table("air_quality_1h", tags, at_ms, {"pm25_ugm3_mean": list(hours.values())}))
    for table in tables:
        assert isinstance(store.write(store.render(table)), Stored)
    verdict = verify(notes, store)
    store.close()
    notes.close()
    assert verdict.passed == (said is None)
    assert all(said in fault.text for fault in verdict.faults if said is not None)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"value": 58, "category": "良", "primary": "PM2.5", "pm25_index": 58, "level": 2}, None),
        ({"value": 57, "category": "良", "primary": "PM2.5", "pm25_index": 57, "level": 2}, "value is 57"),
        ({"category": "NA", "primary": "-"}, "value is None, and its hours make 58"),
    ],
)
@pytest.mark.parametrize("period", ["1h", "1d"])
def test_an_index_that_its_hours_do_not_make_is_found(
    tmp_path: Path, index: dict[str, Any], said: str | None, period: str
) -> None:
    """It had come to stand before late readings changed its hour, and was right."""
    store, notes = Sqlite(tmp_path / "readings.db"), Notes(tmp_path / "notes.db")
    assert isinstance(store.prepare(), Stored)
    notes.sent(SeriesOf("lp-0", "downtown", "air-0", "air_quality"), START_MS, {FIELDS[0]: 39.0})
    tags = (("node", "lp-0"), ("sensor", "air-0"), ("site", "downtown"))
    of = tuple(sorted((*tags, ("standard", "HJ 633"), ("edition", "2026"), ("period", period))))
    hour_ms = [START_MS // HOUR_MS * HOUR_MS + n * HOUR_MS for n in range(20 if period == "1d" else 1)]
    whole = frozenset({"value", "level", "pm25_index", "pm25_ugm3_n"})
    hours: dict[str, list[Any]] = {"pm25_ugm3_mean": [39.0] * len(hour_ms), "pm25_ugm3_n": [60] * len(hour_ms)}
    columns = {name: [value] for name, value in index.items()}
    for table in (
        Table("air_quality_1h", tags, hour_ms, hours, whole),
        Table("air_index", of, hour_ms[:1], columns, whole),
    ):
        assert isinstance(store.write(store.render(table)), Stored)
    found = [fault.text for fault in verify(notes, store).faults if fault.what == "index"]
    store.close()
    notes.close()
    assert len(found) == (said is not None)
    assert all(said in text for text in found if said is not None)


@pytest.mark.parametrize(("tolerance_ms", "doubled"), [(1_500, 0), (0, 1)])
def test_what_may_be_missing_and_is_there_is_not_doubled(tmp_path: Path, tolerance_ms: int, doubled: int) -> None:
    """At terminals the two clocks differ by some milliseconds: it was taken for another reading's double."""
    town = Town(tmp_path, Sqlite(tmp_path / "readings.db"), 2_000, 7)
    town.fill({})
    town.notes.say(time_tolerance_ms=tolerance_ms, expect_missing=["warming_up"])
    values = dict.fromkeys(FIELDS, 4321.0)
    town.notes.sent(SeriesOf("lp-0", "downtown", "air-0", "air_quality"), START_MS - 1_000, values, "warming_up")
    town.notes.settle(0)
    town._store("lp-0", "air-0", [START_MS - 998], {name: [4321.0] for name in FIELDS}, [0], [4])
    verdict = town.verdict()
    assert (verdict.doubled, verdict.missing.total()) == (doubled, doubled)
    town.store.close()
    town.notes.close()


def test_at_terminals_one_that_was_pulled_out_may_warm_up_again(tmp_path: Path) -> None:
    """Each of its readings was lost, though a sensor that was without power is not to be believed at once."""
    notes, stub = Notes(tmp_path / "notes.db"), Pms5003(lambda _: {"pm25_ugm3": 20.0})
    _note(stub, notes, "lp-0", "air-0", 35.0)
    for t_s, unplugged in ((0.0, False), (10.0, True), (44.0, False), (46.0, False)):
        if unplugged:
            stub.unplug()
        stub.tick(t_s)
    notes.settle(0)
    assert [cause for cause, _ in groupby(sent.cause for sent in notes.readings(1, 0, 2**62))] == [
        None, "warming_up", None
    ]  # fmt: skip
    notes.close()


@pytest.mark.long
def test_each_planted_error_is_found_in_a_million(tmp_path: Path) -> None:
    town = Town(tmp_path, Sqlite(tmp_path / "readings.db"), 1_000_000, 7)
    town.fill(PLANTED)
    check(town.verdict(), 1_000_000)
    town.store.close()
    town.notes.close()


@pytest.mark.parametrize("stored", [29, 5, 0])
def test_at_terminals_vehicles_count_of_every_interval_that_an_agent_could_close(tmp_path: Path, stored: int) -> None:
    """Nobody compared them there: a radar that stopped after five minutes, or counted nothing at all, was right."""
    wants = load("rush-hour").with_(stations=1)
    city, clock = wants.city(7), WallClock(wants.start_ms)
    clock.ahead_ms = 20_000  # within a minute, or the second in which this runs says how many intervals there are
    wall_ms, minute_ms = clock.start_ms + clock.ahead_ms, 60_000
    first_ms = (wall_ms // minute_ms + 1) * minute_ms
    store = Sqlite(tmp_path / "readings.db")
    assert isinstance(store.prepare(), Stored)
    times = [first_ms + at * minute_ms for at in range(stored)]
    tags = (("direction", "in"), ("lane", "1"), ("node", "lp-0001"), ("sensor", "radar-1"))
    table = Table("traffic_flow", tags, times, {"duration_s": [60.0] * stored})
    assert not times or isinstance(store.write(store.render(table)), Stored)
    since_ms = first_ms if stored else wall_ms + minute_ms
    until_ms = (wall_ms + 1_800_000 - 8_000) // minute_ms * minute_ms
    meant = passed(
        city.traffic("lp-0001"), "lp-0001", ["radar-1"], [(since_ms - clock.ahead_ms, until_ms - clock.ahead_ms)]
    )
    found = vehicles_passed(wants, city, clock, 1800.0, store)
    store.close()
    assert found == meant
    assert min(found.values()) > 50
