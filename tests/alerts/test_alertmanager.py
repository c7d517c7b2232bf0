"""Debian's Alertmanager receives our alerts, groups them by its own rules and knows when they are over."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.clock import wall_ms
from collector.notify.alertmanager import Alertmanager as Channel
from collector.notify.channel import NotNow, Told
from collector.notify.message import Place, Writer
from collector.rules.outbox import Delivery
from collector.rules.series import Series
from collector.rules.transition import Transition, transition
from tests.alerts.receiver import Receiver
from tests.rules.high import PM25_HIGH
from tests.servers import Alertmanager, wait_for

pytestmark = pytest.mark.real


@pytest.fixture
def alertmanager(tmp_path: Path, receiver: Receiver) -> Iterator[Alertmanager]:
    made = type("Hooked", (Alertmanager,), {"hook": receiver.url})(tmp_path)
    made.start()
    yield made
    made.stop()


def said(node: str, sensor: str, state: str) -> Transition:
    series = Series.of("air_quality", {"site": "east", "node": node, "sensor": sensor})
    return transition(series, PM25_HIGH, wall_ms() - 5_000, 80.0, state, wall_ms())


def message(*changes: Transition) -> Delivery:
    lines = [[each.state, each.as_json()] for each in changes]
    at = wall_ms()
    return Delivery("k", "am", "am|lp-1", 1, at, at, "", "", "major", {"what": "news", "lines": lines})


def known_to(server: Alertmanager) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def test_it_receives_groups_and_resolves(alertmanager: Alertmanager, receiver: Receiver) -> None:
    standing: list[Transition] = []
    writer = Writer(lambda node: Place(f"{node} 站", node, ZoneInfo("UTC")), "https://city.example")
    channel = Channel("am", f"http://127.0.0.1:{alertmanager.port}", writer, lambda: standing, wall_ms)
    began = [said("lp-1", "air-1", "firing"), said("lp-1", "air-2", "firing"), said("lp-2", "air-1", "firing")]
    assert channel.send([message(*began)]) == Told()
    alerts = known_to(alertmanager)
    assert {(a["labels"]["alertname"], a["labels"]["severity"]) for a in alerts} == {("pm25-high", "major")}
    assert len(alerts) == 3
    assert alerts[0]["generatorURL"] == f"https://city.example/ops/alert/{alerts[0]['labels']['fingerprint']}"
    # Alertmanager tells a group whose first alert is old at once, and the others a second later.
    whole = {"lp-1": ("firing", 2), "lp-2": ("firing", 1)}
    wait_for("two groups at the receiver, each whole", lambda: _groups(receiver.took) == whole)

    standing += [began[1], began[2]]
    ended = transition(
        Series.of(began[0].kind, began[0].labels), PM25_HIGH, began[0].start_ms, 10.0, "resolved", wall_ms()
    )
    assert channel.send([message(ended)]) == Told()
    assert channel.repeat() == Told()
    wait_for("the end at the receiver", lambda: any(_ends(m) == ["air-1"] for m in receiver.took))
    assert sorted(a["labels"]["sensor"] for a in known_to(alertmanager)) == ["air-1", "air-2"], "two go on"

    alertmanager.stop()
    assert isinstance(channel.repeat(), NotNow), "it is said again in a minute"


def _groups(took: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    """What was told last of each node: state and number of alerts."""
    return {told["groupLabels"]["node"]: (told["status"], len(told["alerts"])) for told in took}


def _ends(told: dict[str, Any]) -> list[str]:
    return [
        a["labels"]["sensor"] for a in told["alerts"] if a["status"] == "resolved" and a["labels"]["node"] == "lp-1"
    ]
