"""Alerting: the rules look at what is in the database; what they say is kept, told and shown.

State, decision and telling are three things: the engine moves states, this module commits state, history and outbox in
one transaction, the notifier tells. A stored point and a retained message follow each change.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from collector.inventory import expected
from collector.notifier import Notifier
from collector.registry import Node
from collector.rules.engine import Engine
from collector.rules.rule import BadRules, Rule, parse
from collector.rules.transition import Series, Transition
from collector.stores.store import Store, Stored, Table
from collector.web.site import AlertView
from device_profiles.catalogue import load as load_catalogue
from device_profiles.strict_yaml import NotUsable, Problem, read
from wire import names, strictjson
from wire.quantities import QUANTITIES

log = logging.getLogger("lamppost.alerts")

SHOWN_AFTER_MS = 24 * 3600 * 1000
MEASUREMENT = "alerts"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rule_state (series TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transition (id INTEGER PRIMARY KEY, fingerprint TEXT, dedup_key TEXT, state TEXT,
    event_ms INTEGER, told_ms INTEGER, body TEXT, stored INTEGER DEFAULT 0, UNIQUE (dedup_key, state, event_ms));
CREATE INDEX IF NOT EXISTS transition_unstored ON transition (id) WHERE stored = 0;
"""


class Change(NamedTuple):
    """An alert whose retained message must be renewed."""

    fingerprint: str
    topic: str
    body: bytes


def load_rules(files: Iterable[Path]) -> list[Rule]:
    """Rules of all files, in order. Raises NotUsable with file and line, OSError as it comes."""
    rules: list[Rule] = []
    for file in files:
        document = read(file)
        try:
            rules += parse(document.data, str(file), document.line)
        except BadRules as bad:
            raise NotUsable([Problem(str(file), 1, "", line) for line in bad.problems]) from bad
    return rules


class Alerting:
    """All rules of one collector. Used by the ingest thread; `current` may be read from any."""

    def __init__(
        self, rules: list[Rule], db: sqlite3.Connection, store: Store, notifier: Notifier, now_ms: int
    ) -> None:
        self.rules = rules
        self._db = db
        self._store = store
        self._notifier = notifier
        self._catalogue = load_catalogue()
        db.executescript(_SCHEMA)
        snapshot = {series: json.loads(body) for series, body in db.execute("SELECT series, body FROM rule_state")}
        self._engine = Engine.restore(rules, snapshot, (), now_ms)
        self._episodes: dict[str, Transition] = {}
        for (body,) in db.execute(
            "SELECT body FROM transition WHERE told_ms > ? ORDER BY id", (now_ms - SHOWN_AFTER_MS,)
        ):
            self._remember(Transition.read(json.loads(body)))
        self._shown: tuple[AlertView, ...] = self._views()

    def observe(self, tables: list[Table], now_ms: int) -> None:
        """Look at rows that are in the database."""
        for table in tables:
            self._engine.observe(Series.of(table.measurement, dict(table.tags)), table.times_ms, table.columns, now_ms)

    def node_state(self, node: str, online: bool, now_ms: int) -> None:
        """A node's link went up or down."""
        self._engine.node_state(node, online, now_ms)

    def expect(self, nodes: list[Node], now_ms: int) -> None:
        """The nodes have announced these sensors: who is silent is missed."""
        self._engine.expect(expected(nodes, self._catalogue), now_ms)

    def tick(self, now_ms: int) -> list[Change]:
        """Commit what the rules have said since the last call; returns the alerts that moved."""
        said = self._engine.tick(now_ms)
        touched = self._engine.changes()
        if said or touched:
            self._commit(said, touched, now_ms)
        changes = []
        for transition in said:
            log.warning("%s %s %s", transition.state, transition.key, transition.text_en)
            self._remember(transition)
            if not transition.late:
                changes.append(_change(transition, now_ms))
        self._shown = self._views()
        self._store_points()
        return changes

    def current(self) -> list[AlertView]:
        """Pending and firing alerts, and those resolved within a day."""
        return list(self._shown)

    def _commit(self, said: list[Transition], touched: dict[str, object], now_ms: int) -> None:
        """State, history and outbox in one transaction: a change is told, or it has not happened."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT OR REPLACE INTO rule_state VALUES (?, ?)",
            [(series, json.dumps(body, separators=(",", ":"))) for series, body in touched.items()],
        )
        for each in said:
            body = json.dumps(each.as_json(), ensure_ascii=False)
            self._db.execute(
                "INSERT OR IGNORE INTO transition (fingerprint, dedup_key, state, event_ms, told_ms, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (each.fingerprint, each.key, each.state, each.event_ms, now_ms, body),
            )
            if not each.late:
                self._notifier.enqueue(
                    list(each.notify), each.fingerprint, f"{each.key}|{each.state}", _message(each), now_ms
                )
        self._db.execute("COMMIT")

    def _store_points(self) -> None:
        """Every transition becomes a point; one that the database would not take now is tried again."""
        waiting = self._db.execute("SELECT id, body FROM transition WHERE stored = 0 ORDER BY id LIMIT 500").fetchall()
        if not waiting:
            return
        rows = [
            row
            for number, body in waiting
            for row in self._store.render(_point(Transition.read(json.loads(body)), number))
        ]
        if isinstance(self._store.write(rows), Stored):
            self._db.execute("UPDATE transition SET stored = 1 WHERE id <= ? AND stored = 0", (waiting[-1][0],))

    def _remember(self, transition: Transition) -> None:
        if transition.late:
            return
        if transition.void:
            self._episodes.pop(transition.fingerprint, None)
        else:
            self._episodes[transition.fingerprint] = transition

    def _views(self) -> tuple[AlertView, ...]:
        told = {each.key: _told_view(each) for each in self._episodes.values()}
        pending = [
            _pending_view(alert.rule, alert.series, alert.start_ms, alert.value)
            for alert in self._engine.alerts()
            if alert.state == "pending"
        ]
        order = {"firing": 0, "pending": 1, "resolved": 2}
        return tuple(sorted([*told.values(), *pending], key=lambda view: (order[view.state], -view.since_ms)))


def _change(transition: Transition, now_ms: int) -> Change:
    site = transition.labels.get("site") or "none"
    body = strictjson.dumps({"v": 1, "at": now_ms, **_message(transition)})
    return Change(transition.fingerprint, names.alert(site, transition.fingerprint), body)


def _message(transition: Transition) -> dict[str, object]:
    """What is told of a transition, to machines and people."""
    return {
        "alert": transition.rule,
        "state": transition.state,
        "severity": transition.severity,
        "fingerprint": transition.fingerprint,
        "key": transition.key,
        "labels": transition.labels,
        "value": transition.value,
        "limit": transition.limit,
        "since_ms": transition.start_ms,
        "event_ms": transition.event_ms,
        "reason": transition.reason,
        "text": {"zh": transition.text_zh, "en": transition.text_en},
    }


def _point(transition: Transition, number: int) -> Table:
    """A transition as a point, at a place of its own within its millisecond."""
    labels = transition.labels
    tags = {
        "site": labels.get("site", ""),
        "rule": transition.rule,
        "severity": transition.severity,
        "fingerprint": transition.fingerprint,
    }
    columns: dict[str, list[Any]] = {
        "state": [transition.state],
        "value": [transition.value],
        "threshold": [transition.limit],
        "node": [labels.get("node")],
        "sensor": [labels.get("sensor")],
        "dedup_key": [transition.key],
        "late": [int(transition.late)],
    }
    return Table(
        MEASUREMENT, tuple(sorted(tags.items())), [transition.event_ms], columns, frozenset({"late"}), number % 10**6
    )


def _told_view(told: Transition) -> AlertView:
    return AlertView(
        fingerprint=told.fingerprint,
        state="resolved" if told.state == "resolved" else "firing",
        severity=told.severity,
        rule=told.rule,
        text_zh=told.text_zh,
        text_en=told.text_en,
        node=told.labels.get("node", ""),
        since_ms=told.event_ms,
        value=told.value,
    )


def _pending_view(rule: Rule, series: Series, start_ms: int, value: float | None) -> AlertView:
    quantity = rule.spec.quantity if rule.spec is not None else None
    unit = QUANTITIES[quantity].unit if quantity in QUANTITIES else ""
    return AlertView(
        fingerprint=f"pending-{rule.alert}-{series}",
        state="pending",
        severity=rule.severity,
        rule=rule.alert,
        text_zh=rule.text.zh,
        text_en=rule.text.en,
        node=series.node,
        since_ms=start_ms,
        quantity=quantity,
        value=value,
        unit=unit,
    )
