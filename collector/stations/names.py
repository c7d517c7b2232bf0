"""What people call the stations: by the settings, or as an operator renamed them since."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from collector.sqlite_file import connect

if TYPE_CHECKING:
    from collector.config import Config

LOOK_S = 2.0


class Names:
    """What people call the nodes: as renamed, else as the settings have it, else None. Safe to ask from any thread.

    A new name is seen within `LOOK_S`; a state file that cannot be read just now changes nothing.
    """

    def __init__(self, settings: Config) -> None:
        self._file = settings.state_file
        self._listed = {station.node: (station.zh, station.en) for station in settings.stations}
        self._looked_s = -LOOK_S
        self._given: list[tuple[str, str, str]] = []
        self._names = self._listed

    def of(self, node: str) -> tuple[str, str] | None:
        """Chinese and English; one that was never given is the other."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._names = self._listed | self._renamed()
        return self._names.get(node)

    def with_node(self, node: str) -> str:
        """Its Chinese name and the node, as lines of a terminal call it."""
        called = self.of(node)
        return f"{called[0]} {node}" if called is not None else node

    def _renamed(self) -> dict[str, tuple[str, str]]:
        try:
            with closing(connect(self._file, "ro", 0.2)) as db:
                self._given = db.execute("SELECT node, zh, en FROM station_name").fetchall()
        except sqlite3.Error:
            pass  # no file yet, nobody renamed yet, or busy: asked again soon
        found = {}
        for node, zh, en in self._given:
            listed = self._listed.get(node, ("", ""))
            zh, en = zh or listed[0], en or listed[1]
            found[node] = (zh or en, en or zh)
        return found
