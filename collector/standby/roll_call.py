"""Who is there: the collectors' states as the broker retains them.

A broker keeps the last word of one that hangs as well. Whose word is old by our clock is listened for a while: its
clock may be another.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from typing import Any, NamedTuple

import paho.mqtt.client as paho

from collector.broker import mqtt
from collector.broker.mqtt_session import RULES_LOST
from collector.config import Config
from collector.standby.standby import SAY_EVERY_S, SILENCE_S
from common.settings import broker_address
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State
from wire.exits import Exit, Failure

TIMEOUT_S = 10.0
QUIET_S = 0.5


class Heard(NamedTuple):
    """What a collector said last, and whether it still speaks."""

    said: CollectorStatus
    speaks: bool


def roll_call(settings: Config) -> dict[str, Heard]:
    """What each collector said last, by name. Raises Failure when the broker does not answer."""
    broker = broker_address(settings.broker)
    found: dict[str, Heard] = {}
    cures: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: there is nothing to cure
    spoke = threading.Event()
    client = mqtt.make_client(broker, f"{settings.name}.call-{secrets.token_hex(3)}")

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        name = names.collector_of(message.topic)
        try:
            if name is not None:
                said = collector_status.decode(bytes(message.payload))
                found[name] = Heard(said, said.state is not State.OFFLINE and not (message.retain and _is_old(said)))
                spoke.set()
        except collector_status.BadStatus:
            return

    def on_connect(*_: Any) -> None:
        client.subscribe(names.collector_status("+"), 1)

    client.on_connect = on_connect
    client.on_subscribe = lambda *said: cures.put(RULES_LOST if said[3][0].is_failure else None)
    client.on_disconnect = lambda *_: cures.put(_cure(settings))
    client.on_message = on_message
    mqtt.connect(client, broker)
    client.loop_start()
    try:
        if (cure := _soon(cures, _cure(settings))) is not None:
            text = f"broker {broker.host}:{broker.port} does not let us listen"
            raise Failure(Exit.NETWORK, "broker-refuses", text, cure)
        time.sleep(QUIET_S)  # what is retained comes at once; that nothing more comes cannot be told
        until_s = time.monotonic() + SAY_EVERY_S + QUIET_S
        while any(_is_mute(each) for each in found.values()) and (left_s := until_s - time.monotonic()) > 0:
            spoke.clear()
            spoke.wait(left_s)
    finally:
        client.disconnect()
        client.loop_stop()
    return dict(sorted(found.items()))


def _soon(cures: queue.SimpleQueue[str | None], otherwise: str) -> str | None:
    try:
        return cures.get(timeout=TIMEOUT_S)
    except queue.Empty:
        return otherwise


def _cure(settings: Config) -> str:
    tls = settings.broker.tls
    if tls is None or tls.cert is None:
        return "are user and password right?"
    return f"has {tls.cert} ended? the collector's log says so, and who renews it"


def _is_mute(heard: Heard) -> bool:
    return heard.said.state is not State.OFFLINE and not heard.speaks


def _is_old(said: CollectorStatus) -> bool:
    return abs(time.time() - said.now_ms / 1000) > SILENCE_S
