"""The budget of series: how many different sensors and tags one node may bring into the database.

Every new combination of tags is a series that the database keeps in memory for ever. A node that invents names by the
thousand, broken or hostile, must not use up what its neighbours need (threat T10).
"""

from __future__ import annotations

import sqlite3

from collector.statedb import transaction
from wire.batch import Block
from wire.check import Checked, Refusal

SERIES_MAX = 200
_SCHEMA = "CREATE TABLE IF NOT EXISTS node_series (node TEXT, series TEXT, PRIMARY KEY (node, series)) WITHOUT ROWID"


class SeriesBudget:
    """Series of each node, kept over restarts when there is a file. `flush` writes the new ones, many at once."""

    def __init__(self, db: sqlite3.Connection | None = None, most: int = SERIES_MAX) -> None:
        self._db = db
        self._most = most
        self._known: dict[str, set[str]] = {}
        self._new: list[tuple[str, str]] = []
        self._version = 0
        if db is not None:
            db.execute(_SCHEMA)

    def within(self, node: str, checked: Checked) -> Checked:
        """The same, without the blocks of new series beyond the budget: those are refused with the reason."""
        known = self._known.get(node)
        if known is None or (len(known) >= self._most and self._changed()):
            known = self._known[node] = self._load(node)
        if all(_name(block) in known for block in checked.blocks):
            return checked
        blocks, origins, refusals = [], [], list(checked.refusals)
        for block, origin in zip(checked.blocks, checked.origins, strict=True):
            name = _name(block)
            if name not in known and len(known) >= self._most:
                refusals.append(
                    Refusal(origin[0], None, f"series: a node may have {self._most}, this would be one more")
                )
                continue
            if name not in known:
                known.add(name)
                self._new.append((node, name))
            blocks.append(block)
            origins.append(origin)
        return Checked(blocks, origins, refusals, checked.unknown_keys)

    def is_full(self, node: str) -> bool:
        return len(self._known.get(node, ())) >= self._most

    def flush(self) -> None:
        """Keep what is new."""
        if self._new and self._db is not None:
            with transaction(self._db):
                self._db.executemany("INSERT OR IGNORE INTO node_series VALUES (?, ?)", self._new)
        self._new.clear()

    def _changed(self) -> bool:
        """Whether another program (`lamppost stations purge`) has written to the file since this was asked last."""
        if self._db is None:
            return False
        before, self._version = self._version, self._db.execute("PRAGMA data_version").fetchone()[0]
        return bool(before != self._version)

    def _load(self, node: str) -> set[str]:
        if self._db is None:
            return set()
        return {row[0] for row in self._db.execute("SELECT series FROM node_series WHERE node = ?", (node,))}


def _name(block: Block) -> str:
    return " ".join((block.kind, block.sensor, *block.tags.values()))
