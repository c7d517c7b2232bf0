"""The list of stations that the pages read."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.city import StationList
from collector.config import Config, SqliteStore, Station
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.stations.names import rename
from tests.closes import Closes
from wire.status import Birth, Death


def test_a_station_of_which_nothing_new_was_heard_is_not_made_again(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand took a second, each time a part of them was looked at: readings came no further meanwhile."""
    monkeypatch.setattr("collector.city.KEPT_S_MOST", -1.0)  # of this very moment
    monkeypatch.setattr("collector.stations.names.LOOK_S", -1.0)
    state = closes(open_state(tmp_path / "collector.db"))
    registry = Registry(state)
    settings = Config(
        store=SqliteStore(kind="sqlite", path=tmp_path / "readings.db"),
        state_file=tmp_path / "collector.db",
        stations=[
            Station(node="lp-2", zh="建国路", en="Jianguo Rd"),
            Station(node="lp-3", zh="东直门", en="Dongzhimen"),
        ],
    )
    stations = StationList(settings, registry)
    for node in ("lp-1", "lp-2"):
        registry.update(Birth(node, "here", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced"), 1)
    before = {station.node: station for station in stations.of_now()}
    assert list(before) == ["lp-2", "lp-3", "lp-1"], "those with a name first"
    assert [before[node].name_en for node in before] == ["Jianguo Rd", "Dongzhimen", "lp-1"]
    registry.update(Death("lp-2", "0" * 16, "lost"), 2)
    after = {station.node: station for station in stations.of_now()}
    assert [node for node in after if after[node] is not before[node]] == ["lp-2"]
    assert (before["lp-2"].online, after["lp-2"].online, after["lp-3"].online) == (True, False, None)
    rename(state, "lp-1", "", "Xizhimen")
    assert [station.name_en for station in stations.of_now()] == ["Jianguo Rd", "Dongzhimen", "Xizhimen"]
