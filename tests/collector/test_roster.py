"""The list of all stations."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from collector.config import Config, SqliteStore, Station
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.stations.fleet import is_retired, roster
from collector.stations.names import rename
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from tests.closes import Closes
from wire.status import Birth


def heard_of(folder: Path, nodes: list[str], closes: Closes) -> tuple[Config, sqlite3.Connection]:
    settings = Config(
        store=SqliteStore(kind="sqlite", path=folder / "readings.db"),
        state_file=folder / "collector.db",
        stations=[Station(node=node, zh="建国路", en="Jianguo Rd") for node in nodes],
    )
    registry = Registry(state := closes(open_state(settings.state_file)))
    for node in nodes:
        registry.update(Birth(node, "here", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced"), 1)
    registry.save()
    return settings, state


def test_a_station_that_was_put_out_is_not_online_whatever_was_last_heard(tmp_path: Path, closes: Closes) -> None:
    """The broker cuts it off before its last word; and one that was taken down is stale no more."""
    settings, state = heard_of(tmp_path, ["lp-0", "lp-1"], closes)
    desk = closes(DeskFile(settings.desk_file))
    Reports(desk).add_change("lp-1", "removed", "", "", 2)
    here, out = roster(state, settings)
    assert (here.state, here.online, here.since_ms) == ("none", True, 1)
    assert (out.state, out.online, out.since_ms, out.is_stale(10**12)) == ("retired", False, None, False)
    assert [is_retired(settings, node) for node in ("lp-0", "lp-1")] == [False, True]


@pytest.mark.parametrize("count", [2, 40])
def test_the_file_is_asked_as_often_for_many_stations_as_for_few(tmp_path: Path, closes: Closes, count: int) -> None:
    """Once for each, and the settings were gone through for each: ten thousand took five seconds."""
    nodes = [f"lp-{number}" for number in range(count)]
    settings, state = heard_of(tmp_path, nodes, closes)
    rename(state, "lp-1", "", "Dongzhimen")
    asked: list[str] = []
    state.set_trace_callback(asked.append)
    listed = roster(state, settings)
    assert [(one.zh, one.en) for one in listed if one.node in ("lp-0", "lp-1")] == [
        ("建国路", "Jianguo Rd"),
        ("建国路", "Dongzhimen"),
    ]
    assert len(listed) == count
    assert len(asked) < 10
