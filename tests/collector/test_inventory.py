"""A sensor that was announced and never spoke is missed; a node that is offline is told apart from a dead sensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from collector.alerts.alerting import Alerting, Telling
from collector.delivery.registry import Node
from collector.files.statedb import open_state
from collector.rules.parsing import parse
from collector.rules.policy import Policy
from collector.rules.rule import Rule
from collector.stations.places import Place, Places, neighbours
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from collector.web.desk.file import DeskFile
from tests.closes import Closes
from wire.status import Birth, Sensor
from wire.times import MINUTE_MS

NOW = 1_790_000_000_000
TEXT = {"zh": "无数据", "en": "nothing heard"}
RULES = parse(
    [
        {"alert": "silent", "kind": "air_quality", "absent": "10m", "severity": "minor", "text": TEXT},
        {"alert": "offline", "kind": "node_health", "offline": "5m", "severity": "minor", "text": TEXT},
    ]
)


@pytest.fixture
def alerting(tmp_path: Path, closes: Closes) -> Callable[..., Alerting]:
    """Makes one of rules and places."""

    def make(rules: list[Rule] = RULES, places: Places = {}) -> Alerting:  # noqa: B006
        state, store = closes(open_state(tmp_path / "state.db")), closes(Sqlite(tmp_path / "readings.db"))
        store.prepare()
        trail = DeskFile(tmp_path / "desk.db")
        return closes(Alerting(rules, state, store, Telling(Policy(), {}), [], NOW, trail, places))

    return make


def node(online: bool = True, name: str = "lp-1") -> Node:
    sensors = (Sensor("air-1", "plantower-pms5003@1"), Sensor("radar-1", "omnipresense-ops243a@1"))
    return Node(Birth(name, "s", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced", sensors), online, NOW)


def fired(made: Alerting, minutes: int) -> set[str]:
    for minute in range(minutes + 1):
        made.tick(NOW + minute * MINUTE_MS)
    return {view.rule for view in made.current() if view.state == "firing"}


def test_a_sensor_that_never_spoke_is_missed(alerting: Callable[..., Alerting]) -> None:
    made = alerting()
    made.watch.node_state("lp-1", True, NOW)
    made.watch.expect([node()], NOW)
    assert fired(made, 40) == {"silent"}


def test_while_the_node_is_offline_its_sensors_are_not_blamed(alerting: Callable[..., Alerting]) -> None:
    made = alerting()
    made.watch.expect([node(online=False)], NOW)
    made.watch.node_state("lp-1", False, NOW)
    assert fired(made, 40) == {"offline"}


def test_a_station_whose_sensors_nobody_here_knows_is_missed_too(alerting: Callable[..., Alerting]) -> None:
    """Only who has a sensor that is known here was watched: of profiles of one's own nobody heard that all was lost."""
    made, lost = alerting(), node(online=False)
    own = replace(lost.birth, sensors=(Sensor("air-1", "my-own-sensor@1"),))
    made.watch.expect([lost._replace(birth=own)], NOW)
    made.watch.node_state("lp-1", False, NOW)
    assert fired(made, 40) == {"offline"}


@pytest.mark.parametrize(("name", "version"), [("lp-1", "0.1.0"), ("g-1", "guest"), ("canary-c1", "0.1.0")])
def test_what_a_node_tells_of_itself_once_a_minute_fills_its_windows_and_is_missed(
    name: str, version: str, alerting: Callable[..., Alerting]
) -> None:
    """No mean of ten minutes was ever complete, and no rule missed it. Guests and canaries owe nobody a minute."""
    hot = {"window": {"mean": "cpu_temp_c", "over": "10m"}, "raise": "> 80"}
    whole = {"kind": "node_health", "text": TEXT}
    made = alerting(parse([{"alert": "hot", **whole, **hot}, {"alert": "mute", "absent": "10m", **whole}]))
    found = node(name=name)
    made.watch.expect([found._replace(birth=replace(found.birth, version=version))], NOW)
    for at_ms in range(NOW, NOW + 30 * MINUTE_MS, MINUTE_MS):
        table = Table("node_health", (("node", name), ("site", "s")), [at_ms], {"cpu_temp_c": [90.0]})
        made.watch.observe([table] if at_ms < NOW + 15 * MINUTE_MS else [], at_ms)
        made.tick(at_ms)
    firing = {view.rule for view in made.current() if view.state == "firing"}
    assert firing == ({"hot", "mute"} if name == "lp-1" else {"hot"})


def test_a_radar_is_missed_as_a_whole_and_heard_by_any_of_its_lanes(alerting: Callable[..., Alerting]) -> None:
    rules = parse([{"alert": "radar-silent", "kind": "traffic_flow", "absent": "10m", "text": TEXT}])
    made = alerting(rules)
    made.watch.expect([node()], NOW)
    tags = (("direction", "in"), ("lane", "1"), ("node", "lp-1"), ("sensor", "radar-1"), ("site", "s"))
    for minute in range(30):
        made.tick(NOW + minute * MINUTE_MS)
        if minute <= 15:
            at_ms = NOW + minute * MINUTE_MS
            made.watch.observe([Table("traffic_flow", tags, [at_ms], {"count": [0]})], at_ms)
        firing = [view.rule for view in made.current() if view.state == "firing"]
        assert firing == ([] if minute < 25 else ["radar-silent"]), minute


def test_scopes_look_at_the_labels_that_the_settings_give(alerting: Callable[..., Alerting]) -> None:
    narrow = {"scope": {"labels": {"district": "chao*"}}, "window": {"last": "pm25_ugm3"}, "raise": "> 75"}
    rules = parse([{"alert": "high", "kind": "air_quality", "text": TEXT, **narrow}])
    places = {"lp-1": Place({"district": "chaoyang"}), "lp-2": Place({"district": "haidian"})}
    made = alerting(rules, places)
    made.watch.expect([node(), node(name="lp-2")], NOW)
    made.tick(NOW)
    for name in ("lp-1", "lp-2"):
        tags = (("node", name), ("sensor", "air-1"), ("site", "s"))
        made.watch.observe([Table("air_quality", tags, [NOW + 1000], {"pm25_ugm3": [90.0]})], NOW + 1000)
    made.tick(NOW + 1000)
    assert [view.node for view in made.current()] == ["lp-1"]


def test_neighbours_are_the_nearest_within_three_kilometres() -> None:
    places = {
        "lp-1": Place({}, 39.9087, 116.4605),
        "lp-2": Place({}, 39.9187, 116.4605),  # 1.1 km north
        "lp-3": Place({}, 39.9087, 116.4722),  # 1.0 km east
        "lp-4": Place({}, 40.0, 116.4605),  # 10 km
        "lp-5": Place({}),
    }
    assert neighbours("lp-1", places) == ("lp-3", "lp-2")
    assert neighbours("lp-5", places) == ()
