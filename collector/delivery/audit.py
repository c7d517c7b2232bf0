"""The audit: proves from the database that every batch arrived whole, or names what is missing.

For each spool the sequences run without a hole, but for those that a gap record names and those that the collector's
quarantine holds as a whole; for each node the rows that its batches brought, less those in quarantine, are the rows the
database has. One missing row in a million shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

from collector.delivery import ledger
from collector.stores.store import Store

MISSING_SHOWN = 20
Span = tuple[int, int]
"""Sequence numbers from one to another, both included."""


class Finding(NamedTuple):
    """What the audit says of one node."""

    node: str
    batches: int
    rows_sent: int
    rows_quarantined: int
    rows_stored: int
    sequences_missing: list[tuple[str, int]]
    sequences_replaced: int
    batches_quarantined: int = 0

    @property
    def rows_missing(self) -> int:
        """Rows that were acknowledged and are not there; negative when there are more than were sent."""
        return self.rows_sent - self.rows_quarantined - self.rows_stored

    @property
    def complete(self) -> bool:
        """True when nothing is missing that is not explained."""
        return self.rows_missing == 0 and not self.sequences_missing


def audit(store: Store, node: str | None = None, kept: Collection[tuple[str, str, int]] = ()) -> list[Finding]:
    """Check every node, or one. Raises StoreDown. `kept`: node, spool and sequence of quarantined batches."""
    stored = ledger.rows_by_node(store, node)
    replaced: dict[str, list[Span]] = {}
    for gap in ledger.gaps(store, node):
        replaced.setdefault(gap.node, []).append((max(gap.from_seq, 1), gap.to_seq))
    by_node: dict[str, list[tuple[str, list[ledger.Batch]]]] = {}
    for (name, spool), found in ledger.batches(store, node).items():
        by_node.setdefault(name, []).append((spool, found))
    return [
        _finding(
            name,
            by_node.get(name, []),
            stored.get(name, 0),
            joined(replaced.get(name, [])),
            [(spool, seq) for of, spool, seq in kept if of == name],
        )
        for name in sorted(by_node.keys() | stored.keys())
    ]


def joined(spans: list[Span]) -> list[Span]:
    """The same numbers as spans that neither touch nor overlap, in order: whoever sends one chooses how wide it is."""
    found: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def between(spans: list[Span], most: int) -> Iterator[int]:
    """The numbers from 1 to `most` that are in none of these."""
    following = 1
    for first, last in (*spans, (most + 1, most + 1)):
        yield from range(following, min(first, most + 1))
        following = max(following, last + 1)


def _finding(
    node: str,
    spools: list[tuple[str, list[ledger.Batch]]],
    stored: int,
    replaced: list[Span],
    kept: list[tuple[str, int]],
) -> Finding:
    missing: list[tuple[str, int]] = []
    for spool, found in spools:
        aside = [(seq, seq) for of, seq in kept if of == spool]
        there = joined([(batch.seq, batch.seq) for batch in found] + replaced + aside)
        missing += ((spool, seq) for seq in islice(between(there, max(b.seq for b in found)), MISSING_SHOWN))
    every = [batch for _, found in spools for batch in found]
    return Finding(
        node,
        len(every),
        sum(batch.rows for batch in every),
        sum(batch.quarantined for batch in every),
        stored,
        missing[:MISSING_SHOWN],
        sum(last - first + 1 for first, last in replaced),
        len(kept),
    )
