"""Is the broker safe? A station tries, with its own credential, what a thief of it would try; all of it must fail.

    foreign publish      write another node's data
    forged answer        write an acknowledgement, its own and another's
    foreign subscribe    hear every node's data
    shared group         take a share of its own data's deliveries, by which a collector would lose batches
    wildcard             hear everything below its own name and everywhere
    anonymous            connect without a credential

Each of these was found open on a real broker with plausible settings. Used by `lamppost agent doctor` and at the start
of an enrolled agent; it takes a second or two and changes nothing: what is published is no batch, and is published to
names that no node has.
"""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from common.settings import BrokerAddress
from wire import names
from wire.both import Both, zh
from wire.exits import in_both, reason

ANSWER_S: Final = 5.0
ACTIONS: Final = (
    "foreign-publish",
    "forged-answer",
    "foreign-subscribe",
    "shared-group",
    "wildcard",
    "anonymous",
)


class Attempt(NamedTuple):
    """One hostile action: whether the broker refused it, and what it said."""

    action: str
    refused: bool
    said: str


class SelfTestImpossible(Exception):
    """The broker could not be asked at all; the text says why."""


def _of(broker: BrokerAddress, why: Both) -> Both:
    where = f"{broker.host}:{broker.port}"
    return Both(f"broker {where}: {why}", f"服务器 {where}：{zh(why)}")


def self_test(broker: BrokerAddress, node: str) -> list[Attempt]:
    """All six, in order. Raises SelfTestImpossible when the station itself cannot connect."""
    nobody = f"nobody-{secrets.token_hex(4)}"
    thief = _Thief(broker, node)
    try:
        return [
            thief.publish("foreign-publish", names.data(nobody)),
            _all("forged-answer", [thief.publish("", names.ack(node)), thief.publish("", names.ack(nobody))]),
            thief.subscribe("foreign-subscribe", names.data("+")),
            thief.subscribe("shared-group", f"$share/{nobody}/{names.data(node)}"),
            _all("wildcard", [thief.subscribe("", "#"), thief.subscribe("", f"{names.PREFIX}/{node}/#")]),
            _anonymous(broker, nobody),
        ]
    finally:
        thief.close()


def holes(attempts: list[Attempt]) -> list[str]:
    """The actions that the broker let happen; empty when the set-up is safe."""
    return [attempt.action for attempt in attempts if not attempt.refused]


class _Thief:
    """Whoever holds the station's credential. A broker may cut off who tries too much: the next attempt begins anew."""

    def __init__(self, broker: BrokerAddress, node: str) -> None:
        self._broker, self._node = broker, node
        self._probe = _Probe(broker, node)

    def publish(self, action: str, topic: str) -> Attempt:
        return self._connected().attempt(action, lambda client: client.publish(topic, b"self-test", 1).mid)

    def subscribe(self, action: str, topic: str) -> Attempt:
        return self._connected().attempt(action, lambda client: client.subscribe(topic, 1)[1])

    def close(self) -> None:
        self._probe.close()

    def _connected(self) -> _Probe:
        if self._probe.is_lost:
            self._probe.close()
            self._probe = _Probe(self._broker, self._node)
        return self._probe


class _Probe:
    """One connection with the station's credential, beside the agent's own and another self-test's."""

    def __init__(self, broker: BrokerAddress, node: str) -> None:
        self._answers: dict[int, Any] = {}
        self._changed = threading.Condition()
        self._state: str | None = None
        self.is_lost = False
        identifier = f"{node}.selftest-{secrets.token_hex(4)}"  # of two with one name the broker lets in but one
        try:
            self._client = _client(broker, identifier, broker.username or node, broker.password, broker.tls)
            self._client.on_connect = self._on_connect
            self._client.on_disconnect = self._on_disconnect
            self._client.on_publish = lambda _c, _u, mid, reason, _p: self._note(mid, reason)
            self._client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._note(mid, reasons[0])
            self._client.connect(broker.host, broker.port, 30)
        except OSError as error:
            raise SelfTestImpossible(_of(broker, reason(error))) from error
        self._client.loop_start()
        self._until(lambda: self._state is not None)
        if self._state != "Success":
            self.close()
            raise SelfTestImpossible(
                _of(broker, in_both(self._state) if self._state else Both("no answer", "没有应答"))
            )

    def attempt(self, action: str, begin: Callable[[paho.Client], int | None]) -> Attempt:
        """`begin` sends, and gives the number by which the broker answers; None when the connection is gone."""
        mid = begin(self._client)
        self._until(lambda: mid in self._answers or self.is_lost)
        reason = self._answers.get(mid) if mid is not None else None
        if reason is None:
            return Attempt(action, self.is_lost, "cut off" if self.is_lost else "no answer: cannot tell")
        return Attempt(action, reason.is_failure, str(reason))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _until(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(is_so, ANSWER_S)

    def _note(self, mid: int, reason: Any) -> None:
        with self._changed:
            self._answers[mid] = reason
            self._changed.notify_all()

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        with self._changed:
            self._state = str(reason)
            self._changed.notify_all()

    def _on_disconnect(self, *_: Any) -> None:
        with self._changed:
            self.is_lost = True
            self._changed.notify_all()


def _anonymous(broker: BrokerAddress, name: str) -> Attempt:
    """Without certificate, name or password."""
    said: list[str] = []
    done = threading.Event()

    def stranger() -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a stranger does not care whom it talks to
        return context

    client = _client(broker, name, None, None, stranger if broker.tls is not None else None)

    def note(text: str) -> None:
        said.append(text)
        done.set()

    client.on_connect = lambda _c, _u, _f, reason, _p: note(str(reason))
    client.on_disconnect = lambda *_: note("cut off")
    try:
        client.connect(broker.host, broker.port, 30)
    except OSError as error:
        return Attempt("anonymous", True, f"refused: {error}")
    client.loop_start()
    done.wait(ANSWER_S)
    client.disconnect()
    client.loop_stop()
    return Attempt("anonymous", bool(said) and said[0] != "Success", said[0] if said else "no answer: cannot tell")


def _client(
    broker: BrokerAddress,
    identifier: str,
    username: str | None,
    password: str | None,
    tls: Callable[[], ssl.SSLContext] | None,
) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, identifier, protocol=paho.MQTTv5, reconnect_on_failure=False)
    if username is not None:
        client.username_pw_set(username, password)
    if tls is not None:
        client.tls_set_context(tls())
        if broker.tls is not tls:
            client.tls_insecure_set(True)
    return client


def _all(action: str, attempts: list[Attempt]) -> Attempt:
    """Refused only when each of them is."""
    let = [attempt for attempt in attempts if not attempt.refused]
    return Attempt(action, not let, (let or attempts)[0].said)
