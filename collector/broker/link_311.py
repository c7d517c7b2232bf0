"""The same connection for a broker that speaks MQTT 3.1.1 alone, such as nats-server. On paho.

What 3.1.1 lacks costs time and no readings: no expiry, so old copies come and are known already; no receive maximum, so
a full queue holds the broker back by unanswered messages alone; no word of refusal for a message; no content type, so a
batch that is sent again has a topic of its own.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from collector.broker import link
from collector.broker.inbox import Arrived, GoesAhead, Inbox, nothing_hurries
from collector.broker.mqtt import make_client
from collector.broker.mqtt_session import RULES_LOST
from collector.health.health import AWAY, Trouble
from common.comings import Comings
from common.settings import BrokerAddress
from wire import names
from wire.collector_status import LAST_WORD

log = logging.getLogger("lamppost.link")

SUBSCRIBE_AGAIN_S = 2.0
WAITING_MAX = 100_000
INFLIGHT_MAX = 1_000


class Link311:
    """Connects one collector; used as `Link` is."""

    def __init__(self, broker: BrokerAddress, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self.connected = False
        self.trouble: Trouble | None = AWAY
        self._broker = broker
        self._name = name
        self.client_id = link.secret_id(name)
        self.goes_ahead: GoesAhead = nothing_hurries
        self._inbox: Inbox[int] = Inbox(self.counts)
        self._generation = 0
        self._comings = Comings()
        self._subscribe_due_s: float | None = None
        self._addresses = cycle(broker.addresses())
        self._client = self._make_client()

    @property
    def connection(self) -> int | None:
        """A number of its own for each connection, None while there is none."""
        return self._generation if self.connected else None

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried again for ever."""
        self._aim()
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and end the network thread."""
        self.publish(names.collector_status(self._name), LAST_WORD, retain=True)  # a clean end sets off no will
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, timeout_s: float, live: bool = False) -> None:
        """Until something has arrived, or something `live`, at most so long."""
        due_s = self._subscribe_due_s
        if due_s is not None and time.monotonic() >= due_s:
            self._subscribe_due_s = None
            self._subscribe(self._client)
        if self.connected and self._comings.there(time.monotonic()):
            self.counts["refused"] = self.counts["unreachable"] = 0
            log.info("connected to broker %s:%s", *self._address)
        self._inbox.wait(timeout_s, live)

    def take(self, timeout_s: float = 0.0, count: int = 1000, live: bool = False) -> list[Arrived]:
        """Up to `count` messages, waiting at most `timeout_s` for the first; what is live first, or that alone."""
        self.wait(timeout_s, live)
        taken, paid = self._inbox.take(count, live)
        for generation, packet_id in paid:
            if generation == self._generation:
                self._client.ack(packet_id, 1)
        return taken

    def wake(self) -> None:
        """End a `wait` early."""
        self._inbox.wake()

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:  # noqa: ARG002
        """Send at QoS 1. Nothing rests on its arrival: acknowledgements are answered again, states sent again."""
        if self._client.publish(topic, payload, 1, retain).rc != paho.MQTT_ERR_SUCCESS:
            self.counts["publish_failed"] += 1

    def publish_all(self, messages: Iterable[tuple[str, bytes]], expiry_s: int) -> None:
        """Send these as `publish` does."""
        for topic, payload in messages:
            self.publish(topic, payload, expiry_s=expiry_s)

    # -- paho's thread --------------------------------------------------------------------------------------------

    def _aim(self) -> None:
        """The next attempt goes to the next of the broker's addresses; with one there is always the same."""
        self._address = next(self._addresses)
        self._client.connect_async(*self._address, link.KEEPALIVE_S)

    def _make_client(self) -> paho.Client:
        client = make_client(self._broker, self.client_id, manual_ack=True)
        client.will_set(names.collector_status(self._name), LAST_WORD, 1, True)
        client.reconnect_delay_set(1, 15)
        client.max_queued_messages_set(WAITING_MAX)
        client.max_inflight_messages_set(INFLIGHT_MAX)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self.trouble = Trouble("broker_refuses", str(reason))
            if not self.counts["refused"]:
                log.error("broker %s:%s refuses us: %s; SIGHUP puts another password in force", *self._address, reason)
            self.counts["refused"] += 1
            return
        self._generation += 1
        self._inbox.forget_owed()
        self._subscribe(client)

    def _subscribe(self, client: paho.Client) -> None:
        # Births first: a broker sends what it retains in the order of the subscriptions.
        wanted = (
            names.collector_status("+"),
            names.status("+"),
            names.data("+"),
            names.replay("+"),
            *names.questions(),
        )
        client.subscribe([(topic, 1) for topic in wanted])

    def _on_subscribe(self, _: Any, __: Any, ___: Any, reasons: list[ReasonCode], ____: Any) -> None:
        """Who hears a part only is not connected: a node whose births go unheard would be held for ever."""
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            self.trouble = Trouble("broker_refuses", f"subscription: {refused[0]}; {RULES_LOST}")
            if not self.counts["subscription_refused"]:
                said = "broker %s:%s refuses a subscription: %s; %s; asking again"
                log.error(said, *self._address, refused[0], RULES_LOST)
            self.counts["subscription_refused"] += 1
            self._subscribe_due_s = time.monotonic() + SUBSCRIBE_AGAIN_S
            return
        self._subscribe_due_s = None
        self.connected, self.trouble = True, None

    def _on_connect_fail(self, *_: Any) -> None:
        self.trouble = AWAY
        if not self.counts["unreachable"]:
            log.warning("broker %s:%s does not answer; trying again", *self._address)
        self.counts["unreachable"] += 1
        self._aim()

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        was_there, self.connected = self.connected, False
        if was_there:
            self.trouble = Trouble("broker_away", str(reason))
            if self._comings.gone(time.monotonic()):
                log.warning("connection to the broker lost: %s", reason)
        elif not self.counts["refused"]:
            self.trouble = Trouble("broker_refuses")
            log.error("broker %s:%s hangs up on us without a reason; its log may have it", *self._address)
            self.counts["refused"] += 1
        self._subscribe_due_s = None
        self.counts["disconnected"] += 1
        self._aim()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        arrived = Arrived(message.topic, bytes(message.payload), message.retain)
        arrived = arrived._replace(live=self.goes_ahead(arrived))
        for packet_id in self._inbox.put(self._generation, [(message.mid if message.qos else None, arrived)]):
            client.ack(packet_id, 1)


def make_link(broker: BrokerAddress, name: str) -> link.Link | Link311:
    """The link that speaks what the broker speaks."""
    return Link311(broker, name) if broker.protocol == "3.1.1" else link.Link(broker, name)
