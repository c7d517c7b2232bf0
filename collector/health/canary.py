"""The canary: a reading of our own, sent as a node sends, that must come back out of the database.

    birth, batch ==MQTT==> ingest > store > query: is it there? --yes--> heartbeat, which somebody outside misses

It takes the whole way that readings take: broker, collector, database, query. Only after a good round is the heartbeat
address called, so whoever waits for it outside notices when anything on that way is dead, this program included.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any, Final

import paho.mqtt.client as paho

from collector.alerts.settings import CanarySettings
from collector.broker.mqtt import KEEPALIVE_S, make_client
from collector.clock import wall_ms
from collector.config import CANARY, Config
from collector.notify.addresses import Forbidden, Inner
from collector.notify.post import request, trouble
from collector.stores.store import Select, Store, StoreDown
from common.settings import BrokerAddress, broker_address
from wire import batch, names, status
from wire.breakdown import place_of

SITE: Final = "canary"
FIELD: Final = "load_1m"
LOOK_EVERY_S: Final = 0.5
BACK_WITHIN_S: Final = 30.0
NOT_BACK: Final = "it did not come back"


class Canary:
    """Makes its rounds in a thread of its own. `wrong` says why the last round failed, None when it did not."""

    def __init__(
        self,
        name: str,
        broker: BrokerAddress,
        store: Store,
        wants: CanarySettings,
        version: str,
        trouble: Callable[[], str | None],
        inner: Inner,
    ) -> None:
        self.node = f"{CANARY}{name}"
        self.wrong: str | None = None
        self._store = store
        self._wants = wants
        self._inner = inner
        self._version = version
        self._trouble = trouble  # what else keeps the collector from telling people
        self._spool, self._session = secrets.token_hex(16), secrets.token_hex(8)
        self._seq = 0
        self._refused: str | None = None  # what the broker says of its messages, where that is no
        self._ending = threading.Event()
        self._client = self._make_client(broker)
        self._addresses = cycle(broker.addresses())
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    def start(self) -> None:
        """Begin to sing."""
        self._aim()
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while not self._ending.is_set():
            began_s = time.monotonic()
            self.wrong = self._round()
            self._ending.wait(max(0.1, self._wants.every / 1000 - (time.monotonic() - began_s)))

    def _round(self) -> str | None:
        """All the way and back, and a heartbeat; why not, when it was not."""
        try:
            return self._sing() or self._trouble() or self._heartbeat()
        except Exception as error:  # noqa: BLE001 - dead without a word it would be taken for well
            file, line = place_of(error)
            return f"it breaks: {type(error).__name__} at {file}:{line}: {error}"

    def _sing(self) -> str | None:
        """Send one reading and wait for it to be in the database; why not, when it is not."""
        at_ms = wall_ms()
        self._seq += 1
        block = batch.Block("node", "node_health", [at_ms], {FIELD: [float(self._seq % 1000)]})
        boot = self._session
        body = batch.encode(
            node=self.node, site=SITE, spool=self._spool, seq=self._seq, boot=boot, clock="synced", blocks=[block]
        )
        until_s, sent_s, trouble = time.monotonic() + BACK_WITHIN_S, 0.0, NOT_BACK
        while time.monotonic() < until_s and not self._ending.is_set():
            if not self._client.is_connected():
                trouble = "the broker does not answer"
            elif time.monotonic() - sent_s > BACK_WITHIN_S / 5:
                sent_s, trouble = time.monotonic(), self._refused or NOT_BACK
                self._client.publish(names.data(self.node), body, 1)
            try:
                if self._is_back(at_ms):
                    return None
            except StoreDown as error:
                trouble = f"the database does not answer: {error}"
            self._ending.wait(LOOK_EVERY_S)
        return None if self._ending.is_set() else trouble

    def _is_back(self, at_ms: int) -> bool:
        question = Select("node_health", (FIELD,), at_ms, at_ms + 1, {"node": self.node})
        return any(series.rows for series in self._store.select(question))

    def _heartbeat(self) -> str | None:
        import urllib3

        if self._wants.heartbeat is None:
            return None
        try:
            answer = request("GET", self._wants.heartbeat, None, {}, inner=self._inner)
        except (Forbidden, OSError, urllib3.exceptions.HTTPError) as error:
            return f"the heartbeat address does not answer: {trouble(error).why}"
        return None if 200 <= answer.status < 300 else f"the heartbeat address says HTTP {answer.status}"

    def _make_client(self, broker: BrokerAddress) -> paho.Client:
        client = make_client(broker, f"{self.node}-{self._session}")  # which nobody can guess, and push out
        death = status.Death(self.node, self._session, "lost")
        client.will_set(names.status(self.node), status.encode(death), 1, True)
        client.reconnect_delay_set(1, 15)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_connect_fail = client.on_disconnect = self._aim
        return client

    def _aim(self, *_: Any) -> None:
        """The next attempt goes to the next node of a cluster; with one address there is always the same."""
        if not self._ending.is_set():
            self._client.connect_async(*next(self._addresses), KEEPALIVE_S)

    def _on_connect(self, client: paho.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if not reason.is_failure:
            self._refused = None
            birth = status.Birth(
                self.node, SITE, self._session, (self._spool,), self._seq + 1, None, self._version, "synced"
            )
            client.publish(names.status(self.node), status.encode(birth), 1, True)

    def _on_publish(self, _: paho.Client, __: Any, ___: int, reason: Any, ____: Any) -> None:
        if reason.is_failure:
            cure = "`lamppost collector init --new-broker-rules`, where mosquitto has those of an earlier version"
            self._refused = f"the broker does not let it speak ({reason}). Cure: {cure}"


def make_canary(config: Config, store: Store, version: str, trouble: Callable[[], str | None]) -> Canary | None:
    """The canary that the settings want, if they do."""
    wants = config.alerts.canary
    if wants is None:
        return None
    broker, inner = broker_address(config.broker), Inner(config.alerts.inner)
    return Canary(config.name, broker, store, wants, version, trouble, inner)
