"""The line: what takes batches, writes them, makes windows of them and answers.

A collector has one of its own. With workers (workers/) each of them has one, for its share of the nodes, and what the
collector has instead passes everything on: workers/pool.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.delivery import quick_json
from collector.delivery.ingest import Ingest
from collector.delivery.registry import Node
from collector.numbers.rollups import Rollups
from collector.pipeline import Intake, Windows, Writers
from wire import ack, names, signed
from wire.status import Birth

IDLE_S: Final = 0.2


class Line(Protocol):
    """What a collector asks of its line, wherever the work is done."""

    @property
    def ingest(self) -> Intake: ...

    @property
    def rollups(self) -> Windows: ...

    def start(self, wake: Callable[[], None]) -> None: ...

    def finish(self, until_s: float, step: Callable[[], None]) -> None: ...

    def stop(self) -> None: ...

    def hear(self, node: str, payload: bytes) -> None: ...

    def greet(self, births: Sequence[Birth], now_ms: int) -> None: ...

    def newly_served(self) -> Iterable[Node]: ...

    def answers(self, now_ms: int) -> Iterable[tuple[str, bytes]]: ...


class OwnLine:
    """The work is done here."""

    def __init__(self, pipeline: tuple[Ingest, Rollups], key: Ed25519PrivateKey | None) -> None:
        self.ingest, self.rollups = pipeline
        self._key = key
        self._answers: list[tuple[str, bytes]] = []
        self._writers: Writers | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Write in threads of their own from now on; `wake` is called when the store has answered one."""
        self._writers = Writers.of_line(self.ingest, self.rollups, wake)

    def finish(self, until_s: float, step: Callable[[], None]) -> None:
        """Let what is under way be answered, by rounds of the collector, until this monotonic second."""
        while self.ingest.is_writing() and time.monotonic() < until_s:
            self.ingest.wait(IDLE_S)
            step()

    def stop(self) -> None:
        """Let go of the threads."""
        if self._writers is not None:
            self._writers.stop()

    def hear(self, node: str, payload: bytes) -> None:
        """A birth or death that is obeyed: the registry, which has heard it, is the ingest's as well."""

    def greet(self, births: Sequence[Birth], now_ms: int) -> None:
        """Answer births with hellos: how far the spools of each are known."""
        self.ingest.known.learn([(birth.node, spool) for birth in births for spool in birth.spools])
        self._answers += [self._sealed(birth.node, self.ingest.hello(birth, now_ms)) for birth in births]

    def newly_served(self) -> Iterable[Node]:
        """The nodes whose share of the work has begun anew since the last call: none, it began with the collector."""
        return ()

    def answers(self, now_ms: int) -> list[tuple[str, bytes]]:
        """Topics and sealed payloads: what nodes are to hear since the last call."""
        hellos, self._answers = self._answers, []
        return hellos + [self._sealed(node, said) for node, said in self.ingest.acks(now_ms)]

    def _sealed(self, node: str, said: ack.Ack | ack.Hello) -> tuple[str, bytes]:
        topic = names.ack(node)
        return topic, signed.seal(topic, ack.encode(said, quick_json.dumps), self._key)
