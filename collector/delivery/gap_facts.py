"""What the collector's own file adds to the database's account of gaps: what nodes still hold, and what was refused."""

from __future__ import annotations

import json
import sqlite3

from collector.config import Config
from collector.delivery.registry import kept


def from_state(settings: Config) -> tuple[dict[str, int | None], dict[tuple[str, str, int], int]]:
    """Per node the oldest reading that it still holds, and refused rows by node, sensor and hour."""
    waiting: dict[str, int | None] = {}
    refused: dict[tuple[str, str, int], int] = {}
    if not settings.state_file.exists():
        return waiting, refused
    db = sqlite3.connect(f"{settings.state_file.resolve().as_uri()}?mode=ro", uri=True)
    try:
        for known in kept(db):
            waiting[known.birth.node] = known.birth.oldest_ms if known.online else (known.birth.oldest_ms or 0)
        for node, content in db.execute("SELECT node, content FROM quarantine_part"):
            found = _sensor_and_hour(content)
            if found is not None:
                refused[node, *found] = refused.get((node, *found), 0) + 1
    finally:
        db.close()
    return waiting, refused


def _sensor_and_hour(content: str) -> tuple[str, int] | None:
    try:
        part = json.loads(content)
        return part["sensor"], int(part["t0"]) // 3_600_000 * 3_600_000
    except (ValueError, TypeError, KeyError):
        return None
