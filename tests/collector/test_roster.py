"""The list of all stations."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import Config, SqliteStore, Station
from collector.delivery.registry import Registry
from collector.statedb import open_state
from collector.stations.fleet import rename, roster
from tests.closes import Closes
from wire.status import Birth


@pytest.mark.parametrize("count", [2, 40])
def test_the_file_is_asked_as_often_for_many_stations_as_for_few(tmp_path: Path, closes: Closes, count: int) -> None:
    """Once for each, and the settings were gone through for each: ten thousand took five seconds."""
    nodes, state = [f"lp-{number}" for number in range(count)], closes(open_state(tmp_path / "collector.db"))
    settings = Config(
        store=SqliteStore(kind="sqlite", path=tmp_path / "readings.db"),
        state_file=tmp_path / "collector.db",
        stations=[Station(node=node, zh="建国路", en="Jianguo Rd") for node in nodes],
    )
    registry = Registry(state)
    for node in nodes:
        registry.update(Birth(node, "here", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced"), 1)
    registry.save()
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
