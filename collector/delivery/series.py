"""The budget of series: how many different sites, sensors, tags and spools one node may bring into the database.

Every new combination of tags is a series that the database keeps in memory for ever. A node that invents names by the
thousand, broken or hostile, must not use up what its neighbours need (threat T10).

Guests and canaries have no disk: each life of a collector begins a spool for them, for years. Those do not count.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from collector.files.sqlite_file import Others
from collector.files.statedb import transaction
from wire.batch import Block, Envelope
from wire.check import Checked, Refusal

_SCHEMA = """
DROP TABLE IF EXISTS node_series;
CREATE TABLE IF NOT EXISTS series_of_node (node TEXT, series TEXT, PRIMARY KEY (node, series)) WITHOUT ROWID;
"""  # the first one did not count sites and spools


class SeriesBudget:
    """Series of each node, kept over restarts. `flush` writes the new ones, many at once."""

    def __init__(self, db: sqlite3.Connection, most: int, has_no_disk: Callable[[str], bool] = lambda _: False) -> None:
        self._db = db
        self._most = most
        self._has_no_disk = has_no_disk
        self._known: dict[str, set[str]] = {}
        self._new: list[tuple[str, str]] = []
        self._others = Others(db)  # `lamppost stations purge`
        db.executescript(_SCHEMA)

    def within(self, envelope: Envelope, checked: Checked) -> Checked:
        """The same, without the blocks of new series beyond the budget: those are refused with the reason.

        A spool is a series too, in the ledger: one that is beyond the budget takes its whole batch with it.
        """
        node, site, ledger = envelope.node, envelope.site, f"ledger {envelope.spool}"
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._load(node)
        elif len(known) >= self._most and self._others.have_written():
            self.flush()  # or what is new here would not be known
            known = self._known[node] = self._load(node)
        if ledger in known and all(_name(site, block) in known for block in checked.blocks):
            return checked
        room = self._has_no_disk(node) or self._learn(node, ledger, known)
        blocks, origins, refusals = [], [], list(checked.refusals)
        for block, origin in zip(checked.blocks, checked.origins, strict=True):
            if room and self._learn(node, _name(site, block), known):
                blocks.append(block)
                origins.append(origin)
            else:
                reason = f"series: a node may have {self._most}, this would be one more"
                refusals.append(Refusal(origin[0], None, reason))
        return Checked(blocks, origins, refusals, checked.unknown_keys)

    def _learn(self, node: str, name: str, known: set[str]) -> bool:
        """Whether there is room for a name: it is known, or it is now."""
        if name in known:
            return True
        if len(known) >= self._most:
            return False
        known.add(name)
        self._new.append((node, name))
        return True

    def is_full(self, node: str) -> bool:
        return len(self._known.get(node, ())) >= self._most

    def flush(self) -> None:
        """Keep what is new."""
        if self._new:
            with transaction(self._db):
                self._db.executemany("INSERT OR IGNORE INTO series_of_node VALUES (?, ?)", self._new)
        self._new.clear()

    def _load(self, node: str) -> set[str]:
        """What the file knows."""
        return {row[0] for row in self._db.execute("SELECT series FROM series_of_node WHERE node = ?", (node,))}


def _name(site: str, block: Block) -> str:
    return " ".join((site, block.kind, block.sensor, *block.tags.values()))
