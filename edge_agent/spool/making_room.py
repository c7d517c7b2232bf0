"""Making room: what goes when the spool is larger than it may be, or a batch larger than a collector takes.

    the replay ring goes > the oldest are thinned to one-minute rows > what cannot be thinned any more is dropped
    > what waits for the time is dropped, the oldest first

Each step is one transaction of the spool with a gap record that names what was replaced. The gap records themselves are
kept: the account of what is missing outlives what is missing. Many old ones become few, or they would fill the room.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.reading import Reading
from edge_agent.spool import gap_records, thinning
from edge_agent.spool.gap_records import Loss
from edge_agent.spool.place import nearest_folder
from edge_agent.spool.sealing import ROWS_PER_BATCH
from edge_agent.spool.spool import Origin, Sealed, Spool

if TYPE_CHECKING:
    from edge_agent.spool.view import Survey

THIN_BATCHES = 64
MERGE_BATCHES = 32  # so many of them with gap records alone become one
DROP_COMMITS = 600
FOR_EVER_MS = 2**62
SIZE_MAX = 2 * 2**30
SHARE = 5


class _Opened(NamedTuple):
    """A waiting batch with its rows, and how many more there were than this agent can read."""

    batch: Sealed
    rows: list[Reading]
    origin: Origin
    unread: int

    @property
    def gaps(self) -> list[Reading]:
        return [row for row in self.rows if gap_records.is_gap(row)]

    @property
    def others(self) -> list[Reading]:
        return [row for row in self.rows if not gap_records.is_gap(row)]


def limit_bytes(path: Path, asked: int | None) -> int:
    """How large the spool may be: what was asked for, else 2 GiB and at most a fifth of its partition."""
    if asked is not None:
        return asked
    disk = os.statvfs(nearest_folder(path))
    size = disk.f_blocks * disk.f_frsize  # 0 where a file system does not tell it
    return min(SIZE_MAX, size // SHARE) if size else SIZE_MAX


class Room(NamedTuple):
    """What a spool may take, what its disk has left, and how long that lasts when nothing is answered any more."""

    max_bytes: int
    free_bytes: int
    days_left: float | None


def room_of(path: Path, asked: int | None, found: Survey) -> Room:
    """The room of the spool at `path`, of which `found` tells what is in it."""
    disk = os.statvfs(path.parent)
    free_bytes = disk.f_bavail * disk.f_frsize
    limit = limit_bytes(path, asked)
    return Room(limit, free_bytes, found.days_left(min(limit, found.waiting_bytes + free_bytes)))


def make_room(spool: Spool, max_bytes: int, now_ms: int) -> int:
    """One step towards `max_bytes`; returns how many rows were thinned or dropped. Call again until it returns 0."""
    if spool.used_bytes() <= max_bytes or spool.prune(FOR_EVER_MS):
        return 0
    return _thin_or_drop(spool, _alike(_oldest(spool, now_ms)), now_ms) or spool.drop_untimed(DROP_COMMITS)


def split(spool: Spool, number: int, now_ms: int) -> None:
    """A batch was too large for the collector: its rows are sealed again in two halves, the parent removed."""
    parent = spool.sealed(number)
    if parent is None:  # it was thinned meanwhile, or the spool is another one
        return
    rows, origin, unread = spool.opened(parent)
    middle = max(1, len(rows) // 2)
    halves = [half for half in (rows[:middle], rows[middle:]) if half]
    spool.replace([parent], origin, halves, "split", [Loss("node", 0, parent.from_ms, parent.to_ms)], now_ms, unread)


def purge(spool: Spool, before_ms: int, now_ms: int) -> int:
    """A person gives up what waits and is older than `before_ms`; returns how many readings went. Named like a drop."""
    gone = 0
    while True:
        old = [one for one in _oldest(spool, now_ms) if one.batch.to_ms < before_ms]
        if not old:
            return gone
        gone += _give_up(spool, _alike(old), "purged", now_ms)


def _oldest(spool: Spool, now_ms: int) -> list[_Opened]:
    """The oldest batches that hold more than gap records."""
    passed: list[int] = []
    while opened := [_Opened(one, *spool.opened(one)) for one in spool.oldest(THIN_BATCHES, passed)]:
        gaps = [one for one in opened if not one.others]
        if _merge_gaps(spool, gaps, now_ms):
            continue
        if found := [one for one in opened if one.others]:
            return found
        passed += [one.batch.id for one in gaps]
    return []


def _alike(opened: list[_Opened]) -> list[_Opened]:
    """Those of one life, place, boot and clock, as the first: what is made of them is one batch."""
    return [one for one in opened if (one.batch.spool, one.origin) == (opened[0].batch.spool, opened[0].origin)]


def _merge_gaps(spool: Spool, opened: list[_Opened], now_ms: int) -> bool:
    """Many batches of gap records become one or a few; False when that gains little."""
    lives = Counter(one.batch.spool for one in opened)
    old = [one for one in opened if lives[one.batch.spool] >= MERGE_BATCHES]
    if len(old) < MERGE_BATCHES:
        return False
    seqs, records = [one.batch.seq for one in old], [row for one in old for row in one.rows]
    rows = gap_records.merged(seqs, records, now_ms, spool.unique)
    if len(rows) > ROWS_PER_BATCH * len(old) // 4:
        return False
    spool.replace([one.batch for one in old], old[0].origin, [rows], "merged", [], now_ms, _unread(old))
    return True


def _thin_or_drop(spool: Spool, opened: list[_Opened], now_ms: int) -> int:
    """Thin what can be; when nothing can, the first of them goes."""
    can_thin = [one for one in opened if thinning.thin(one.rows)[0]]
    if can_thin:
        rows = [row for one in can_thin for row in one.rows]
        thinned, others = thinning.thin(rows)
        lost = [row for row in rows if row not in others] if others else rows
        thinned = [spool.unique(row) for row in thinned]  # a minute may be thinned in two steps: both parts count
        gone, origin = [one.batch for one in can_thin], can_thin[0].origin
        losses = gap_records.losses(lost)
        spool.replace(gone, origin, [[*thinned, *others]], "thinned", losses, now_ms, _unread(can_thin))
        return len(lost)
    return _give_up(spool, opened[:1], "dropped", now_ms)


def _give_up(spool: Spool, old: list[_Opened], reason: str, now_ms: int) -> int:
    """These go, but for the gap records among their rows; returns how many rows went."""
    if not old:
        return 0
    lost = [row for one in old for row in one.others]
    kept = [row for one in old for row in one.gaps]
    gone = [one.batch for one in old]
    losses = gap_records.losses(lost)
    spool.replace(gone, old[-1].origin, [kept] if kept else [], reason, losses, now_ms, _unread(old))
    return len(lost)


def _unread(gone: list[_Opened]) -> int:
    return sum(one.unread for one in gone)
