"""The audit: proves from the database alone that every batch arrived whole, or names what is missing.

For each spool the sequences run without a hole, but for those a gap record names; for each node the rows that its
batches brought, less those in quarantine, are the rows the database has. One missing row in a million shows.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.delivery import ledger
from collector.stores.store import Store

MISSING_SHOWN = 20


class Finding(NamedTuple):
    """What the audit says of one node."""

    node: str
    batches: int
    rows_sent: int
    rows_quarantined: int
    rows_stored: int
    sequences_missing: list[tuple[str, int]]
    sequences_replaced: int

    @property
    def rows_missing(self) -> int:
        """Rows that were acknowledged and are not there; negative when there are more than were sent."""
        return self.rows_sent - self.rows_quarantined - self.rows_stored

    @property
    def complete(self) -> bool:
        """True when nothing is missing that is not explained."""
        return self.rows_missing == 0 and not self.sequences_missing


def audit(store: Store, node: str | None = None) -> list[Finding]:
    """Check every node, or one. Raises StoreDown."""
    stored = ledger.rows_by_node(store, node)
    replaced: dict[str, set[int]] = {}
    renumbered: dict[str, set[int]] = {}
    for gap in ledger.gaps(store, node):
        numbers = set(range(gap.from_seq, gap.to_seq + 1)) - {0}
        replaced.setdefault(gap.node, set())
        (renumbered if gap.reason == "renumbered" else replaced).setdefault(gap.node, set()).update(numbers)
    by_node: dict[str, list[tuple[str, list[ledger.Batch]]]] = {}
    for (name, spool), found in ledger.batches(store, node).items():
        by_node.setdefault(name, []).append((spool, found))
    return [
        _finding(
            name, by_node.get(name, []), stored.get(name, 0), replaced.get(name, set()) | renumbered.get(name, set())
        )
        for name in sorted(by_node.keys() | stored.keys())
    ]


def _finding(node: str, spools: list[tuple[str, list[ledger.Batch]]], stored: int, replaced: set[int]) -> Finding:
    missing = []
    for spool, found in spools:
        present = {batch.seq for batch in found}
        missing += [(spool, seq) for seq in range(1, max(present) + 1) if seq not in present and seq not in replaced]
    every = [batch for _, found in spools for batch in found]
    return Finding(
        node,
        len(every),
        sum(batch.rows for batch in every),
        sum(batch.quarantined for batch in every),
        stored,
        missing[:MISSING_SHOWN],
        len(replaced),
    )
