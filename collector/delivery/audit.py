"""The audit: proves from the database that every batch arrived whole, or names what is missing.

For each spool the sequences run without a hole, but for those that a gap record names and those that the collector's
quarantine holds as a whole. A gap record names numbers of the spool in which it is sealed, or of one before it:
what its own spool lacks is its own. A citizen's sensor and the canary have no disk: what was not stored they were told
at once, and a number of theirs that is absent is nothing missing. For each node the rows that its batches brought, less
those in quarantine, are the rows the database has. One missing row in a million shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import NamedTuple

from collector.delivery import ledger
from collector.stores.store import Store
from wire.batch import SEQ_MAX

MISSING_SHOWN = 20
LOOKS_MAX = 10
RENUMBERED = "renumbered"
"""The reason of a record that names what a new life has left behind."""
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
    batches_missing: int = 0
    """Of these `sequences_missing` has the first."""

    @property
    def rows_missing(self) -> int:
        """Rows that were acknowledged and are not there; negative when there are more than were sent."""
        return self.rows_sent - self.rows_quarantined - self.rows_stored

    @property
    def complete(self) -> bool:
        """True when nothing is missing that is not explained."""
        return self.rows_missing == 0 and not self.sequences_missing


def audit(
    store: Store,
    node: str | None = None,
    kept: Collection[tuple[str, str, int]] = (),
    has_no_disk: Callable[[str], bool] = lambda _: False,
) -> list[Finding]:
    """Check every node, or one. Raises StoreDown. `kept`: node, spool and sequence of quarantined batches.

    Rows and ledger are two questions, between which a batch may arrive: a node whose numbers differ is looked at again
    for as long as there are more of its batches each time.
    """

    def look(node: str | None) -> list[Finding]:
        return _look(store, node, kept, has_no_disk)

    return [_settled(look, found) for found in look(node)]


def _settled(look: Callable[[str], list[Finding]], found: Finding) -> Finding:
    for _ in range(LOOKS_MAX):
        again = look(found.node) if found.rows_missing else []
        if not again:  # or purged meanwhile
            break
        before, found = found.batches, again[0]
        if found.batches == before:
            break
    return found


def _look(
    store: Store, node: str | None, kept: Collection[tuple[str, str, int]], has_no_disk: Callable[[str], bool]
) -> list[Finding]:
    stored = ledger.rows_by_node(store, node)
    gaps: dict[str, list[ledger.Gap]] = {}
    for gap in ledger.gaps(store, node):
        gaps.setdefault(gap.node, []).append(gap)
    by_node: dict[str, list[tuple[str, list[ledger.Batch]]]] = {}
    for (name, spool), found in ledger.batches(store, node).items():
        by_node.setdefault(name, []).append((spool, found))
    return [
        _finding(
            name,
            by_node.get(name, []),
            stored.get(name, 0),
            gaps.get(name, []),
            [(spool, seq) for of, spool, seq in kept if of == name],
            has_no_disk(name),
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


def common(one: list[Span], other: list[Span]) -> list[Span]:
    """The numbers that are in both; each as `joined` gives them."""
    found, left, right = [], deque(one), deque(other)
    while left and right:
        found.append((max(left[0][0], right[0][0]), min(left[0][1], right[0][1])))
        (left if left[0][1] < right[0][1] else right).popleft()
    return joined(found)


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
    gaps: list[ledger.Gap],
    kept: list[tuple[str, int]],
    no_disk: bool,
) -> Finding:
    missing, count = ([], 0) if no_disk else _missing(spools, gaps, kept)
    every = [batch for _, found in spools for batch in found]
    return Finding(
        node,
        batches=len(every),
        rows_sent=sum(batch.rows for batch in every),
        rows_quarantined=sum(batch.quarantined for batch in every),
        rows_stored=stored,
        sequences_missing=missing[:MISSING_SHOWN],
        sequences_replaced=sum(last - first + 1 for first, last in joined(_spans(gaps))),
        batches_quarantined=len(kept),
        batches_missing=count,
    )


def _missing(
    spools: list[tuple[str, list[ledger.Batch]]], gaps: list[ledger.Gap], kept: list[tuple[str, int]]
) -> tuple[list[tuple[str, int]], int]:
    """The first sequence numbers of each spool that nothing explains, and how many there are of all spools."""
    missing: list[tuple[str, int]] = []
    count = 0
    there = {
        spool: joined([(batch.seq, batch.seq) for batch in found] + [(seq, seq) for of, seq in kept if of == spool])
        for spool, found in spools
    }
    told = {
        spool: _told_by([gap for gap in gaps if gap.spool == spool], there.get(spool, []))
        for spool in {gap.spool for gap in gaps}
    }
    for spool, found in spools:
        elsewhere = [span for of, (_, others) in told.items() if of != spool for span in others]
        explained = joined(there[spool] + told.get(spool, ([], []))[0] + elsewhere)
        most = max(batch.seq for batch in found)
        missing += ((spool, seq) for seq in islice(between(explained, most), MISSING_SHOWN))
        count += most - sum(last - first + 1 for first, last in common(explained, [(1, most)]))
    return missing, count


def _spans(gaps: list[ledger.Gap]) -> list[Span]:
    return [(max(gap.from_seq, 1), gap.to_seq) for gap in gaps]


def _told_by(gaps: list[ledger.Gap], there: list[Span]) -> tuple[list[Span], list[Span]]:
    """What the records of one spool name of its own, and of others: numbers beyond all that is `there` of it, where no
    record stands that names its own; numbers that are there; and those that a new life has left behind."""
    anew = [gap for gap in gaps if gap.reason == RENUMBERED]
    own = joined(_spans([gap for gap in gaps if gap.reason != RENUMBERED]))
    beyond = [(there[-1][1] + 1 if there else 1, SEQ_MAX)]
    return own, common(own, there + beyond) + _spans(anew)
