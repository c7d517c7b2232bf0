"""A sensor that was announced and never spoke is missed; a node that is offline is told apart from a dead sensor."""

from __future__ import annotations

from pathlib import Path

from collector.alerting import Alerting, Telling
from collector.registry import Node
from collector.rules.desk import Policy
from collector.rules.rule import parse
from collector.statedb import open_state
from collector.stores.sqlite import Sqlite
from wire.status import Birth, Sensor

NOW = 1_790_000_000_000
MINUTE = 60_000
TEXT = {"zh": "无数据", "en": "nothing heard"}
RULES = parse(
    [
        {"alert": "silent", "kind": "air_quality", "absent": "10m", "severity": "minor", "text": TEXT},
        {"alert": "offline", "kind": "node_health", "offline": "5m", "severity": "minor", "text": TEXT},
    ]
)


def alerting(folder: Path) -> Alerting:
    state = open_state(folder / "state.db")
    store = Sqlite(folder / "readings.db")
    store.prepare()
    return Alerting(RULES, state, store, Telling(Policy(), {}), [], NOW)


def node(online: bool = True) -> Node:
    sensors = (Sensor("air-1", "plantower-pms5003@1"), Sensor("radar-1", "omnipresense-ops243a@1"))
    return Node(Birth("lp-1", "s", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced", sensors), online, NOW)


def fired(made: Alerting, minutes: int) -> set[str]:
    for minute in range(minutes + 1):
        made.tick(NOW + minute * MINUTE)
    return {view.rule for view in made.current() if view.state == "firing"}


def test_a_sensor_that_never_spoke_is_missed(tmp_path: Path) -> None:
    made = alerting(tmp_path)
    made.node_state("lp-1", True, NOW)
    made.expect([node()], NOW)
    assert fired(made, 40) == {"silent"}


def test_while_the_node_is_offline_its_sensors_are_not_blamed(tmp_path: Path) -> None:
    made = alerting(tmp_path)
    made.expect([node(online=False)], NOW)
    made.node_state("lp-1", False, NOW)
    assert fired(made, 40) == {"offline"}
