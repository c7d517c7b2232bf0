"""Nodes whose values rise and fall: they keep what is not acknowledged and send it again, as agents do."""

from __future__ import annotations

import random
import secrets
import threading
import time
from dataclasses import dataclass, field

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from wire import ack, batch, names, signed, status

EVERY_S = 0.5
AGAIN_S = 1.0
LOW, HIGH = 10.0, 90.0
SITE, SENSOR = "kill-street", "air-1"


@dataclass
class Node:
    """One node. `waiting`: digest, bytes, when sent and made; `episodes`: the times of their first readings."""

    name: str
    spool: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    waiting: dict[int, tuple[str, bytes, float, float]] = field(default_factory=dict)
    high: bool = False
    turn_s: float = 0.0
    episodes: list[int] = field(default_factory=list)


class Feeder:
    """All nodes over one connection. `calm` ends the last episode of each, `mute` their readings; `idle` is true when
    all is acknowledged."""

    def __init__(self, port: int, nodes: int, quiet_s: tuple[float, float], high_s: tuple[float, float], seed: int):
        self.nodes = {f"lp-{n:03d}": Node(f"lp-{n:03d}") for n in range(nodes)}
        self._dice = random.Random(seed)
        self._quiet_s, self._high_s = quiet_s, high_s
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.calm = self.mute = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "feeder", protocol=paho.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        now_s = time.monotonic()
        for node in self.nodes.values():
            node.turn_s = now_s + self._dice.uniform(*quiet_s)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def episodes(self) -> int:
        """How many have begun."""
        return sum(len(node.episodes) for node in self.nodes.values())

    @property
    def idle(self) -> bool:
        """Whether every batch is acknowledged and nothing is high."""
        with self._lock:
            return not any(node.waiting or node.high for node in self.nodes.values())

    @property
    def oldest_s(self) -> float:
        """For how long the oldest batch has waited for its acknowledgement."""
        now_s = time.monotonic()
        with self._lock:
            return max((now_s - kept[3] for node in self.nodes.values() for kept in node.waiting.values()), default=0.0)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(f"{names.PREFIX}/+/ack", 1)
        for node in self.nodes.values():
            sensors = (status.Sensor(SENSOR, "plantower-pms5003@1"),)
            birth = status.Birth(node.name, SITE, "0" * 16, (node.spool,), 1, None, "0.1.0", "synced", sensors)
            client.publish(names.status(node.name), status.encode(birth), 1, True)

    def _on_message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        said = ack.decode(signed.open_sealed(message.topic, bytes(message.payload)))
        address = names.address(message.topic)
        if isinstance(said, ack.Hello) or address is None:
            return
        node = self.nodes[address.node]
        with self._lock:
            for verdict in said.verdicts:
                known = node.waiting.get(verdict.seq)
                if known is not None and verdict.code < 10 and verdict.digest == known[0]:
                    del node.waiting[verdict.seq]

    def _run(self) -> None:
        while not self._ending.wait(EVERY_S):
            now_s, at_ms = time.monotonic(), time.time_ns() // 1_000_000
            for node in self.nodes.values():
                if not self.mute:
                    self._turn(node, now_s, at_ms)
                    self._read(node, at_ms, now_s)
                self._send(node, now_s)

    def _turn(self, node: Node, now_s: float, at_ms: int) -> None:
        if now_s < node.turn_s and not self.calm:
            return
        if node.high or not self.calm:
            node.high = not node.high
            if node.high:
                node.episodes.append(at_ms)
        node.turn_s = now_s + self._dice.uniform(*(self._high_s if node.high else self._quiet_s))

    def _read(self, node: Node, at_ms: int, now_s: float) -> None:
        node.seq += 1
        block = batch.Block(
            SENSOR, "air_quality", [at_ms], {"pm25_raw_ugm3": [HIGH if node.high else LOW]}, {}, "plantower-pms5003@1"
        )
        payload = batch.encode(
            node=node.name, site=SITE, spool=node.spool, seq=node.seq, boot="0" * 8, clock="synced", blocks=[block]
        )
        with self._lock:
            node.waiting[node.seq] = (batch.digest(payload), payload, 0.0, now_s)

    def _send(self, node: Node, now_s: float) -> None:
        with self._lock:
            due = [(seq, kept) for seq, kept in node.waiting.items() if now_s - kept[2] >= AGAIN_S][:50]
            for seq, (digest, bytes_, _, made_s) in due:
                node.waiting[seq] = (digest, bytes_, now_s, made_s)
        for _, kept in due:
            self._client.publish(names.data(node.name), kept[1], 1)
