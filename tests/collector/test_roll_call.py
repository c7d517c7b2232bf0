"""`lamppost collector status` on a real broker: the last word of a collector that hangs is no sign of life."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import Config
from collector.identity.book import Book
from collector.standby.roll_call import roll_call
from collector.web.desk.file import DeskFile
from tests.servers import Mosquitto
from tests.typed import typed
from wire import names
from wire.collector_status import CollectorStatus, State, encode
from wire.times import HOUR_MS

pytestmark = pytest.mark.real
SETTINGS: dict[str, Any] = {"name": "asker", "store": {"kind": "sqlite", "path": "readings.db"}}


@pytest.fixture
def room(broker: Mosquitto) -> Iterator[paho.Client]:
    """Somebody through whom collectors speak."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "room", protocol=paho.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def say(client: paho.Client, name: str, state: State, ago_ms: int) -> None:
    now_ms = time.time_ns() // 1_000_000 - ago_ms if state is not State.OFFLINE else 0
    client.publish(
        names.collector_status(name), encode(CollectorStatus(state, now_ms, now_ms)), 1, True
    ).wait_for_publish()


def test_one_that_hangs_is_silent_and_one_whose_clock_is_wrong_is_not(broker: Mosquitto, room: paho.Client) -> None:
    say(room, "hung", State.ACTIVE, 20_000)
    say(room, "slow-clock", State.STANDBY, HOUR_MS)
    say(room, "fast-clock", State.STANDBY, -HOUR_MS)
    say(room, "well", State.STANDBY, 3_000)
    say(room, "gone", State.OFFLINE, 0)
    ending = threading.Event()

    def go_on() -> None:
        while not ending.wait(1.0):
            say(room, "slow-clock", State.STANDBY, HOUR_MS)
            say(room, "fast-clock", State.STANDBY, -HOUR_MS)

    speaking = threading.Thread(target=go_on)
    speaking.start()
    try:
        heard = roll_call(Config.model_validate(SETTINGS | {"broker": {"port": broker.port}}))
    finally:
        ending.set()
        speaking.join()
    assert {name: each.speaks for name, each in heard.items()} == {
        "fast-clock": True, "gone": False, "hung": False, "slow-clock": True, "well": True,
    }  # fmt: skip


def test_one_that_was_retired_is_no_collector_and_no_station(
    broker: Mosquitto, room: paho.Client, tmp_path: Path
) -> None:
    """The broker keeps its last word, that it works, for ever; the list of stations had it too."""
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"name: c1\nbroker: {{port: {broker.port}}}\nstate_file: {tmp_path}/c.db\n"
        f"store: {{kind: sqlite, path: {tmp_path}/r.db}}\n"
    )
    say(room, "c2", State.ACTIVE, 20_000)
    assert "c2" in typed("collector", "status", str(settings)).stdout
    with closing(DeskFile(tmp_path / "desk.db")) as desk:
        desk.note("anna", "standby", "c2", 1)
        Book(desk).retire("c2", "anna", 2)
    assert "c2" not in typed("collector", "status", str(settings)).stdout
    assert "c2" not in typed("stations", "list", "--config", str(settings)).stdout
    say(room, "c2", State.STANDBY, 0)
    assert "c2" in typed("collector", "status", str(settings)).stdout, "it is back"
