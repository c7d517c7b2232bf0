"""The trail: who did what, in lines that each carry the digest of all before them.

    hash of a line = SHA-256 over the hash of the line before and the line's own words

A line changed, removed from the middle or put in between breaks every hash behind it. Lines cut off at the end leave a
sound chain: against that, note the head (number and hash) somewhere else and verify against it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, at_ms INTEGER, who TEXT, what TEXT, about TEXT, hash TEXT);
"""
_START = "0" * 64
TEXT_MAX = 1000


class Line(NamedTuple):
    """One deed."""

    at_ms: int
    who: str
    what: str
    about: str


class Verdict(NamedTuple):
    """How many lines are sound, the head's hash, and the number of the first line that is not (None: all are)."""

    lines: int
    head: str
    broken_at: int | None


def append(db: sqlite3.Connection, line: Line) -> None:
    """Write a line behind the last. Call inside the transaction of the deed itself."""
    line = line._replace(who=line.who[:TEXT_MAX], what=line.what[:TEXT_MAX], about=line.about[:TEXT_MAX])
    last = db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    number, before = (0, _START) if last is None else (last[0], last[1])
    db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", (number + 1, *line, _hash(before, number + 1, line)))


def newest(db: sqlite3.Connection, limit: int) -> list[Line]:
    """The newest lines, newest first."""
    rows = db.execute("SELECT at_ms, who, what, about FROM audit ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [Line(*row) for row in rows]


def verify(db: sqlite3.Connection, head: str | None = None) -> Verdict:
    """Check every line; with `head`, noted earlier, also that the chain still goes through it."""
    before, count, seen = _START, 0, head is None
    for number, at_ms, who, what, about, hash_ in db.execute(
        "SELECT id, at_ms, who, what, about, hash FROM audit ORDER BY id"
    ):
        if number != count + 1 or hash_ != _hash(before, number, Line(at_ms, who, what, about)):
            return Verdict(count, before, count + 1)
        before, count = hash_, number
        seen = seen or hash_ == head
    return Verdict(count, before, None if seen else count + 1)


def _hash(before: str, number: int, line: Line) -> str:
    words = json.dumps([before, number, *line], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()
