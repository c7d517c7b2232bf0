"""Notifications: a durable outbox, told by one thread, retried until told.

A notification is written in the transaction that moves the alert, and leaves the outbox only when its channel said 2xx.
Within one channel the messages of one alert go in order: the second waits for the first. After 24 hours of trying it is
kept as undelivered, where people can see it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
import threading
import time
from typing import Any, NamedTuple

log = logging.getLogger("lamppost.notifier")

RETRY_S = (1, 2, 5, 15, 60, 300, 900)
GIVE_UP_S = 24 * 3600
TIMEOUT_S = 10.0
IDLE_S = 1.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, channel TEXT, fingerprint TEXT, dedup_key TEXT, body TEXT,
    made_ms INTEGER, due_ms INTEGER, tries INTEGER DEFAULT 0, state TEXT DEFAULT 'waiting', answer TEXT,
    told_ms INTEGER, UNIQUE (channel, dedup_key));
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (due_ms) WHERE state = 'waiting';
"""
_DUE = """
SELECT id, channel, dedup_key, body, made_ms, tries FROM outbox AS o WHERE state = 'waiting' AND due_ms <= ?
AND NOT EXISTS (SELECT 1 FROM outbox AS e WHERE e.state = 'waiting' AND e.channel = o.channel
                AND e.fingerprint = o.fingerprint AND e.id < o.id) ORDER BY id LIMIT 20
"""


class Channel(NamedTuple):
    """A webhook: where to, and the secret that signs."""

    name: str
    url: str
    secret: str | None = None


class Notifier:
    """Tells what is in the outbox. `enqueue` belongs to the thread that owns `db`; `start` makes the telling thread."""

    def __init__(self, db: sqlite3.Connection, channels: list[Channel]) -> None:
        db.executescript(_SCHEMA)
        self._db = db
        self._path = db.execute("PRAGMA database_list").fetchone()[2]
        self._channels = {channel.name: channel for channel in channels}
        self._ending = threading.Event()
        self._work = threading.Event()
        self._thread: threading.Thread | None = None

    def enqueue(self, names: list[str], fingerprint: str, dedup_key: str, body: dict[str, Any], now_ms: int) -> None:
        """Put a notification into the outbox of every channel named (all, when none is); once per key and channel."""
        for name in names or self._channels:
            self._db.execute(
                "INSERT OR IGNORE INTO outbox (channel, fingerprint, dedup_key, body, made_ms, due_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, fingerprint, dedup_key, json.dumps(body, ensure_ascii=False), now_ms, now_ms),
            )
        self._work.set()

    def start(self) -> None:
        """Begin to tell."""
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the message at hand; the rest stays in the outbox."""
        self._ending.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_S + 5)

    def _run(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        try:
            while not self._ending.is_set():
                if not self.tell(db):
                    self._work.wait(IDLE_S)
                    self._work.clear()
        finally:
            db.close()

    def tell(self, db: sqlite3.Connection) -> int:
        """Try everything that is due once; returns how many were tried."""
        due = db.execute(_DUE, (_now_ms(),)).fetchall()
        for number, name, key, body, made_ms, tries in due:
            if self._ending.is_set():
                break
            answer = self._post(name, key, body)
            self._record(db, number, answer, made_ms, tries + 1)
        return len(due)

    def _post(self, name: str, key: str, body: str) -> str | None:
        """None when told, else what went wrong."""
        import urllib3

        channel = self._channels.get(name)
        if channel is None:
            return "no channel of this name is configured"
        headers = {"Content-Type": "application/json", "X-Lamppost-Key": key}
        data = body.encode()
        if channel.secret is not None:
            headers["X-Lamppost-Signature"] = (
                "sha256=" + hmac.new(channel.secret.encode(), data, hashlib.sha256).hexdigest()
            )
        try:
            answer = urllib3.request(
                "POST", channel.url, body=data, headers=headers, redirect=False, retries=False, timeout=TIMEOUT_S
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return str(error)[:300]
        html = answer.headers.get("Content-Type", "").startswith("text/html")
        if 200 <= answer.status < 300 and not html:  # a captive portal says 200 with a page
            return None
        return f"HTTP {answer.status}" + (" with a page: a captive portal?" if html else "")

    def _record(self, db: sqlite3.Connection, number: int, answer: str | None, made_ms: int, tries: int) -> None:
        now_ms = _now_ms()
        if answer is None:
            state, due_ms = "told", now_ms
        elif now_ms - made_ms > GIVE_UP_S * 1000:
            state, due_ms = "undelivered", now_ms
            log.error("notification %d was not delivered in 24 h: %s", number, answer)
        else:
            state, due_ms = "waiting", now_ms + RETRY_S[min(tries, len(RETRY_S)) - 1] * 1000
        db.execute(
            "UPDATE outbox SET state = ?, due_ms = ?, tries = ?, answer = ?, told_ms = ? WHERE id = ?",
            (state, due_ms, tries, answer, now_ms if answer is None else None, number),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
