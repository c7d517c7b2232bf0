"""One MQTT 5 connection of a client that listens and publishes at QoS 1: bytes in, messages and bytes out. No socket.

    CONNECT > CONNACK > SUBSCRIBE > SUBACK, then PUBLISH both ways, each answered by PUBACK; PINGREQ when it is quiet

Packets are read and written by the `mqtt5` package; which packet comes when is decided here. A message is acknowledged
when its taker says so (`acknowledge`), so the broker's receive maximum holds the senders back when the taker is full.
What the broker has not acknowledged of our own is sent again on the next connection (`Outbox`).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

import mqtt5

from wire.both import Both

PACKET_BYTES_MAX: Final = 8 * 1024 * 1024
WAITING_MAX: Final = 100_000
_PACKET_IDS: Final = 65_535
_CURES: Final = {
    "not authorized": "user, password or certificate in the settings, and its rights at the broker; then SIGHUP",
    "retain not supported": "mosquitto: retain_available true",
    "QoS not supported": "mosquitto: max_qos 1 or 2",
}
RULES_LOST: Final = Both(
    "its rights at the broker: has mosquitto lost its rules? lamppost collector init --new-broker-rules",
    "检查它在消息代理上的权限：mosquitto 的规则文件是否丢失？lamppost collector init --new-broker-rules",
)


class Broken(Exception):
    """The connection is of no more use: the broker said goodbye, or what it said is not MQTT 5."""


class Refused(Exception):
    """The broker will not have us; the text is its reason."""


class Outgoing(NamedTuple):
    """A message of our own."""

    topic: str
    payload: bytes
    retain: bool
    expiry_s: int | None


class Outbox:
    """Messages of our own that no broker has acknowledged, in order; outlives the connection. Bounded."""

    def __init__(self) -> None:
        self.waiting: deque[Outgoing] = deque()
        self.unanswered: dict[int, Outgoing] = {}

    def put(self, message: Outgoing) -> bool:
        """Queue a message; False when there are too many."""
        if len(self.waiting) >= WAITING_MAX:
            return False
        self.waiting.append(message)
        return True

    def again(self) -> None:
        """What was sent on a connection that is gone waits again, before the rest."""
        self.waiting.extendleft(reversed(self.unanswered.values()))
        self.unanswered.clear()


class Session:
    """The state of one connection. `out` collects what is to be written."""

    def __init__(self, connect: mqtt5.ConnectPacket, topics: tuple[str, ...], outbox: Outbox) -> None:
        self.counts: Counter[str] = Counter()
        self.up = False
        self.keepalive_s = connect.keep_alive
        self.out: list[bytes] = [connect.write()]
        self._topics = topics
        self._outbox = outbox
        self._room = 0
        self._bytes_max: int | None = None
        self._packet_id = 0
        self._rest = b""
        outbox.again()

    def receive(self, data: bytes) -> list[mqtt5.PublishPacket]:
        """The messages that `data` completes. Raises Refused, Broken."""
        data = self._rest + data if self._rest else data
        view, at, found = memoryview(data), 0, []
        while at < len(data):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break  # half a packet waits for its rest
            except ValueError as error:
                raise Broken(f"not MQTT 5: {error}") from error
            at += size
            if type(packet) is mqtt5.PublishPacket:
                found.append(packet)
            else:
                self._obey(packet)
        self._rest = data[at:]
        if len(self._rest) > PACKET_BYTES_MAX:
            raise Broken("a packet larger than we said we take")
        return found

    def acknowledge(self, packet_id: int) -> None:
        """The message of this id is taken."""
        self.out.append(b"\x40\x02" + packet_id.to_bytes(2, "big"))

    def send_waiting(self) -> None:
        """Put into `out` as many waiting messages as the broker takes at once."""
        outbox = self._outbox
        while self.up and outbox.waiting and len(outbox.unanswered) < self._room:
            message = outbox.waiting.popleft()
            packet_id = self._free_id()
            packet = mqtt5.PublishPacket(
                message.topic,
                message.payload,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                retain=message.retain,
                packet_id=packet_id,
                message_expiry_interval=message.expiry_s,
            ).write()
            if self._bytes_max is not None and len(packet) > self._bytes_max:
                self.counts["publish_too_large"] += 1  # a broker hangs up for it, now and on each connection to come
                continue
            outbox.unanswered[packet_id] = message
            self.out.append(packet)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.out.append(b"\xc0\x00")

    def goodbye(self) -> None:
        """End without setting off the will."""
        self.out.append(mqtt5.DisconnectPacket().write())

    def _obey(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            self._outbox.unanswered.pop(packet.packet_id, None)
            if _is_refusal(packet.reason_code):
                self.counts["publish_refused"] += 1
            self.send_waiting()
        elif isinstance(packet, mqtt5.ConnAckPacket):
            self._greeted(packet)
        elif isinstance(packet, mqtt5.SubAckPacket):
            refused = [_words(code) for code in packet.reason_codes if _is_refusal(code)]
            if refused:
                raise Refused(f"subscription: {refused[0]}; {RULES_LOST}")
        elif isinstance(packet, mqtt5.DisconnectPacket):
            raise Broken(_words(packet.reason_code))
        elif not isinstance(packet, mqtt5.PingRespPacket):
            raise Broken(f"an unexpected {type(packet).__name__}")

    def _greeted(self, packet: mqtt5.ConnAckPacket) -> None:
        if _is_refusal(packet.reason_code):
            text = _words(packet.reason_code)
            raise Refused(f"{text}; {_CURES[text]}" if text in _CURES else text)
        self.up = True
        self._room = packet.receive_max
        self._bytes_max = packet.max_packet_size
        if packet.server_keep_alive:  # 0: the broker asks for none, and ours does no harm (MQTT 5, 3.2.2.3.14)
            self.keepalive_s = min(self.keepalive_s, packet.server_keep_alive)  # to ping sooner is allowed
        filters = [mqtt5.TopicFilter(topic, max_qos=mqtt5.QoS.AT_LEAST_ONCE) for topic in self._topics]
        self.out.append(mqtt5.SubscribePacket(self._free_id(), filters).write())
        self.send_waiting()

    def _free_id(self) -> int:
        while True:
            self._packet_id = self._packet_id % _PACKET_IDS + 1
            if self._packet_id not in self._outbox.unanswered:
                return self._packet_id


_Reason = mqtt5.ConnAckReasonCode | mqtt5.PubAckReasonCode | mqtt5.SubAckReasonCode | mqtt5.DisconnectReasonCode


def _is_refusal(code: _Reason) -> bool:
    return int(code) >= 0x80


def _words(code: _Reason) -> str:
    """`NOT_AUTHORIZED` as people read it."""
    return code.name.lower().replace("_", " ").replace("quality", "QoS")
