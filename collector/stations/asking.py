"""Ask a node over the broker: a signed request, and the answer with the same transaction id."""

from __future__ import annotations

import json
import queue
import secrets
import time
from typing import Any

import paho.mqtt.client as paho

from collector.broker import mqtt
from collector.clock import wall_ms
from collector.config import Config
from collector.identity.signing import signing_key
from collector.tame import tame
from common.settings import broker_address
from wire import names, request, signed, status
from wire.exits import Exit, Failure


def ask(settings: Config, node: str, verb: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """The node's answer. Raises Failure when the broker or the node does not answer in time."""
    if not names.is_node(node):
        raise Failure(Exit.USAGE, "bad-name", f"{node!r} is no node's name", "lamppost stations list")
    broker = broker_address(settings.broker)
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    transaction = secrets.token_hex(8)
    client = mqtt.make_client(broker, f"{settings.name}.ask-{transaction[:6]}")
    topic, key, asked = names.request(node, verb), signing_key(settings), False

    def on_connect(*_: Any) -> None:
        client.subscribe([(names.response(node, verb), 1), (names.status(node), 1)])

    def on_message(_c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        """The node's birth tells the session to ask in; then its answer comes."""
        nonlocal asked
        if message.topic != names.status(node):
            if not message.retain:  # an answer never is: what lies there is old, or left on purpose
                answers.put(_answer(bytes(message.payload)))
            return
        said = _said(node, bytes(message.payload))
        if isinstance(said, status.Birth) and not asked:
            asked = True
            written = request.Request(transaction, said.session, wall_ms(), arguments)
            client.publish(topic, signed.seal(topic, request.encode(written), key), 1)

    client.on_connect, client.on_message = on_connect, on_message
    mqtt.connect(client, broker)
    client.loop_start()
    until_s = time.monotonic() + timeout_s  # however much else is said there
    try:
        while True:
            answer = answers.get(timeout=max(0.0, until_s - time.monotonic()))
            if answer.get("tx") == transaction:
                return answer
    except queue.Empty:
        state = "has not answered" if asked else "is offline or unknown at the broker: not asked"
        text = f"{node} {state} within {timeout_s:g} s"
        raise Failure(Exit.TIMED_OUT, "no-answer", text, "is it online? lamppost gaps --node " + node) from None
    finally:
        client.disconnect()
        client.loop_stop()


def _answer(payload: bytes) -> dict[str, Any]:
    """The node's words, or nothing that anybody waits for."""
    try:
        said = tame(json.loads(payload))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _said(node: str, payload: bytes) -> status.Birth | status.Death | None:
    try:
        return status.decode(node, payload)
    except status.BadStatus:
        return None
