"""What the office keeps of its stations beside their births: names, and every version of settings that was sent."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import NamedTuple

from collector import trail
from collector.config import Config

SCHEMA = """
CREATE TABLE IF NOT EXISTS station_name (node TEXT PRIMARY KEY, zh TEXT, en TEXT);
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


def rename(db: sqlite3.Connection, node: str, zh: str, en: str, who: str, now_ms: int) -> None:
    """Call a node otherwise; an empty word leaves that language as it is."""
    db.executescript(SCHEMA + trail.SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    before = db.execute("SELECT zh, en FROM station_name WHERE node = ?", (node,)).fetchone() or ("", "")
    names = (zh or before[0], en or before[1])
    db.execute("INSERT OR REPLACE INTO station_name VALUES (?, ?, ?)", (node, *names))
    trail.append(db, trail.Line(now_ms, who, "renamed", f"{node}: {names[0]} / {names[1]}"))
    db.execute("COMMIT")


def name_of(db: sqlite3.Connection, settings: Config, node: str) -> tuple[str, str]:
    """A node's names in Chinese and English: as renamed, else as the settings have it, else empty."""
    db.executescript(SCHEMA)
    given = db.execute("SELECT zh, en FROM station_name WHERE node = ?", (node,)).fetchone()
    listed = next((station for station in settings.stations if station.node == node), None)
    zh, en = given or ("", "")
    return zh or (listed.zh if listed else ""), en or (listed.en if listed else "")


def begin_version(db: sqlite3.Connection, node: str, text: str, who: str, now_ms: int) -> int:
    """Write down settings about to be sent; returns their number."""
    db.executescript(SCHEMA + trail.SCHEMA)
    digest = hashlib.sha256(text.encode()).digest()[:16].hex()
    db.execute("BEGIN IMMEDIATE")
    (last,) = db.execute("SELECT coalesce(max(version), 0) FROM config_version WHERE node = ?", (node,)).fetchone()
    db.execute(
        "INSERT INTO config_version VALUES (?, ?, ?, ?, ?, ?, 'sent')", (node, last + 1, now_ms, who, digest, text)
    )
    trail.append(db, trail.Line(now_ms, who, "settings sent", f"{node} version {last + 1} {digest}"))
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
