"""The collector's MQTT connection: batches and births in, acknowledgements out. The one seam to an MQTT client.

paho runs its own network thread; what arrives goes into a bounded queue. A message is acknowledged to the broker when
it is in the queue; beyond the high-water mark the acknowledgements wait, so that the broker's receive maximum holds the
senders back. Packet ids are answered on the connection they came on, or not at all.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from device_profiles.settings import BrokerAddress
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State

log = logging.getLogger("lamppost.link")

HIGH_WATER_BYTES = 64 * 1024 * 1024
RECEIVE_MAXIMUM = 200
KEEPALIVE_S = 30
ACK_EXPIRY_S = 60
_OFFLINE = collector_status.encode(CollectorStatus(State.OFFLINE, 0, 0))


class Arrived(NamedTuple):
    """One message: topic, payload, whether the broker had kept it for later listeners, and its content type."""

    topic: str
    payload: bytes
    retained: bool
    content_type: str | None = None


class Link:
    """Connects one collector. `take` gives what has arrived; `publish` may be called from the same thread."""

    def __init__(self, broker: BrokerAddress, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self.connected = False
        self._broker = broker
        self._name = name
        self._queue: deque[Arrived] = deque()
        self._bytes = 0
        self._generation = 0
        self._owed: deque[tuple[int, int, int]] = deque()  # generation, packet id, qos
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._client = self._make_client()

    @property
    def connection(self) -> int | None:
        """A number of its own for each connection, None while there is none."""
        return self._generation if self.connected else None

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried again for ever."""
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=True)
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and end the network thread."""
        self.publish(names.collector_status(self._name), _OFFLINE, retain=True)  # a clean end sets off no will
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, timeout_s: float, count: int = 1000) -> list[Arrived]:
        """Up to `count` messages, waiting at most `timeout_s` for the first."""
        self._arrived.wait(timeout_s)
        with self._lock:
            taken = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
            self._bytes -= sum(len(message.payload) for message in taken)
            if not self._queue:
                self._arrived.clear()
            pay = self._bytes < HIGH_WATER_BYTES
            owed = [self._owed.popleft() for _ in range(len(self._owed))] if pay else []
        for generation, packet_id, qos in owed:
            if generation == self._generation:
                self._client.ack(packet_id, qos)
        return taken

    def wake(self) -> None:
        """End a waiting `take` early."""
        self._arrived.set()

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:
        """Send at QoS 1. Nothing rests on its arrival: acknowledgements are answered again, states sent again."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        if self._client.publish(topic, payload, 1, retain, properties).rc != paho.MQTT_ERR_SUCCESS:
            self.counts["publish_failed"] += 1

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"collector-{self._name}", protocol=paho.MQTTv5, manual_ack=True
        )
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls())
        client.will_set(names.collector_status(self._name), _OFFLINE, 1, True)
        client.reconnect_delay_set(1, 15)
        client.max_queued_messages_set(100_000)
        client.max_inflight_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            if not self.counts["refused"]:
                log.error("broker %s:%s refuses us: %s", self._broker.host, self._broker.port, reason)
            self.counts["refused"] += 1
            return
        with self._lock:
            self._generation += 1
            self._owed.clear()
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        # Births first: a broker sends what it retains in the order of the subscriptions.
        questions = [names.response("+", question) for question in sorted(names.QUESTIONS)]
        wanted = (names.collector_status("+"), names.status("+"), names.data("+"), *questions)
        client.subscribe([(topic, options) for topic in wanted])
        self.connected = True
        log.info("connected to broker %s:%s", self._broker.host, self._broker.port)

    def _on_connect_fail(self, *_: Any) -> None:
        if not self.counts["unreachable"]:
            log.warning("broker %s:%s does not answer; trying again", self._broker.host, self._broker.port)
        self.counts["unreachable"] += 1

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        if self.connected:
            log.warning("connection to the broker lost: %s", reason)
        self.connected = False
        self.counts["disconnected"] += 1

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        kind = getattr(message.properties, "ContentType", None)
        arrived = Arrived(message.topic, bytes(message.payload), message.retain, kind)
        with self._lock:
            self._queue.append(arrived)
            self._bytes += len(arrived.payload)
            full = self._bytes >= HIGH_WATER_BYTES
            if full and message.qos:
                self._owed.append((self._generation, message.mid, message.qos))
        if not full and message.qos:
            client.ack(message.mid, message.qos)
        self._arrived.set()
