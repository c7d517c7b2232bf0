"""A node or collector at the broker, as a test speaks for it."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from common.tls import TlsFiles
from tests.servers import wait_for

if TYPE_CHECKING:
    from tests.bad_inputs.system import System

_NUMBERS = itertools.count()  # the broker ends the older of two connections of one name


class Peer:
    """A node or collector at the broker, as a test speaks for it."""

    def __init__(
        self, system: System, who: str, name: str | None = None, will: tuple[str, bytes] | None = None
    ) -> None:
        self.heard: list[tuple[float, str, bytes]] = []
        self.state: str | None = None
        self.lost = 0
        self._answers: dict[int, Any] = {}
        self._lock = threading.Condition()
        self._topics: list[str] = []
        self._who, self._will, self._system = who, will, system
        self.name = name or f"{who}.test-{next(_NUMBERS)}"
        self._open()

    def _open(self) -> None:
        """A fresh client: one that lost its connection would send what is unanswered again, and be cut off again."""
        system, who, will = self._system, self._who, self._will
        self.state = None
        self._answers.clear()
        client = paho.Client(CallbackAPIVersion.VERSION2, self.name, protocol=paho.MQTTv5, reconnect_on_failure=False)
        self.client = client
        client._raise_for_invalid_topic = lambda topic: None  # type: ignore[method-assign]  # noqa: ARG005  # what a stranger sends
        context = TlsFiles(system.city.plan.folder / "pki" / "ca.pem", system.city.pair(who)).context()
        client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        if will is not None:
            client.will_set(*will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = lambda _c, _u, mid, reason, _p: self._note(mid, reason)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._note(mid, reasons[0])
        client.connect("127.0.0.1", system.city.plan.broker_port, 60)
        client.loop_start()
        wait_for(f"{who} at the broker", lambda: self.state is not None)
        for topic in self._topics:
            client.subscribe(topic, 1)

    def publish(self, topic: str, payload: bytes, **more: Any) -> Any:
        """Publish; the reason code, or None when the broker ended the connection or said nothing for five seconds."""
        properties = Properties(PacketTypes.PUBLISH)
        if "response_topic" in more:
            properties.ResponseTopic = more["response_topic"]
        if "payload_format" in more:
            properties.PayloadFormatIndicator = more["payload_format"]
        if "expiry" in more:
            properties.MessageExpiryInterval = more["expiry"]
        for number in range(more.get("user_properties", 0)):
            properties.UserProperty = (f"key-{number}", "x" * 1000)
        lost = self._forget_answers()
        info = self.client.publish(topic, payload, more.get("qos", 1), more.get("retain", False), properties)
        if more.get("qos", 1) == 0:
            return "sent"
        until_s = time.monotonic() + 5
        with self._lock:
            while info.mid not in self._answers and self.lost == lost and time.monotonic() < until_s:
                self._lock.wait(0.05)
        answer = self._answers.get(info.mid)
        if self.lost > lost:
            self.client.loop_stop()
            self._open()
        return answer

    def subscribe(self, topic: str) -> bool:
        lost = self._forget_answers()
        self._topics.append(topic)
        _, mid = self.client.subscribe(topic, 1)
        assert mid is not None
        with self._lock:
            self._lock.wait_for(lambda: mid in self._answers or self.lost > lost, 5)
        return mid in self._answers and not self._answers[mid].is_failure

    def wait(self, is_so: Any, timeout_s: float) -> Any:
        """What `is_so` makes of everything heard, as soon as it is true; None when it never is."""
        until_s = time.monotonic() + timeout_s
        with self._lock:
            while True:
                found = is_so(self.heard)
                if found or time.monotonic() >= until_s:
                    return found or None
                self._lock.wait(max(0.0, min(0.2, until_s - time.monotonic())))

    def forget(self) -> None:
        with self._lock:
            self.heard.clear()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _forget_answers(self) -> int:
        """Packet ids come round after 65,535: what was said of an earlier packet is not said of the next one."""
        with self._lock:
            self._answers.clear()
            return self.lost

    def _note(self, mid: int, reason: Any) -> None:
        with self._lock:
            self._answers[mid] = reason
            self._lock.notify_all()

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.state = str(reason)

    def _on_disconnect(self, *_: Any) -> None:
        with self._lock:
            self.lost += 1
            self._lock.notify_all()

    def _on_message(self, _c: Any, _u: Any, message: Any) -> None:
        with self._lock:
            self.heard.append((time.monotonic(), message.topic, bytes(message.payload)))
            self._lock.notify_all()


def taken(reason: Any) -> bool:
    """Whether the broker took a message: None when it has cut the sender off, else its reason code."""
    return reason == "sent" or (reason is not None and not reason.is_failure)
