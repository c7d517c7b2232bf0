"""`lamppost collector status` on a real broker: the last word of a collector that hangs is no sign of life."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import Config
from collector.standby.roll_call import roll_call
from tests.servers import Mosquitto
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
