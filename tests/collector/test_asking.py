"""Asking a node: only an answer to this very question counts, whatever else lies or is said on its topic."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.commands.options import load_settings
from collector.config import Config
from collector.stations.asking import ask
from tests.servers import Mosquitto
from wire import names, status
from wire.exits import Exit, Failure

pytestmark = pytest.mark.real

NODE = "lp-0017"
BIRTH = status.Birth(NODE, "here", "0" * 16, ("a" * 32,), 1, None, "1", "synced", ())
JUNK = (b"\xff", b"[1]", b"{}", json.dumps({"tx": 5}).encode())


@pytest.fixture
def settings(broker: Mosquitto, tmp_path: Path) -> Config:
    file = tmp_path / "collector.yaml"
    file.write_text(f"broker: {{port: {broker.port}}}\nstore: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\n")
    return load_settings(file)


def node(broker: Mosquitto, answers: bool) -> paho.Client:
    """A node that leaves an old answer on its topic, says much that nobody asked, and then what was asked."""
    client = paho.Client(CallbackAPIVersion.VERSION2, NODE, protocol=paho.MQTTv5)
    there = threading.Event()

    def asked(_c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
        for said in JUNK:
            client.publish(names.response(NODE, "ping"), said, 1)
        transaction = json.loads(message.payload.split(b"\n", 1)[1])["tx"]
        if answers:
            client.publish(names.response(NODE, "ping"), json.dumps({"tx": transaction, "ok": True}), 1)

    client.on_message = asked
    client.on_subscribe = lambda *_: there.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe(names.request(NODE, "+"), 1)
    assert there.wait(10)
    for said in JUNK[:1]:
        client.publish(names.response(NODE, "ping"), said, 1, retain=True).wait_for_publish(10)
    client.publish(names.status(NODE), status.encode(BIRTH), 1, retain=True).wait_for_publish(10)
    return client


def test_what_lies_on_the_topic_is_no_answer(broker: Mosquitto, settings: Config) -> None:
    client = node(broker, answers=True)
    try:
        assert ask(settings, NODE, "ping", {}, 20)["ok"] is True
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_node_that_says_other_things_does_not_hold_the_question(broker: Mosquitto, settings: Config) -> None:
    client = node(broker, answers=False)
    began_s = time.monotonic()
    try:
        with pytest.raises(Failure) as refused:
            ask(settings, NODE, "ping", {}, 1.5)
    finally:
        client.disconnect()
        client.loop_stop()
    assert refused.value.code == Exit.TIMED_OUT
    assert time.monotonic() - began_s < 15
