"""Making room: what goes when the spool is larger than it may be, or a batch larger than a collector takes.

    the replay ring goes > the oldest are thinned to one-minute rows > what cannot be thinned any more is dropped

Each step is one transaction of the spool with a gap record that names what was replaced. The gap records themselves are
kept to the last: the account of what is missing outlives what is missing.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge_agent import gap_records, thinning
from edge_agent.gap_records import Loss
from edge_agent.reading import Reading
from edge_agent.spool import Sealed, Spool

THIN_BATCHES = 64
SIZE_MAX = 2 * 2**30
SHARE = 5


def limit_bytes(path: Path, asked: int | None) -> int:
    """How large the spool may be: what was asked for, else 2 GiB and at most a fifth of its partition."""
    if asked is not None:
        return asked
    disk = os.statvfs(path.parent)
    return min(SIZE_MAX, disk.f_blocks * disk.f_frsize // SHARE)


def make_room(spool: Spool, max_bytes: int, now_ms: int) -> int:
    """One step towards `max_bytes`; returns how many rows were thinned or dropped. Call again until it returns 0."""
    if spool.used_bytes() <= max_bytes or spool.prune(now_ms + 1):
        return 0
    oldest = spool.oldest(THIN_BATCHES)
    same_life = [one for one in oldest if one.spool == oldest[0].spool]
    return _thin_or_drop(spool, same_life, now_ms)


def split(spool: Spool, number: int, now_ms: int) -> None:
    """A batch was too large for the collector: its rows are sealed again in two halves, the parent removed."""
    parent = spool.sealed(number)
    rows, origin = spool.opened(parent)
    middle = max(1, len(rows) // 2)
    halves = [half for half in (rows[:middle], rows[middle:]) if half]
    spool.replace([parent], origin, halves, "split", [Loss("node", 0, parent.from_ms, parent.to_ms)], now_ms)


def purge(spool: Spool, before_ms: int, now_ms: int) -> int:
    """A person gives up what waits and is older than `before_ms`; returns how many readings went. Named like a drop."""
    gone = 0
    while True:
        old = [one for one in spool.oldest(THIN_BATCHES) if one.to_ms < before_ms]
        old = [one for one in old if one.spool == old[0].spool and not _only_gaps(spool.opened(one)[0])]
        if not old:
            return gone
        lost = [row for one in old for row in spool.opened(one)[0]]
        origin = spool.opened(old[-1])[1]
        spool.replace(old, origin, [], "purged", gap_records.losses(lost), now_ms)
        gone += len(lost)


def _thin_or_drop(spool: Spool, batches: list[Sealed], now_ms: int) -> int:
    """Thin what can be; when nothing can, the first of them goes."""
    opened = [(one, *spool.opened(one)) for one in batches]
    can_thin = [(one, rows, origin) for one, rows, origin in opened if thinning.thin(rows)[0]]
    if can_thin:
        rows = [row for _, found, _ in can_thin for row in found]
        thinned, others = thinning.thin(rows)
        lost = [row for row in rows if row not in others] if others else rows
        thinned = [spool.unique(row) for row in thinned]  # a minute may be thinned in two steps: both parts count
        gone, origin = [one for one, _, _ in can_thin], can_thin[0][2]
        spool.replace(gone, origin, [[*thinned, *others]], "thinned", gap_records.losses(lost), now_ms)
        return len(lost)
    for one, rows, origin in opened:
        if not _only_gaps(rows):
            spool.replace([one], origin, [], "dropped", gap_records.losses(rows), now_ms)
            return len(rows)
    return 0


def _only_gaps(rows: list[Reading]) -> bool:
    return all(row.series.kind == "gap" for row in rows)
