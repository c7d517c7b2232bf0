"""The stations as the office has them: the roster, and every version of settings that was sent to one."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import NamedTuple

from collector.config import Config
from collector.delivery.registry import Registry
from collector.identity.book import Book
from collector.stations.names import names_of
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from wire.times import MINUTE_MS

STALE_MS = 10 * MINUTE_MS
SCHEMA = """
CREATE TABLE IF NOT EXISTS config_version (node TEXT, version INTEGER, at_ms INTEGER, who TEXT, digest TEXT, body TEXT,
    outcome TEXT, PRIMARY KEY (node, version)) WITHOUT ROWID;
"""


class Version(NamedTuple):
    """One version of a node's settings: when, by whom, and what became of it."""

    version: int
    at_ms: int
    who: str
    digest: str
    outcome: str


class Listed(NamedTuple):
    """A station in the list. `state` is its enrolment (none: it came without one), or retired, of one that was put out
    or taken down: its link is none of ours. `online` None: never heard of.
    """

    node: str
    state: str
    expires_ms: int | None
    online: bool | None
    since_ms: int | None
    oldest_ms: int | None
    site: str | None
    version: str | None
    zh: str
    en: str

    def is_stale(self, now_ms: int) -> bool:
        """True when somebody should look: the link is down, or readings have waited for long."""
        waits = self.oldest_ms is not None and now_ms - self.oldest_ms > STALE_MS
        return self.state != "retired" and (not self.online or waits)


def roster(db: sqlite3.Connection, settings: Config) -> list[Listed]:
    """Every station that was enrolled or has said who it is, by name."""
    heard = {known.birth.node: known for known in Registry(db).nodes()}
    with closing(DeskFile(settings.desk_file)) as file:
        enrolled, out = {station.node: station for station in Book(file).stations()}, Reports(file).retired()
    names, found = names_of(db, settings), []
    for node in sorted(heard.keys() | enrolled.keys()):
        known, entry = heard.get(node), enrolled.get(node)
        zh, en = names.get(node, ("", ""))
        birth = known.birth if known is not None else None
        found.append(
            Listed(
                node=node,
                state="retired" if node in out else entry.state if entry is not None else "none",
                expires_ms=entry.expires_ms if entry is not None else None,
                online=known.online and node not in out if known is not None else None,
                since_ms=known.since_ms if known is not None and node not in out else None,
                oldest_ms=birth.oldest_ms if birth is not None else None,
                site=birth.site if birth is not None else None,
                version=birth.version if birth is not None else None,
                zh=zh,
                en=en,
            )
        )
    return found


def is_retired(settings: Config, node: str) -> bool:
    """Whether a station, or a collector, was put out or taken down: what its broker last said of it does not count."""
    if not settings.desk_file.exists():
        return False
    with closing(DeskFile(settings.desk_file)) as file:
        return node in Reports(file).retired()


def note(settings: Config, who: str, what: str, about: str, now_ms: int) -> None:
    """A line in the city's one trail of who did what."""
    with closing(DeskFile(settings.desk_file)) as file:
        file.note(who, what, about, now_ms)


def begin_version(db: sqlite3.Connection, node: str, text: str, who: str, now_ms: int) -> int:
    """Write down settings about to be sent; returns their number."""
    db.executescript(SCHEMA)
    digest = hashlib.sha256(text.encode()).digest()[:16].hex()
    db.execute("BEGIN IMMEDIATE")
    (last,) = db.execute("SELECT coalesce(max(version), 0) FROM config_version WHERE node = ?", (node,)).fetchone()
    db.execute(
        "INSERT INTO config_version VALUES (?, ?, ?, ?, ?, ?, 'sent')", (node, last + 1, now_ms, who, digest, text)
    )
    db.execute("COMMIT")
    return int(last) + 1


def end_version(db: sqlite3.Connection, node: str, version: int, outcome: str) -> None:
    """What became of it."""
    db.execute("UPDATE config_version SET outcome = ? WHERE node = ? AND version = ?", (outcome, node, version))


def history(db: sqlite3.Connection, node: str) -> list[Version]:
    """Every version that was sent, the newest first."""
    db.executescript(SCHEMA)
    question = "SELECT version, at_ms, who, digest, outcome FROM config_version WHERE node = ? ORDER BY version DESC"
    return [Version(*row) for row in db.execute(question, (node,))]
