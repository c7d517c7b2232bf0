"""The announcer: when the rules say what they have found, and what of it the broker and the pages hear."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.alerts.alerting import Alerting
from collector.alerts.retained import Change
from collector.alerts.self_watch import Wrong
from collector.broker.link import Link
from collector.broker.link_311 import Link311
from collector.health.mishaps import Mishaps
from collector.timers import Waits, passed
from wire import signed
from wire.collector_status import State

TICK_MS: Final = 500
TOLD_MS: Final = 100  # what is new is told by as many ticks: many small writes may not cost one each


class Announcer:
    """Call `tell` when it `is_due`, while this collector works."""

    def __init__(
        self,
        alerting: Alerting,
        link: Link | Link311,
        key: Ed25519PrivateKey | None,
        mishaps: Mishaps,
        on_event: Callable[[dict[str, object]], None],
    ) -> None:
        self._alerting, self._link, self._key = alerting, link, key
        self._mishaps, self._on_event = mishaps, on_event
        self._told_ms, self._untold = 0, False
        self._waits = Waits()
        self._connection: int | None = None

    def is_due(self, news: bool, now_ms: int) -> bool:
        """Whether the rules should be asked now. `news`: they have seen rows since the last call."""
        self._untold |= news
        return passed(now_ms, self._told_ms, TOLD_MS if self._untold else TICK_MS)

    def tell(self, wrong: Wrong, now_ms: int) -> None:
        """Let the rules say what they have found, and publish it. `wrong` is so with the collector itself."""
        self._told_ms, self._untold = now_ms, False
        self._alerting.own_state(self._link.connection is not None, wrong, now_ms)
        changes = self._tick(self._alerting.tick, now_ms)
        if self._link.connection not in (None, self._connection):
            self._connection = self._link.connection
            changes += self._alerting.reconnected()
        self._publish(changes)

    def rest(self, wrong: Wrong, state: State, now_ms: int) -> None:
        """Let a collector that does not work tell what is `wrong` with itself."""
        if self._waits.comes_round("rest", now_ms, TICK_MS):
            self._publish(self._tick(partial(self._alerting.rest, wrong, state), now_ms))

    def _publish(self, changes: list[Change]) -> None:
        for change in changes:
            body = signed.seal(change.topic, change.body, self._key) if change.body else b""
            self._link.publish(change.topic, body, retain=True)
            self._on_event({"type": "alert", "fingerprint": change.fingerprint})

    def _tick(self, tick: Callable[[int], list[Change]], now_ms: int) -> list[Change]:
        try:
            changes = tick(now_ms)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - readings go on, whatever a rule breaks
            self._mishaps.broken_by("a look at the rules", error)
            changes = []
        if self._alerting.trouble is not None:
            self._mishaps.state_failed(self._alerting.trouble)
        return changes
