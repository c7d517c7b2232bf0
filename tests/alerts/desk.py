"""One collector's alerting over a store, on a clock of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.alerts.alerting import Alerting, Telling
from collector.delivery.registry import Node
from collector.files.statedb import open_state
from collector.rules.outbox import Route
from collector.rules.parsing import parse
from collector.rules.policy import Policy
from collector.rules.rule import Rule
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from collector.web.desk.file import DeskFile
from tests.stored import rows
from wire.status import Birth, Sensor

T0 = 1_790_000_000_000

TEXT = {"zh": "过高", "en": "too high"}

HIGH: dict[str, Any] = {
    "alert": "pm25-high",
    "kind": "air_quality",
    "window": {"last": "pm25_ugm3"},
    "raise": "> 75",
    "clear": "< 60",
    "text": TEXT,
}

HOURLY = HIGH | {"alert": "pm25-hourly", "window": {"mean": "pm25_ugm3", "over": "1h"}, "for": "10m"}

SILENT = {"alert": "silent", "kind": "air_quality", "absent": "10m", "text": TEXT}

OFFLINE = {"alert": "offline", "kind": "node_health", "offline": "5m", "text": TEXT}

TAGS = (("node", "lp-1"), ("sensor", "air-1"), ("site", "east"))


def node(online: bool = True) -> Node:
    sensors = (Sensor("air-1", "plantower-pms5003@1"),)
    return Node(Birth("lp-1", "east", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced", sensors), online, T0)


class Desk:
    """One collector's alerting over a store; `die` and it is made anew from its files, as after kill -9."""

    def __init__(self, folder: Path, *rules: dict[str, Any], name: str = "c1", store: Sqlite | None = None) -> None:
        self.folder, self.name = folder, name
        self.rules: list[Rule] = parse(list(rules))
        self.store = store or Sqlite(folder / "readings.db")
        self.store.prepare()
        self.now_ms = T0
        self.told: list[tuple[str, list[tuple[str, str]]]] = []
        self.retained: dict[str, bytes] = {}
        self.nodes: list[Node] = []
        self.make()

    def make(self) -> None:
        self.state = open_state(self.folder / f"{self.name}.db")
        self.state.execute("PRAGMA synchronous=OFF")
        telling = Telling(Policy(receivers=("hook",)), {"hook": Route("hook")})
        self.trail = DeskFile(self.folder / f"{self.name}-desk.db")
        self.alerting = Alerting(self.rules, self.state, self.store, telling, self.nodes, self.now_ms, self.trail, {})
        self.alerting._tell_book._db.execute("PRAGMA synchronous=OFF")

    def die(self) -> None:
        self._let_go()
        self.make()

    def end(self) -> None:
        """End as a service does, and begin anew."""
        self.alerting.close()
        self.state.close()
        self.make()

    def close(self) -> None:
        self._let_go()
        self.store.close()

    def _let_go(self) -> None:
        self.state.close()
        self.alerting._tell_book.close()
        self.trail.close()

    def store_rows(self, times: list[int], values: list[float], seen: bool = True) -> None:
        """Rows reach the database, and the rules unless the collector dies in between."""
        table = Table("air_quality", TAGS, times, {"pm25_ugm3": values})
        self.store.write(self.store.render(table))
        if seen:
            self.alerting.watch.observe([table], self.now_ms)

    def reading(self, value: float, seen: bool = True) -> None:
        self.store_rows([self.now_ms], [value], seen)

    def tick(self) -> None:
        for change in self.alerting.tick(self.now_ms):
            if change.body:
                self.retained[change.topic] = change.body
            else:
                self.retained.pop(change.topic, None)
        for delivery in self.alerting.outbox.due(self.now_ms):
            lines = [(state, alert["key"]) for state, alert in delivery.body["lines"]]
            self.told.append((delivery.key, lines))
            self.alerting.outbox.succeeded(delivery.name, self.now_ms)
            self.alerting.save_outbox(*self.alerting.outbox.changes())

    def wait(self, span_ms: int, step_ms: int = 10_000) -> None:
        until_ms = self.now_ms + span_ms
        while self.now_ms < until_ms:
            self.now_ms += step_ms
            self.tick()

    def points(self) -> list[tuple[str, int]]:
        """State and lateness of every stored transition."""
        return [(state, late) for _, state, late in rows(self.store, "alerts", "state", "late")]
