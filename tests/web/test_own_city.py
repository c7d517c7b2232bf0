"""The pages and the API over a collector's own knowledge, where the other tests have a city made by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.on_duty import OnDuty
from collector.city import site, titles, warm_ups
from collector.collector import Collector
from collector.config import Config, SqliteStore
from collector.stores.store import Stored, Table
from collector.web.app import create_app
from collector.web.feed import Feed
from collector.web.server import WebServer
from device_profiles.catalogue import load
from tests.servers import wait_for
from tests.stored import put
from tests.web.served import Served
from wire.status import Birth, Sensor

TAGS = (("node", "lp-0001"), ("sensor", "air-1"), ("site", "east"))


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector that knows one station, and is not connected to anything."""
    store = SqliteStore(kind="sqlite", path=tmp_path / "readings.db")
    collector = Collector(Config(store=store, state_file=tmp_path / "state.db"))
    sensors = (Sensor("air-1", "plantower-pms5003@1"),)
    collector.registry.update(Birth("lp-0001", "east", "s", (), 1, None, "0.1.0", "synced", sensors), 1)
    assert collector.store.prepare() == Stored()
    yield collector
    collector.stop()


@pytest.fixture
def port(collector: Collector) -> Iterator[int]:
    """Where its pages are served."""
    duty = OnDuty(collector.alerting, collector.config.state_file, lambda: 0)
    server = WebServer(create_app(site(collector, duty, Feed())), "127.0.0.1", 0)
    server.start()
    yield int(server.url.rstrip("/").rpartition(":")[2])
    server.stop()
    duty.close()


def test_the_api_tells_the_newest_reading_of_a_station(collector: Collector, request: pytest.FixtureRequest) -> None:
    read_ms = time.time_ns() // 1_000_000 - 20_000
    table = Table("air_quality", TAGS, [read_ms], {"pm25_ugm3": [35.0], "cq": [0]}, frozenset({"cq"}))
    put(collector.store, table)
    port = request.getfixturevalue("port")

    def latest() -> str | None:
        (station,) = json.loads(Served.ask(port, "/api/v1/stations").text)["stations"]
        told: str | None = station["latest"]
        return told

    wait_for("the station's newest reading", lambda: latest() is not None, 10)
    told = latest()
    assert told is not None
    assert datetime.fromisoformat(told).timestamp() == read_ms // 1000


def test_of_models_that_nobody_knows_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node announces another in each birth; while a desk was open each was remembered for ever."""
    monkeypatch.setattr("collector.city.PROFILES_MAX", 4)
    told: list[Any] = [titles(load()), warm_ups(load())]
    for of in told:
        for number in range(9):
            of(f"made-up@{number}")
        assert of.cache_info().currsize == 4
