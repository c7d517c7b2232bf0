"""`LD_PRELOAD=... python -m tests.agent.failing_disk FOLDER N`: record while the n-th sync fails, for n = 1 to N.

One JSON line each: what was accepted by the recorder's word, and what the spool has afterwards. The last line is of a
file whose first page cannot be read any more: how many batches were in it, and are saved.
"""

from __future__ import annotations

import ctypes
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool, SpoolError

AIR = Series("air-1", "air_quality")
FIELD = "pm25_raw_ugm3"
Made = TypeVar("Made")
UTC = 1_790_000_000_000
SECONDS, SEAL_EVERY = 24, 4


def main() -> None:
    """All of them."""
    folder, last = Path(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    disk = ctypes.CDLL(None)
    for n in range(1, last + 1):
        before = disk.failed_syncs()
        disk.fail_sync_at(ctypes.c_long(n))
        accepted, found = record(folder / f"{n}.db")
        disk.fail_sync_at(ctypes.c_long(-1))
        said = {"n": n, "failed": disk.failed_syncs() - before, "accepted": accepted}
        print(json.dumps({**said, "lost": accepted - len(found), "doubled": found.total() - len(found)}), flush=True)
    before, saved = unreadable(folder / "1.db", disk)
    print(json.dumps({"before": before, "saved": saved}))


def unreadable(path: Path, disk: ctypes.CDLL) -> tuple[int, int]:
    """Batches of a spool before and after its first page has gone."""
    spool = Spool(path, "lp-1", "s")
    before = [one.data for one in spool.oldest(10**6)]
    spool.close()
    disk.unreadable(ctypes.c_long(path.stat().st_ino))
    found = Spool(path, "lp-1", "s").oldest(10**6)
    return len(before), sum(one.data in before for one in found)


def record(path: Path) -> tuple[int, Counter[int]]:
    """Some seconds of a recorder's life, three readings each; what it says it accepted, and what is in the file."""

    def opened() -> Spool:
        return Spool(path, "lp-1", "s")

    recorder = again(lambda: Recorder("lp-1", "s", "b" * 32, [], opened))
    for second in range(SECONDS):
        now = Now(1000 * second, UTC + 1000 * second, True)
        numbers = range(3 * second, 3 * second + 3)
        recorder.keep([Reading(AIR, UTC + 1000 * second + n % 3, {FIELD: n}) for n in numbers])
        recorder.commit(now, seal="all" if second % SEAL_EVERY == 0 else "no")
        if second % (2 * SEAL_EVERY) == 0:
            recorder.seal()
    recorder.commit(Now(1000 * SECONDS, UTC + 1000 * SECONDS, True))
    spool = again(opened)
    again(spool.seal)
    rows = [row for one in spool.oldest(10**6) for row in readings_of(one.data)[0] if row.series == AIR]
    return recorder.accepted, Counter(int(row.values[FIELD]) for row in rows)


def again(what: Callable[[], Made]) -> Made:
    """What fails is tried once more, as systemd starts an agent once more."""
    try:
        return what()
    except SpoolError:
        return what()


if __name__ == "__main__":
    main()
