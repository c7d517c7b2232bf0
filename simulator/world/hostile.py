"""A hostile node: it has a place on the broker and sends whatever may hurt, on its own topics, as an ACL allows.

Nothing of it may be stored, nobody else's readings may suffer.
"""

from __future__ import annotations

import gzip
import random

from simulator.world.broker import Broker
from simulator.world.clock import Clock
from wire import batch, names, status

NAME = "mallory"
EVERY_MS = 4_000
BOMB = gzip.compress(b" " * (batch.OPEN_BYTES_MAX + 1), 9)


class Hostile:
    """Sends one bad thing after the other; what it has overheard (batches of others) it sends again as its own."""

    def __init__(self, clock: Clock, broker: Broker, rng: random.Random, victim: str) -> None:
        self.sent = 0
        self._broker, self._rng, self._victim = broker, rng, victim
        self._overheard = b""
        broker.connect("mallory-ears", lambda topic: topic == names.data(victim), self._hear, lambda: None)
        clock.every(EVERY_MS, self._strike)

    def _hear(self, message: object) -> None:
        self._overheard = message.payload  # type: ignore[attr-defined]

    def _strike(self) -> None:
        tricks = (self._noise, self._bomb, self._deep, self._forged, self._overheard_again, self._future, self._birth)
        payload = tricks[self.sent % len(tricks)]()
        self.sent += 1
        if payload:
            self._broker.publish(names.data(NAME), payload, retain=self.sent % 11 == 0)

    def _noise(self) -> bytes:
        return self._rng.randbytes(self._rng.randrange(1, 2000))

    def _bomb(self) -> bytes:
        return BOMB

    def _deep(self) -> bytes:
        return b"[" * 20_000

    def _forged(self) -> bytes:
        """The victim's name inside, its own topic outside."""
        block = batch.Block("air-1", "air_quality", [1_790_000_000_000], {"pm25_raw_ugm3": [999]})
        return batch.encode(
            node=self._victim, site="nowhere", spool="f" * 32, seq=self.sent + 1, boot="f" * 16, clock="synced",
            blocks=[block],
        )  # fmt: skip

    def _overheard_again(self) -> bytes:
        return self._overheard

    def _future(self) -> bytes:
        return b'{"v":99,"spool":"' + b"e" * 32 + b'","seq":1}'

    def _birth(self) -> bytes:
        """A birth that names the victim, on its own topic, and one that is no birth at all."""
        birth = status.Birth(self._victim, "nowhere", "f" * 16, ("f" * 32,), 1, None, "evil", "synced")
        self._broker.publish(names.status(NAME), status.encode(birth), retain=True)
        self._broker.publish(names.status(NAME), b'{"v":1,"state":"online"', retain=True)
        return b""
