"""What people call the stations: by the settings, or as an operator renamed them since."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from collector.files.sqlite_file import connect

if TYPE_CHECKING:
    from collector.config import Config

LOOK_S = 2.0
SCHEMA: Final = "CREATE TABLE IF NOT EXISTS station_name (node TEXT PRIMARY KEY, zh TEXT, en TEXT)"

Called = dict[str, tuple[str, str]]
"""By node, Chinese and English; an empty word was never given."""


class Names:
    """What people call the nodes: as renamed, else as the settings have it, else None. Safe to ask from any thread.

    A new name is seen within `LOOK_S`; a state file that cannot be read just now changes nothing.
    """

    def __init__(self, settings: Config) -> None:
        self._file = settings.state_file
        self._listed = _listed(settings)
        self._looked_s = -LOOK_S
        self._names = self._listed

    def of(self, node: str) -> tuple[str, str] | None:
        """Chinese and English; one that was never given is the other."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look()
        called = self._names.get(node)
        return None if called is None else (called[0] or called[1], called[1] or called[0])

    def with_node(self, node: str) -> str:
        """Its Chinese name and the node, as lines of a terminal call it."""
        called = self.of(node)
        return f"{called[0]} {node}" if called is not None else node

    def _look(self) -> None:
        try:
            with closing(connect(self._file, "ro", 0.2)) as db:
                self._names = _renamed(db, self._listed)
        except sqlite3.Error:
            pass  # no file yet, nobody renamed yet, or busy: asked again soon


def rename(db: sqlite3.Connection, node: str, zh: str, en: str) -> None:
    """Call a node otherwise; an empty word leaves that language as it is."""
    db.execute(SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    before = db.execute("SELECT zh, en FROM station_name WHERE node = ?", (node,)).fetchone() or ("", "")
    names = (zh or before[0], en or before[1])
    db.execute("INSERT OR REPLACE INTO station_name VALUES (?, ?, ?)", (node, *names))
    db.execute("COMMIT")


def names_of(db: sqlite3.Connection, settings: Config) -> Called:
    """Every name there is, out of a state file that is open."""
    db.execute(SCHEMA)
    return _renamed(db, _listed(settings))


def _listed(settings: Config) -> Called:
    return {station.node: (station.zh, station.en) for station in settings.stations}


def _renamed(db: sqlite3.Connection, listed: Called) -> Called:
    found = dict(listed)
    for node, zh, en in db.execute("SELECT node, zh, en FROM station_name"):
        before = listed.get(node, ("", ""))
        found[node] = (zh or before[0], en or before[1])
    return found
