"""Who is there: the collectors' states as the broker retains them."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

import paho.mqtt.client as paho

from collector.broker import mqtt
from collector.config import Config
from device_profiles.settings import broker_address
from wire import collector_status, names
from wire.collector_status import CollectorStatus
from wire.exits import Exit, Failure

TIMEOUT_S = 10.0
QUIET_S = 0.5


def roll_call(settings: Config) -> dict[str, CollectorStatus]:
    """What each collector said last, by name. Raises Failure when the broker does not answer."""
    broker = broker_address(settings.broker)
    found: dict[str, CollectorStatus] = {}
    subscribed = threading.Event()
    client = mqtt.make_client(broker, f"{settings.name}.call-{secrets.token_hex(3)}")

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        name = names.collector_of(message.topic)
        try:
            if name is not None:
                found[name] = collector_status.decode(bytes(message.payload))
        except collector_status.BadStatus:
            return

    def on_connect(*_: Any) -> None:
        client.subscribe(names.collector_status("+"), 1)

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    mqtt.connect(client, broker)
    client.loop_start()
    try:
        if not subscribed.wait(TIMEOUT_S):
            text = f"broker {broker.host}:{broker.port} did not let us listen within {TIMEOUT_S:g} s"
            raise Failure(Exit.NETWORK, "broker-refuses", text, "are user and password right?")
        time.sleep(QUIET_S)  # what is retained comes at once; that nothing more comes cannot be told
    finally:
        client.disconnect()
        client.loop_stop()
    return dict(sorted(found.items()))
