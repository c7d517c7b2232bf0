"""`python -m tests.powercut.writer FILE [--normal]`: accept readings as fast as the disk lets; tell each number."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edge_agent.reading import Reading, Series
from edge_agent.spool import Origin, Spool

SERIES = Series("air-1", "air_quality")
ORIGIN = Origin("lp-1", "street", "b71d04c2", "synced")
START_MS = 1_790_000_000_000
SEAL_EVERY = 5
FIELD = "pm25_raw_ugm3"


def main() -> None:
    """Write until killed; the number said is the last reading accepted."""
    spool = Spool(Path(sys.argv[1]), ORIGIN.node, ORIGIN.site)
    if "--normal" in sys.argv:
        spool._db.execute("PRAGMA synchronous=NORMAL")
    number = 0
    while True:
        rows = [Reading(SERIES, START_MS + 1000 * (number + n), {FIELD: number + n}) for n in range(1, 4)]
        spool.accept(rows, ORIGIN)
        number += len(rows)
        os.write(1, b"%d\n" % number)
        if number // len(rows) % SEAL_EVERY == 0:
            spool.seal()


if __name__ == "__main__":
    main()
