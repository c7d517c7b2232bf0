"""A stream of batches at a broker, as fast as they are answered: one connection speaks for all nodes.

    python -m benchmarks.stream PORT NODES BATCHES ROWS FIRST_NODE [START_MS INTERVAL_MS]

Everything is sealed before the first byte goes out, so that what is measured is not the sender. The readings are of the
minutes from now on (ahead.py says why). Every node's first batch, which makes it known, is not counted: when those are
answered it prints `ready`, and begins at the next line on stdin. Prints one JSON object: points, seconds from the first
batch to the last acknowledgement, and the milliseconds a batch waited for it (median, 99th percentile).
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from statistics import quantiles

import mqtt5

from benchmarks.traffic import Sender, fleet
from wire import ack, names, signed

UNANSWERED_MAX = 900
UNANSWERED_ROWS_MAX = 40_000
"""Batches and rows under way: fewer than mosquitto queues for a listener (1,000), more than a collector has at hand."""
UNACKNOWLEDGED_MAX = 20
"""Publishes under way to the broker: mosquitto's own receive maximum."""
SILENCE_S = 30.0


class Stream:
    """One run. The socket blocks; what it carries is decided by what has come back."""

    def __init__(self, port: int, senders: list[tuple[Sender, list[bytes]]]) -> None:
        self._senders = senders
        self._client = f"stream-{senders[0][0].node}"
        self._sock = socket.create_connection(("127.0.0.1", port), SILENCE_S)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._packet_id = 0
        self._unanswered_max = min(UNANSWERED_MAX, UNANSWERED_ROWS_MAX // senders[0][0].rows)
        self._unacknowledged = 0
        self._out: deque[tuple[bytes, bytes, tuple[str, int]]] = deque()
        self._sent_s: dict[tuple[str, int], float] = {}
        self._greeted: set[str] = set()
        self.waits_s: list[float] = []

    def open(self) -> None:
        """Connect, announce every node, and wait until the collector has greeted them all."""
        answers = [mqtt5.TopicFilter(names.ack("+"), max_qos=mqtt5.QoS.AT_LEAST_ONCE)]
        self._sock.sendall(mqtt5.ConnectPacket(self._client, clean_start=True, keep_alive=3600).write())
        self._sock.sendall(mqtt5.SubscribePacket(65_535, answers).write())
        births = [(names.status(s.node), s.birth()) for s, _ in self._senders]
        self._publish_all([(topic, body, None) for topic, body in births], retain=True)
        while len(self._greeted) < len(self._senders):
            self._take()

    def run(self, first: int, end: int) -> float:
        """Send some batches of every node, all nodes in turn; seconds until the last is answered."""
        self.waits_s.clear()
        batches = [
            (names.data(sender.node), sealed[turn], (sender.spool, turn + 1))
            for turn in range(first, end)
            for sender, sealed in self._senders
        ]
        start_s = time.monotonic()
        self._publish_all(batches)
        while self._sent_s:
            self._take()
        return time.monotonic() - start_s

    def _publish_all(self, messages: Sequence[tuple[str, bytes, tuple[str, int] | None]], retain: bool = False) -> None:
        at = 0
        while at < len(messages):
            room = min(UNACKNOWLEDGED_MAX - self._unacknowledged, self._unanswered_max - len(self._sent_s))
            burst = messages[at : at + max(room, 0)]
            if burst:
                self._sock.sendall(b"".join(self._packet(topic, body, retain) for topic, body, _ in burst))
                now_s = time.monotonic()
                self._sent_s.update({name: now_s for _, _, name in burst if name is not None})
                at += len(burst)
            else:
                self._take()

    def _packet(self, topic: str, body: bytes, retain: bool) -> bytes:
        self._packet_id = self._packet_id % 65_000 + 1
        self._unacknowledged += 1
        qos = mqtt5.QoS.AT_LEAST_ONCE
        return mqtt5.PublishPacket(topic, body, qos=qos, retain=retain, packet_id=self._packet_id).write()

    def _take(self) -> None:
        data = self._sock.recv(262_144)
        if not data:
            raise SystemExit("the broker has closed the connection")
        replies = []
        data, at = self._rest + data, 0
        view = memoryview(data)
        while at < len(data):
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break  # half a packet
            at += size
            if isinstance(packet, mqtt5.PubAckPacket):
                self._unacknowledged -= 1
            elif isinstance(packet, mqtt5.PublishPacket):
                assert packet.packet_id is not None
                replies.append(mqtt5.PubAckPacket(packet.packet_id).write())
                self._heard(packet)
        self._rest = data[at:]
        if replies:
            self._sock.sendall(b"".join(replies))

    def _heard(self, message: mqtt5.PublishPacket) -> None:
        said = ack.decode(signed.open_sealed(message.topic, message.payload))
        if isinstance(said, ack.Hello):
            self._greeted.add(message.topic)
            return
        now_s = time.monotonic()
        for verdict in said.verdicts:
            sent_s = self._sent_s.pop((said.spool, verdict.seq), None)
            if verdict.code not in (ack.Code.STORED, ack.Code.ALREADY_STORED):
                raise SystemExit(f"batch {verdict.seq}: code {verdict.code} {verdict.info}")
            if sent_s is not None:
                self.waits_s.append(now_s - sent_s)


def main() -> None:
    port, nodes, batches, rows, first, *more = map(int, sys.argv[1:])
    start_ms, interval_ms = more or (round(time.time()) * 1000, 1000)
    stream = Stream(port, list(fleet(nodes, batches, rows, start_ms, first, interval_ms)))
    stream.open()
    stream.run(0, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = stream.run(1, batches)
    cuts = quantiles(stream.waits_s, n=100)
    said = {
        "points": nodes * (batches - 1) * rows,
        "seconds": seconds,
        "answer_p50_ms": cuts[49] * 1000,
        "answer_p99_ms": cuts[98] * 1000,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
