"""One virtual node's connection: a socket that never blocks, and where it stands in the opening talk.

connecting > CONNECT > CONNACK > SUBSCRIBE > SUBACK > birth, then batches
"""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import suppress

from simulator.fleet import mqtt5
from simulator.fleet.node import EXPIRY_S, VirtualNode
from wire import names

KEEPALIVE_S = 60
READ_BYTES = 65_536
OUT_BYTES_MAX = 4 * 1024 * 1024


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
        self._packets = mqtt5.Packets()
        self._packet_id = 0

    def open(self, address: tuple[str, int], now_s: float) -> socket.socket:
        """Begin to connect; the CONNECT leaves when the socket can be written. Raises OSError."""
        self.sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            sock.connect(address)
        self._packets = mqtt5.Packets()
        name = self.node.who.node
        self.out = mqtt5.connect(name, KEEPALIVE_S, names.status(name), self.node.death())
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
            self.write(
                mqtt5.publish(self.node.data_topic, sealed.data, self._next_id(), properties=mqtt5.expiry(EXPIRY_S)),
                now_s,
            )
        if self.node.delivery.unheard:
            self.node.delivery.unheard = False
            self._say_birth(now_s)
        self._counts["published"] += len(due)
        return len(due)

    def ping(self, now_s: float) -> None:
        """Keep an idle connection alive. Raises OSError."""
        if self.up and now_s - self.spoke_s > KEEPALIVE_S / 2:
            self.write(mqtt5.PINGREQ, now_s)

    def goodbye(self, now_s: float) -> None:
        """A clean stop: said, and not waited for."""
        if self.up:
            with suppress(OSError):
                self._publish_status(self.node.death("stopped"), now_s)
                self.write(mqtt5.GOODBYE, now_s)

    def read(self, now_s: float, now_ms: int) -> list[tuple[int, int]]:
        """Take what has arrived; the sequences it releases, each with its code. Raises OSError or Broken."""
        assert self.sock is not None
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionResetError("closed by the broker")
        released: list[tuple[int, int]] = []
        for packet in self._packets.feed(data):
            if packet.kind == mqtt5.PUBLISH:
                released += self._on_message(mqtt5.message(packet), now_s, now_ms)
            elif packet.kind == mqtt5.PUBACK:
                self._counts["puback_refused"] += mqtt5.reason(packet) >= mqtt5.REFUSED_FROM
            elif packet.kind != mqtt5.PINGRESP:
                self._on_talk(packet, now_s)
        return released

    def _on_message(self, message: mqtt5.Message, now_s: float, now_ms: int) -> list[tuple[int, int]]:
        if message.packet_id:
            self.write(mqtt5.puback(message.packet_id), now_s)
        return self.node.hear(message.payload, now_s, now_ms)

    def _on_talk(self, packet: mqtt5.Packet, now_s: float) -> None:
        if mqtt5.reason(packet) >= mqtt5.REFUSED_FROM or packet.kind == mqtt5.DISCONNECT:
            self._counts[f"refused_{mqtt5.reason(packet):#04x}"] += 1
            raise ConnectionRefusedError(f"the broker refuses {self.node.who.node}: {mqtt5.reason(packet):#04x}")
        if packet.kind == mqtt5.CONNACK:
            self.write(mqtt5.subscribe(1, names.ack(self.node.who.node)), now_s)
        elif packet.kind == mqtt5.SUBACK:
            self.up = True
            self._counts["connected"] += 1
            self._say_birth(now_s)
            self.node.delivery.on_connect(now_s)

    def _say_birth(self, now_s: float) -> None:
        self._publish_status(self.node.birth(), now_s)

    def _publish_status(self, body: bytes, now_s: float) -> None:
        topic = names.status(self.node.who.node).encode()
        self.write(mqtt5.publish(topic, body, self._next_id(), retain=True), now_s)

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id
