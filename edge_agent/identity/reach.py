"""How the technician's tools reach the broker: beside the running agent, with its credentials, as `{node}.{tool}`."""

from __future__ import annotations

import json
import queue
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common.settings import BrokerAddress, broker_address
from common.tls import PatientSocket
from wire import names, signed, strictjson
from wire.both import Both, zh
from wire.exits import Exit, Failure, in_both, reason

if TYPE_CHECKING:
    import paho.mqtt.client as paho
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from edge_agent.settings.config import Config


ANSWER_S = 5.0


def broker_of(settings: Config) -> BrokerAddress:
    """The broker as the agent reaches it. Raises Failure for files that cannot be used."""
    address = broker_address(settings.broker)
    if settings.identity is None:
        return address
    from edge_agent.identity.identity import Identity

    identity = Identity(settings.identity)
    identity.tls.check()
    return replace(address, tls=identity.tls.context, client_id=identity.client_id(settings.node))


def that_answers(broker: BrokerAddress, timeout_s: float = 4.0) -> BrokerAddress:
    """The same by the first of a cluster's nodes that answers; as it is where there is one, or none does."""
    for host, port in broker.addresses() if broker.others else ():
        with suppress(OSError), socket.create_connection((host, port), timeout_s):
            return replace(broker, host=host, port=port)
    return broker


def pinned_keys(settings: Config) -> tuple[Ed25519PublicKey, ...]:
    """The keys of the collectors that this node believes."""
    from edge_agent.identity.identity import Identity, read_key

    if settings.identity is not None:
        return Identity(settings.identity).pinned()
    return tuple(map(read_key, settings.collector_keys))


def mqtt_client(settings: Config, address: BrokerAddress, tool: str) -> paho.Client:
    """A client that speaks what the settings say, not yet connected."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    spoken = paho.MQTTv5 if settings.broker.protocol == "5" else paho.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, f"{settings.node}.{tool}", protocol=spoken)
    client.username_pw_set(address.username or settings.node, address.password)
    if address.tls is not None:
        tls = address.tls()
        tls.sslsocket_class = PatientSocket
        client.tls_set_context(tls)
    client.connect_timeout = ANSWER_S
    return client


def why_not_let_in(address: BrokerAddress, client_id: str) -> Both | None:
    """Log in once and leave. None when the broker takes us, else what it said, or why it was not reached."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    address = that_answers(address, ANSWER_S)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv311)
    client.username_pw_set(address.username, address.password)
    client.connect_timeout = ANSWER_S
    said: queue.Queue[Any] = queue.Queue()
    client.on_connect = lambda _client, _user, _flags, code, _properties: said.put(code)
    where = f"{address.host}:{address.port}"
    try:
        client.connect(address.host, address.port, 30)
        client.loop_start()
        code = said.get(timeout=ANSWER_S)
    except OSError as error:
        why = reason(error)
        return Both(f"broker {where}: {why}", f"服务器 {where}：{zh(why)}")
    except queue.Empty:
        return Both(f"broker {where}: no answer in {ANSWER_S:g} s", f"服务器 {where}：{ANSWER_S:g} 秒内没有应答")
    finally:
        client.disconnect()
        client.loop_stop()
    if not code.is_failure:
        return None
    why = in_both(str(code))
    return Both(
        f"broker {where} refuses this user and password: {why}",
        f"服务器 {where} 不接受这个用户名和密码：{zh(why)}",
    )


def ask_collector(
    settings: Config, question: str, body: dict[str, Any], tool: str = "setup", timeout_s: float = 30.0
) -> dict[str, Any]:
    """The collector's signed answer. Raises Failure when the broker cannot be reached or nobody answers in time."""
    address, keys = that_answers(broker_of(settings)), pinned_keys(settings)
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    transaction = secrets.token_hex(8)
    heard_on = names.request(settings.node, question)
    client = mqtt_client(settings, address, tool)

    def on_connect(*_: Any) -> None:
        client.subscribe(names.request(settings.node, "+"), 1)

    def on_subscribe(*_: Any) -> None:
        asked = strictjson.dumps({"v": 1, "node": settings.node, "tx": transaction, **body})
        client.publish(names.response(settings.node, question), asked, 1)

    def on_message(_client: Any, _user: Any, message: Any) -> None:
        if message.topic == heard_on and not message.retain:
            try:
                answers.put(json.loads(signed.open_sealed(heard_on, message.payload, keys)))
            except ValueError:
                return  # unsigned or not JSON: nobody whom we believe

    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    try:
        client.connect(address.host, address.port, 30)
    except OSError as error:
        where, why = f"{address.host}:{address.port}", reason(error)
        text = Both(f"broker {where}: {why}", f"服务器 {where}：{zh(why)}")
        raise Failure(Exit.NETWORK, "broker-down", text, "lamppost agent doctor --only broker") from error
    client.loop_start()
    until_s = time.monotonic() + timeout_s
    try:
        while (left_s := until_s - time.monotonic()) > 0:
            answer = answers.get(timeout=left_s)
            if answer.get("tx") == transaction:
                return answer
    except queue.Empty:
        pass
    finally:
        client.disconnect()
        client.loop_stop()
    text = Both(f"no collector has answered within {timeout_s:g} s", f"采集器在 {timeout_s:g} 秒内没有应答")
    cure = Both("readings wait safely here; tell the office", "读数安全地留在本机；请告知管理中心")
    raise Failure(Exit.TIMED_OUT, "no-answer", text, cure)
