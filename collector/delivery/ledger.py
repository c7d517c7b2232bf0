"""Questions to the ledgers: what batches a spool is known to have sent, and what became of a sensor's readings.

Everything here is read from the database alone, so that anyone who can query it can check the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from collector.numbers.derive import LEDGER
from collector.stores.store import SOON_S, Select, Store
from wire.quantities import KINDS

SENT = tuple(kind.name for kind in KINDS.values() if kind.on_wire and kind.from_agent)
"""Measurements whose rows come from agents; each such row carries `cq`, the roll-ups of the collector do not."""
READINGS = tuple(name for name in SENT if name not in ("sensor_ledger", "gap", "node_health"))
THINNED = tuple(name + "_1m" for name in READINGS)


class Batch(NamedTuple):
    """One row of the batch ledger."""

    seq: int
    rows: int
    quarantined: int
    digest: str


class Gap(NamedTuple):
    """A gap record: what a node says it replaced or could not keep."""

    node: str
    spool: str
    sensor: str
    reason: str
    from_ms: int
    to_ms: int
    lost: int
    from_seq: int
    to_seq: int


def highest(store: Store, node: str, spool: str) -> int:
    """The highest sequence of a spool that the database has, 0 for none. Raises StoreDown."""
    of = {"node": node, "spool": spool}
    found = store.select(Select(LEDGER, ("seq",), where=of, aggregate="max", within_s=SOON_S))
    return int(found[0].rows[0][1]) if found else 0


def highest_of(store: Store, spools: Sequence[str]) -> dict[tuple[str, str], int]:
    """The highest sequence of each node and spool among these spools that the database knows. Raises StoreDown."""
    of, by = {"spool": tuple(spools)}, ("node", "spool")
    question = Select(LEDGER, ("seq",), where=of, group_by=by, aggregate="max", within_s=SOON_S)
    found = store.select(question)
    return {(series.tags["node"], series.tags["spool"]): int(series.rows[0][1]) for series in found}


def highest_of_all(store: Store) -> dict[tuple[str, str], int]:
    """The highest sequence of every node and spool that the database knows, in one question. Raises StoreDown."""
    found = store.select(Select(LEDGER, ("seq",), group_by=("node", "spool"), aggregate="max"))
    return {(series.tags["node"], series.tags["spool"]): int(series.rows[0][1]) for series in found}


def digest_of(store: Store, node: str, spool: str, seq: int) -> str | None:
    """The digest under which a batch was stored, or None. Raises StoreDown."""
    of = {"node": node, "spool": spool}
    question = Select(LEDGER, ("seq", "digest"), where=of, equals={"seq": seq}, limit=1, within_s=SOON_S)
    found = store.select(question)
    return str(found[0].rows[0][2]) if found else None


def batches(store: Store, node: str | None = None) -> dict[tuple[str, str], list[Batch]]:
    """All batches of the ledger, by node and spool, in the order of sequence; a batch stored twice stands once."""
    where = {} if node is None else {"node": node}
    columns = ("seq", "rows", "quarantined", "digest")
    out = {}
    for series in store.select(Select(LEDGER, columns, where=where, group_by=("node", "spool"))):
        found = {int(row[1]): Batch(int(row[1]), int(row[2]), int(row[3]), str(row[4])) for row in series.rows}
        out[series.tags["node"], series.tags["spool"]] = [found[seq] for seq in sorted(found)]
    return out


def gaps(store: Store, node: str | None = None, since_ms: int | None = None) -> list[Gap]:
    """All gap records; of what a node has not told there is nothing. Raises StoreDown."""
    where = {} if node is None else {"node": node}
    columns = ("from_ms", "to_ms", "lost_count", "from_seq", "to_seq")
    groups = ("node", "spool", "sensor", "reason")
    return [
        Gap(tags["node"], tags["spool"], tags["sensor"], tags["reason"], *(int(told or 0) for told in row[1:]))
        for tags, rows in store.select(Select("gap", columns, since_ms, where=where, group_by=groups))
        for row in rows
    ]


def rows_by_node(store: Store, node: str | None) -> dict[str, int]:
    """How many rows that came from agents the database has, by node. Raises StoreDown."""
    where = {} if node is None else {"node": node}
    counts: dict[str, int] = {}
    for measurement in (*SENT, *THINNED):
        for series in store.select(Select(measurement, ("cq",), where=where, group_by=("node",), aggregate="count")):
            counts[series.tags["node"]] = counts.get(series.tags["node"], 0) + int(series.rows[0][1])
    return counts
