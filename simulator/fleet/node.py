"""A virtual node: the agent's own delivery over a spool in memory, and what it says of itself. No socket, no clock."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from edge_agent.delivery.delivery import Delivery
from edge_agent.spool.spool import Sealed
from simulator.fleet.memory_spool import MemorySpool
from wire import ack, names, signed, status

VERSION = "sim"
EXPIRY_S = 30


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is. `session`, `spool` and `boot` are what its card and its boot would have drawn."""

    node: str
    site: str
    spool: str
    session: str
    boot: str
    sensors: tuple[status.Sensor, ...] = ()


def identity(node: str, site: str, seed: int, sensors: tuple[status.Sensor, ...] = ()) -> Identity:
    """The same name and seed, the same identity."""
    draw = random.Random(f"{seed} {node}")
    spool, session, boot = (f"{draw.getrandbits(bits):0{bits // 4}x}" for bits in (128, 64, 64))
    return Identity(node, site, spool, session, boot, sensors)


class VirtualNode:
    """One node. Its owner carries what `due` gives to the broker and brings back what arrives on its ack topic."""

    def __init__(self, who: Identity, rng: random.Random, connect_pause_s: float = 2.0) -> None:
        self.who = who
        self.spool = MemorySpool(who.spool, who.node, who.site, who.boot)
        self.delivery = Delivery(self.spool, rng, connect_pause_s=connect_pause_s)
        self.data_topic = names.data(who.node)
        self.counts: Counter[str] = Counter()

    def birth(self) -> bytes:
        """The retained birth."""
        waiting = next(iter(self.spool.waiting.values()), None)
        return status.encode(
            status.Birth(
                self.who.node, self.who.site, self.who.session, self.spool.spools(), self.spool.next_seq,
                None if waiting is None else waiting.from_ms, VERSION, "synced", self.who.sensors,
            )
        )  # fmt: skip

    def death(self, reason: str = "lost") -> bytes:
        """The last will, or a clean goodbye."""
        return status.encode(status.Death(self.who.node, self.who.session, reason))

    def due(self, now_s: float) -> list[Sealed]:
        """Batches to publish now."""
        return self.delivery.due(now_s) if self.spool.waiting else []

    def hear(self, payload: bytes, now_s: float) -> list[tuple[int, int]]:
        """An acknowledgement or hello: the sequences it releases, each with its code."""
        try:
            said = ack.decode(signed.open_sealed(names.ack(self.who.node), payload))
        except (signed.BadSignature, ack.BadAck):
            self.counts["ack_malformed"] += 1
            return []
        if isinstance(said, ack.Hello):
            self.delivery.on_hello(said, self.spool.next_seq, now_s, self.who.session)
            return []
        released = set(self.delivery.on_ack(said, now_s))
        return [(verdict.seq, verdict.code) for verdict in said.verdicts if verdict.seq in released]
