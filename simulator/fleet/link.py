"""One virtual node's connection: a socket that never blocks, and where it stands in the opening talk.

    connecting > CONNECT > CONNACK > SUBSCRIBE > SUBACK > birth, then batches

Packets are read and written by the `mqtt5` package; a client library with a queue, a task or thread and an object for
every message has no room in 200 µs a batch (docs/decisions/0050-fleet-client.md).
"""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import suppress

import mqtt5

from simulator.fleet.node import EXPIRY_S, VirtualNode
from wire import names

KEEPALIVE_S = 60
READ_BYTES = 65_536
OUT_BYTES_MAX = 4 * 1024 * 1024
REFUSED_FROM = 0x80
PINGREQ = b"\xc0\x00"


class Broken(ValueError):
    """The other side does not speak MQTT 5: drop the connection."""


class Link:
    """Carries one node's packets. The fleet tells it what may be read, and asks what is still to be written."""

    def __init__(self, number: int, node: VirtualNode, counts: Counter[str]) -> None:
        self.number = number
        self.node = node
        self.up = False
        self.sock: socket.socket | None = None
        self.out = b""
        self.spoke_s = 0.0
        self._counts = counts
        self._rest = b""
        self._packet_id = 0

    def open(self, address: tuple[str, int], now_s: float) -> socket.socket:
        """Begin to connect; the CONNECT leaves when the socket can be written. Raises OSError."""
        self.sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            sock.connect(address)
        self._rest = b""
        name = self.node.who.node
        will = mqtt5.Will(names.status(name), payload=self.node.death(), qos=mqtt5.QoS.AT_LEAST_ONCE, retain=True)
        self.out = mqtt5.ConnectPacket(name, username=name, clean_start=True, will=will, keep_alive=KEEPALIVE_S).write()
        self.spoke_s = now_s
        return sock

    def close(self) -> None:
        """The connection is gone, by whoever's will."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self.out = None, b""
        if self.up:
            self.node.delivery.on_disconnect()
        self.up = False

    def write(self, data: bytes, now_s: float) -> None:
        """Send now what goes, keep the rest for when the socket takes it. Raises OSError when it is gone."""
        self.spoke_s = now_s
        if self.sock is None:
            return
        if self.out:
            if len(self.out) > OUT_BYTES_MAX:
                raise OSError("the broker reads nothing any more")
            self.out += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        self.out = data[sent:]

    def flush(self, now_s: float) -> None:
        """The socket can be written again. Raises OSError."""
        waiting, self.out = self.out, b""
        if waiting:
            self.write(waiting, now_s)

    def publish_due(self, now_s: float) -> int:
        """Publish what delivery says is due; how many batches that was. Raises OSError."""
        if not self.up:
            return 0
        due = self.node.due(now_s)
        for sealed in due:
            self._publish(self.node.data_topic, sealed.data, now_s, expiry_s=EXPIRY_S)
        if self.node.delivery.unheard:
            self.node.delivery.unheard = False
            self._say_birth(now_s)
        self._counts["published"] += len(due)
        return len(due)

    def ping(self, now_s: float) -> None:
        """Keep an idle connection alive. Raises OSError."""
        if self.up and now_s - self.spoke_s > KEEPALIVE_S / 2:
            self.write(PINGREQ, now_s)

    def goodbye(self, now_s: float) -> None:
        """A clean stop: said, and not waited for."""
        if self.up:
            with suppress(OSError):
                self._publish_status(self.node.death("stopped"), now_s)
                self.write(mqtt5.DisconnectPacket().write(), now_s)

    def read(self, now_s: float) -> list[tuple[int, int]]:
        """Take what has arrived; the sequences it releases, each with its code. Raises OSError or Broken."""
        assert self.sock is not None
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionResetError("closed by the broker")
        released: list[tuple[int, int]] = []
        for packet in self._packets(data):
            if type(packet) is mqtt5.PublishPacket:
                if packet.packet_id:
                    self.write(b"\x40\x02" + packet.packet_id.to_bytes(2, "big"), now_s)
                released += self.node.hear(bytes(packet.payload or b""), now_s)
            elif type(packet) is mqtt5.PubAckPacket:
                self._counts["puback_refused"] += int(packet.reason_code) >= REFUSED_FROM
            else:
                self._on_talk(packet, now_s)
        return released

    def _packets(self, data: bytes) -> list[mqtt5.Packet]:
        """The packets that `data` completes; half a packet waits for its rest. Raises Broken."""
        data = self._rest + data if self._rest else data
        view, at, found = memoryview(data), 0, []
        while at < len(data):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break
            except ValueError as error:
                raise Broken(f"not MQTT 5: {error}") from error
            found.append(packet)
            at += size
        self._rest = data[at:]
        return found

    def _on_talk(self, packet: mqtt5.Packet, now_s: float) -> None:
        """What belongs to the opening and the end of a connection."""
        if isinstance(packet, mqtt5.ConnAckPacket) and int(packet.reason_code) < REFUSED_FROM:
            topic = mqtt5.TopicFilter(names.ack(self.node.who.node), max_qos=mqtt5.QoS.AT_LEAST_ONCE)
            self.write(mqtt5.SubscribePacket(1, [topic]).write(), now_s)
        elif isinstance(packet, mqtt5.SubAckPacket) and int(packet.reason_codes[0]) < REFUSED_FROM:
            self.up = True
            self._counts["connected"] += 1
            self._say_birth(now_s)
            self.node.delivery.on_connect(now_s)
        elif not isinstance(packet, mqtt5.PingRespPacket):
            self._counts["refused"] += 1
            raise ConnectionRefusedError(f"the broker refuses {self.node.who.node}: {packet}")

    def _say_birth(self, now_s: float) -> None:
        self._publish_status(self.node.birth(), now_s)

    def _publish_status(self, body: bytes, now_s: float) -> None:
        self._publish(names.status(self.node.who.node), body, now_s, retain=True)

    def _publish(
        self, topic: str, body: bytes, now_s: float, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        packet = mqtt5.PublishPacket(
            topic, body, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=retain, packet_id=self._next_id(),
            message_expiry_interval=expiry_s,
        )  # fmt: skip
        self.write(packet.write(), now_s)

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id
