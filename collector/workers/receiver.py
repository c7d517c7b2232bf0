"""The receiver: a collector whose batches are taken, checked, written and answered by workers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence

from collector.broker.link import ACK_EXPIRY_S
from collector.collector import Collector
from collector.config import Config
from collector.pipeline import Intake, Windows
from collector.workers.pool import WorkerPool
from wire import ack, names, signed, status


class Receiver(Collector):
    """Everything that exists once stays here: link, standby, registry, rules, desk. The rest is the pool's."""

    def __init__(
        self, config: Config, workers: int, on_event: Callable[[dict[str, object]], None], quiet: bool = False
    ) -> None:
        self._workers, self._quiet = workers, quiet
        super().__init__(config, on_event)

    def _make_pipeline(self, state: sqlite3.Connection) -> tuple[Intake, Windows]:  # noqa: ARG002
        self.pool = WorkerPool(self.config, self._workers, self.registry, self._wake, self._quiet)
        return self.pool, self.pool.windows

    def _begin_pipeline(self) -> None:
        self.pool.start()

    def _finish(self, until_s: float) -> None:
        self.pool.finish(until_s)
        self.step(time.time_ns() // 1_000_000)

    def _on_status(self, node: str, payload: bytes, now_ms: int) -> None:
        self.pool.hear(node, payload)
        super()._on_status(node, payload, now_ms)

    def _greet(self, births: Sequence[status.Birth], now_ms: int) -> None:  # noqa: ARG002
        for birth in births:
            self.pool.greet(birth)

    def _answer(self, now_ms: int) -> None:
        if self.standby.active:
            self._greet([node.birth for node in self.pool.newly_served() if node.online], now_ms)
        for topic, sealed in self.pool.answers():
            if not self._is_for_guest(topic, sealed):
                self.link.publish(topic, sealed, expiry_s=ACK_EXPIRY_S)

    def _is_for_guest(self, topic: str, sealed: bytes) -> bool:
        """Guests have no connection: what is said to them is handed over here."""
        address = names.address(topic)
        if address is None or not self.guests.knows(address.node):
            return False
        said = ack.decode(signed.open_sealed(topic, sealed))
        return isinstance(said, ack.Hello) or self.guests.answered(said)

    def _wake(self) -> None:
        self.link.wake()
