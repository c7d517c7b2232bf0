"""`python -m tests.powercut.writer FILE [--normal]`: accept readings as fast as the disk lets; tell each number."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool

SERIES = Series("air-1", "air_quality")
ORIGIN = Origin("lp-1", "street", "b71d04c2", "synced")
START_MS = 1_790_000_000_000
SEAL_EVERY = 5
PACE_S = 0.003  # flat out, the control would spend its time in checkpoints; an agent commits once a second
FIELD = "pm25_raw_ugm3"


def main() -> None:
    """Write until killed; the number said is the last reading accepted."""
    spool = Spool(Path(sys.argv[1]), ORIGIN.node, ORIGIN.site)
    normal = "--normal" in sys.argv
    if normal:
        spool._db.execute("PRAGMA synchronous=NORMAL")
    number = 0
    while True:
        rows = [Reading(SERIES, START_MS + 1000 * (number + n), {FIELD: number + n}) for n in range(1, 4)]
        number += len(rows)
        if number // len(rows) % SEAL_EVERY == 0:
            spool.accept_and_seal(rows, ORIGIN)  # as the agent does
        else:
            spool.accept(rows, ORIGIN)
        os.write(1, b"%d\n" % number)
        if normal:
            time.sleep(PACE_S)


if __name__ == "__main__":
    main()
