"""What a collector remembers of its alerts, in the state file: rules, history, desk, outbox, deeds, requests.

The thread that decides commits everything that one step changed in one transaction. The tellers commit outcomes over a
connection of their own.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, NamedTuple

from collector.files.sqlite_file import connect
from collector.files.statedb import transaction
from collector.rules.deed import Deed
from collector.rules.outbox import Attempt, Delivery
from collector.rules.transition import Transition
from wire.times import DAY_MS

DELIVERED_KEPT_MS: Final = 30 * DAY_MS
HISTORY_KEPT_MS: Final = 400 * DAY_MS
"""Here; and so far back the database is asked what still stands."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rule_state (series TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_transition (id INTEGER PRIMARY KEY, fingerprint TEXT, dedup_key TEXT, state TEXT,
    event_ms INTEGER, at_ms INTEGER, late INTEGER, body TEXT, stored INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS alert_transition_of ON alert_transition (dedup_key, state, event_ms);
CREATE INDEX IF NOT EXISTS alert_transition_at ON alert_transition (at_ms);
CREATE INDEX IF NOT EXISTS alert_transition_unstored ON alert_transition (id) WHERE stored = 0;
CREATE TABLE IF NOT EXISTS desk_state (name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (name TEXT PRIMARY KEY, state TEXT, made_ms INTEGER, body TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_made ON delivery (made_ms);
CREATE TABLE IF NOT EXISTS attempt (id INTEGER PRIMARY KEY, at_ms INTEGER, channel TEXT, key TEXT, outcome TEXT,
    why TEXT);
CREATE INDEX IF NOT EXISTS attempt_of ON attempt (key);
CREATE TABLE IF NOT EXISTS deed (id INTEGER PRIMARY KEY, at_ms INTEGER, who TEXT, what TEXT, about TEXT, note TEXT,
    trailed INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS deed_untrailed ON deed (id) WHERE trailed = 0;
CREATE TABLE IF NOT EXISTS retained_alert (topic TEXT PRIMARY KEY, body TEXT, clear_ms INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_request (id INTEGER PRIMARY KEY, at_ms INTEGER, verb TEXT, body TEXT, answer TEXT);
CREATE INDEX IF NOT EXISTS alert_request_open ON alert_request (id) WHERE answer IS NULL;
CREATE TABLE IF NOT EXISTS grant_secret (secret BLOB);
"""


class Happened(NamedTuple):
    """A transition as it was written down."""

    id: int
    at_ms: int
    transition: Transition


class Book:
    """The tables. One thread per Book."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(_SCHEMA)

    @classmethod
    def open(cls, path: Path) -> Book:
        """The book of a state file, over a connection of its own. Raises sqlite3.Error."""
        db = connect(path, "rw")
        try:
            db.execute("PRAGMA synchronous=FULL")
            return cls(db)
        except sqlite3.Error:
            db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def commit(self) -> AbstractContextManager[None]:
        """Everything written inside is on disk when it ends, or none of it. Raises sqlite3.Error."""
        return transaction(self._db)

    # Rules and their history

    def save_rules(self, changes: dict[str, Any]) -> None:
        """Entries of the engine's snapshot; None takes one out."""
        self._save("rule_state", "series", changes)

    def rules(self) -> dict[str, Any]:
        """The engine's snapshot as far as it was saved."""
        return self._saved("rule_state")

    def is_known(self, each: Transition) -> bool:
        """Whether this very change was written down before."""
        row = self._db.execute(
            "SELECT 1 FROM alert_transition WHERE dedup_key = ? AND state = ? AND event_ms = ? AND late <= ? LIMIT 1",
            (each.key, each.state, each.event_ms, each.late),
        ).fetchone()
        return row is not None

    def add_transition(self, each: Transition, at_ms: int) -> None:
        """One more line of history."""
        self._db.execute(
            "INSERT INTO alert_transition (fingerprint, dedup_key, state, event_ms, at_ms, late, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (each.fingerprint, each.key, each.state, each.event_ms, at_ms, each.late, _text(each.as_json())),
        )

    def transitions(self, since_ms: int, fingerprint: str | None = None, limit: int = 10_000) -> list[Happened]:
        """What happened (to one alert) since then, oldest first; of too many the newest."""
        where, values = ("AND fingerprint = ?", (fingerprint,)) if fingerprint else ("", ())
        rows = self._db.execute(
            f"SELECT id, at_ms, body FROM alert_transition WHERE at_ms >= ? {where} ORDER BY id DESC LIMIT ?",
            (since_ms, *values, limit),
        ).fetchall()
        return [Happened(number, at_ms, Transition.read(json.loads(body))) for number, at_ms, body in reversed(rows)]

    def fingerprints(self, beginning: str) -> list[str]:
        """The alerts whose fingerprint begins so; at most a handful."""
        rows = self._db.execute(
            "SELECT DISTINCT fingerprint FROM alert_transition WHERE substr(fingerprint, 1, ?) = ? LIMIT 5",
            (len(beginning), beginning),
        )
        return [name for (name,) in rows]

    def unstored(self, limit: int = 500) -> list[Happened]:
        """Transitions that the database does not have yet."""
        rows = self._db.execute(
            "SELECT id, at_ms, body FROM alert_transition WHERE stored = 0 ORDER BY id LIMIT ?", (limit,)
        ).fetchall()
        return [Happened(number, at_ms, Transition.read(json.loads(body))) for number, at_ms, body in rows]

    def stored(self, until_id: int) -> None:
        """The database has these now."""
        self._db.execute("UPDATE alert_transition SET stored = 1 WHERE stored = 0 AND id <= ?", (until_id,))

    def store_again(self, since_ms: int, until_ms: int) -> int:
        """The database is to get what was said in this span once more; how many transitions that is."""
        return self._db.execute(
            "UPDATE alert_transition SET stored = 0 WHERE at_ms >= ? AND at_ms < ?", (since_ms, until_ms)
        ).rowcount

    # The desk

    def save_desk(self, changes: dict[str, Any]) -> None:
        """Entries of the desk; None takes one out."""
        self._save("desk_state", "name", changes)

    def desk(self) -> dict[str, Any]:
        """The desk as it was saved."""
        return self._saved("desk_state")

    def _save(self, table: str, key: str, changes: dict[str, Any]) -> None:
        gone = [(name,) for name, body in changes.items() if body is None]
        kept = [(name, _text(body)) for name, body in changes.items() if body is not None]
        self._db.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)
        self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", kept)

    def _saved(self, table: str) -> dict[str, Any]:
        return {name: json.loads(body) for name, body in self._db.execute(f"SELECT * FROM {table}")}

    def add_deeds(self, deeds: Iterable[Deed]) -> None:
        """Lines of the audit trail."""
        self._db.executemany("INSERT INTO deed (at_ms, who, what, about, note) VALUES (?, ?, ?, ?, ?)", deeds)

    def deeds(self, about: str | None = None, limit: int = 200) -> list[Deed]:
        """The newest lines of the audit trail (about one alert), newest first."""
        where, values = ("WHERE instr(about, ?)", (about,)) if about else ("", ())
        rows = self._db.execute(
            f"SELECT at_ms, who, what, about, note FROM deed {where} ORDER BY id DESC LIMIT ?", (*values, limit)
        )
        return [Deed(*row) for row in rows]

    def untrailed(self) -> list[tuple[int, Deed]]:
        """Deeds that the audit trail does not have yet."""
        rows = self._db.execute(
            "SELECT id, at_ms, who, what, about, note FROM deed WHERE trailed = 0 ORDER BY id LIMIT 500"
        )
        return [(number, Deed(*rest)) for number, *rest in rows]

    def trailed(self, until_id: int) -> None:
        """The audit trail has these now."""
        self._db.execute("UPDATE deed SET trailed = 1 WHERE trailed = 0 AND id <= ?", (until_id,))

    # The outbox

    def save_outbox(self, deliveries: Iterable[Delivery], attempts: Iterable[Attempt]) -> None:
        """Deliveries as they are now, and lines of the log."""
        rows = [(each.name, each.state, each.made_ms, _text(each.as_json())) for each in deliveries]
        self._db.executemany("INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO attempt (at_ms, channel, key, outcome, why) VALUES (?, ?, ?, ?, ?)", attempts)

    def outbox(self, since_ms: int) -> list[Delivery]:
        """Deliveries that are not done, and those made since then."""
        rows = self._db.execute(
            "SELECT body FROM delivery WHERE state NOT IN ('delivered', 'dead') OR made_ms >= ?", (since_ms,)
        )
        return [Delivery(**json.loads(body)) for (body,) in rows]

    def buried(self, name: str) -> Delivery | None:
        """A dead letter."""
        row = self._db.execute("SELECT body FROM delivery WHERE name = ? AND state = 'dead'", (name,)).fetchone()
        return None if row is None else Delivery(**json.loads(row[0]))

    def deliveries(self, fingerprint: str | None = None, state: str | None = None, limit: int = 200) -> list[Delivery]:
        """The newest deliveries (that told of one alert, that are in one state), newest first."""
        where, values = ("WHERE instr(body, ?)", (fingerprint,)) if fingerprint else ("", ())
        if state is not None:
            where, values = f"{where} AND state = ?" if where else "WHERE state = ?", (*values, state)
        rows = self._db.execute(
            f"SELECT body FROM delivery {where} ORDER BY made_ms DESC LIMIT ?", (*values, limit)
        ).fetchall()
        return [Delivery(**json.loads(body)) for (body,) in rows]

    def attempts(self, key: str, channel: str, limit: int = 50) -> list[Attempt]:
        """The log of one delivery, newest first."""
        rows = self._db.execute(
            "SELECT at_ms, channel, key, outcome, why FROM attempt WHERE key = ? AND channel = ?"
            " ORDER BY id DESC LIMIT ?",
            (key, channel, limit),
        )
        return [Attempt(*row) for row in rows]

    def forget(self, now_ms: int) -> None:
        """Let go of what nobody asks for any more."""
        self._db.execute(
            "DELETE FROM delivery WHERE state = 'delivered' AND made_ms < ?", (now_ms - DELIVERED_KEPT_MS,)
        )
        self._db.execute("DELETE FROM delivery WHERE made_ms < ?", (now_ms - HISTORY_KEPT_MS,))
        self._db.execute("DELETE FROM attempt WHERE at_ms < ?", (now_ms - DELIVERED_KEPT_MS,))
        self._db.execute("DELETE FROM alert_request WHERE at_ms < ?", (now_ms - DAY_MS,))
        self._db.execute("DELETE FROM alert_transition WHERE stored = 1 AND at_ms < ?", (now_ms - HISTORY_KEPT_MS,))

    def grant_secret(self) -> bytes:
        """The secret that signs the links in messages; made when it is first asked for."""
        with self.commit():
            row = self._db.execute("SELECT secret FROM grant_secret").fetchone()
            if row is None:
                row = (secrets.token_bytes(32),)
                self._db.execute("INSERT INTO grant_secret VALUES (?)", row)
        return bytes(row[0])

    # Retained messages

    def save_retained(self, changes: dict[str, tuple[str, int | None] | None]) -> None:
        """What the broker is to keep, by topic, and until when; None: no longer."""
        for topic, kept in changes.items():
            if kept is None:
                self._db.execute("DELETE FROM retained_alert WHERE topic = ?", (topic,))
            else:
                self._db.execute("INSERT OR REPLACE INTO retained_alert VALUES (?, ?, ?)", (topic, *kept))

    def retained(self) -> dict[str, tuple[str, int | None]]:
        """What the broker is to keep, by topic, and until when."""
        rows = self._db.execute("SELECT topic, body, clear_ms FROM retained_alert")
        return {topic: (body, clear_ms) for topic, body, clear_ms in rows}

    # Requests: how the command line asks the running collector

    def ask(self, verb: str, body: dict[str, Any], now_ms: int) -> int:
        """Put a question to the collector; its number."""
        cursor = self._db.execute(
            "INSERT INTO alert_request (at_ms, verb, body) VALUES (?, ?, ?)", (now_ms, verb, _text(body))
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def answer_to(self, number: int) -> dict[str, Any] | None:
        """The answer, when there is one."""
        row = self._db.execute("SELECT answer FROM alert_request WHERE id = ?", (number,)).fetchone()
        found: dict[str, Any] | None = None if row is None or row[0] is None else json.loads(row[0])
        return found

    def withdraw(self, number: int) -> bool:
        """Take a question back; False when it was answered meanwhile."""
        return self._db.execute("DELETE FROM alert_request WHERE id = ? AND answer IS NULL", (number,)).rowcount == 1

    def asked(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Questions that wait."""
        rows = self._db.execute("SELECT id, verb, body FROM alert_request WHERE answer IS NULL ORDER BY id LIMIT 100")
        return [(number, verb, json.loads(body)) for number, verb, body in rows]

    def answer(self, number: int, said: dict[str, Any]) -> None:
        """Answer a question."""
        self._db.execute("UPDATE alert_request SET answer = ? WHERE id = ?", (_text(said), number))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
