"""What a technician asks: answered from the database, a few questions at once, and nothing malformed."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from collector.commands import stations
from collector.delivery.registry import Registry
from collector.stations.technician import BURST, EVERY_MS, RECORDS_MAX, TechnicianDesk, installations
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from device_profiles.catalogue import load
from tests.closes import Closes
from wire import status

NODE, NOW = "lp-0042", 1_790_000_000_000


@pytest.fixture
def desk(tmp_path: Path, closes: Closes) -> TechnicianDesk:
    store = closes(Sqlite(tmp_path / "readings.db"))
    store.prepare()
    tags = (("node", NODE), ("sensor", "air-1"), ("site", "here"))
    columns: dict[str, list[Any]] = {"pm25_raw_ugm3": [36.0, 0.0], "qc": [0, 0]}
    table = Table("air_quality", tags, [NOW - 2000, NOW - 1000], columns, frozenset({"qc"}))
    store.write(store.render(table))
    state = closes(sqlite3.connect(":memory:", isolation_level=None))
    registry = Registry(state)
    sensors = (status.Sensor("air-1", "plantower-pms5003@1"), status.Sensor("radar-1", "agd-315@1"))
    registry.update(status.Birth(NODE, "here", "0" * 16, ("a" * 32,), 1, None, "1", "synced", sensors), NOW)
    return TechnicianDesk(store, registry, state, load())


def ask(desk: TechnicianDesk, question: str = "stored", at_ms: int = NOW, **more: Any) -> Any:
    answer = desk.answer(NODE, question, json.dumps({"tx": "t", "from_ms": 0} | more).encode(), at_ms)
    return None if answer is None else json.loads(answer)


def test_the_newest_stored_row_comes_back_and_zero_is_a_value(desk: TechnicianDesk) -> None:
    answer = ask(desk)
    assert answer["ok"]
    assert answer["sensors"] == [
        {"sensor": "air-1", "measurement": "air_quality", "time_ms": NOW - 1000, "values": {"pm25_raw_ugm3": 0.0}}
    ]
    assert ask(desk, from_ms=NOW)["sensors"] == []


def test_a_model_of_the_stations_own_is_looked_for_whatever_it_measures(desk: TechnicianDesk) -> None:
    """It was taken for an air sensor: the set-up of a weather station that nobody here knows ended in vain."""
    sensors = (status.Sensor("met-1", "acme-meteo@1"), status.Sensor("gas-1", "acme-gas@1"))
    desk._registry.update(status.Birth(NODE, "here", "0" * 16, ("a" * 32,), 1, None, "1", "synced", sensors), NOW)
    for kind, sensor, quantity in (("weather", "met-1", "temp_c"), ("air_quality", "gas-1", "no2_raw_ppb")):
        tags = (("node", NODE), ("sensor", sensor), ("site", "here"))
        desk._store.write(desk._store.render(Table(kind, tags, [NOW - 1000], {quantity: [21.5]}, frozenset())))
    found = {row["sensor"]: (row["measurement"], row["values"]) for row in ask(desk)["sensors"]}
    assert found == {"met-1": ("weather", {"temp_c": 21.5}), "gas-1": ("air_quality", {"no2_raw_ppb": 21.5})}


def test_an_installation_is_kept(desk: TechnicianDesk) -> None:
    assert ask(desk, "installation", record={"who": "王磊"})["number"] == 1
    assert installations(desk._state, NODE) == [(NOW, {"who": "王磊"})]
    assert not ask(desk, "installation", record=[1])["ok"]


def test_a_clock_that_is_set_back_holds_up_no_question(desk: TechnicianDesk) -> None:
    assert ask(desk, at_ms=NOW + 8 * 3_600_000)["ok"]
    assert [ask(desk, at_ms=NOW + n * 60_000)["ok"] for n in range(5)] == [True] * 5


def test_a_few_questions_at_once_and_then_one_a_second(desk: TechnicianDesk) -> None:
    assert [ask(desk) is not None for _ in range(BURST + 3)] == [True] * BURST + [False] * 3
    assert ask(desk, at_ms=NOW + EVERY_MS) is not None
    assert ask(desk, at_ms=NOW + EVERY_MS) is None


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"tx": 7}', b'{"tx": ""}', b"\xff", b"x" * 40_000])
def test_what_is_malformed_is_not_answered(desk: TechnicianDesk, payload: bytes) -> None:
    assert desk.answer(NODE, "stored", payload, NOW) is None


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
def test_a_record_with_a_number_that_is_none_is_refused(desk: TechnicianDesk, number: str) -> None:
    answer = desk.answer(NODE, "installation", b'{"tx":"t","record":{"a":%s}}' % number.encode(), NOW)
    assert answer is not None
    assert not json.loads(answer)["ok"]
    assert installations(desk._state, NODE) == []


def test_a_moment_beyond_all_numbers_is_now(desk: TechnicianDesk) -> None:
    assert ask(desk, from_ms=10**30)["sensors"] == []
    assert len(ask(desk, from_ms=-(10**30))["sensors"]) == 1


def test_a_node_that_writes_records_for_ever_fills_nothing(desk: TechnicianDesk) -> None:
    for number in range(RECORDS_MAX + 10):
        assert ask(desk, "installation", at_ms=NOW + number * EVERY_MS, record={"n": number})["ok"]
    kept = installations(desk._state, NODE)
    assert [record["n"] for _, record in kept] == list(range(RECORDS_MAX + 9, 9, -1))


def test_what_a_technician_wrote_cannot_command_the_operators_terminal(desk: TechnicianDesk) -> None:
    ask(desk, "installation", record={"who": "王磊\x1b]0;root\x07", "where": "5 m,\r\nabove \u202ethe lane"})
    ((_, record),) = installations(desk._state, NODE)
    assert record == {"who": "王磊\ufffd]0;root\ufffd", "where": "5 m,\r\nabove \ufffdthe lane"}


def test_a_station_is_shown_with_its_place_and_how_it_comes_onto_the_map(desk: TechnicianDesk, tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    plain = f"state_file: {tmp_path / 'state.db'}\nstore: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\n"
    ask(desk, "installation", record={"who": "王磊", "lat": 39.9087, "lon": 116.4605})
    desk._registry.save()
    with sqlite3.connect(tmp_path / "state.db") as kept:
        desk._state.backup(kept)
    kept.close()
    named = plain + f"stations: [{{node: {NODE}, zh: 甲, en: A, lat: 39.9, lon: 116.5}}]\n"
    for text, is_hinted in ((plain, True), (named, False)):
        file.write_text(text)
        shown = CliRunner().invoke(stations.app, ["show", NODE, "--config", str(file)], catch_exceptions=False).output
        assert "place     39.90870, 116.46050" in shown
        said = datetime.fromtimestamp(NOW / 1000, ZoneInfo("Asia/Shanghai"))
        assert f"installed {said:%Y-%m-%d %H:%M} by 王磊" in shown, "by the city's clock, as all other commands"
        assert (f"- {{node: {NODE}, zh: ..., en: ..., lat: 39.90870, lon: 116.46050}}" in shown) is is_hinted


def test_a_database_that_is_away_is_not_asked(desk: TechnicianDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs would hold up every station, once for each question."""
    monkeypatch.setattr(desk, "_away", lambda: "InfluxDB does not answer: timed out")
    monkeypatch.setattr(desk._store, "select", None)
    answer = ask(desk)
    assert (answer["ok"], answer["error"]) == (False, "InfluxDB does not answer: timed out")
