"""`python -m tests.agent.spools.make FILE`: a spool as the agent of today leaves it, to be kept for ever as a fixture.

Run once for each new format, never again for an old one. 20 batches, of which the first 5 are answered, 3 rows that
wait to be sealed, 2 rows that wait for their true time, the state of an open interval, an account of what was thinned.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge_agent.reading import Reading, Series
from edge_agent.spool.making_room import split
from edge_agent.spool.spool import Origin, Spool

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
RADAR = Series("radar-1", "traffic_flow", (("direction", "in"), ("lane", "1")), "omnipresense-ops243a@1")
NODE, SITE, BOOT = "lp-1", "street", "b71d04c2"
T0 = 1_790_000_000_000
FIELD = "pm25_raw_ugm3"


def main() -> None:
    """Write it, and leave the log merged into the file."""
    spool = Spool(Path(sys.argv[1]), NODE, SITE)
    synced = Origin(NODE, SITE, BOOT, "synced")
    for batch in range(20):
        air = [Reading(AIR, T0 + 1000 * (10 * batch + n), {FIELD: 10 * batch + n}) for n in range(10)]
        radar = Reading(RADAR, T0 + 10_000 * batch, {"count": batch, "duration_s": 10.0})
        spool.accept([*air, radar], synced, {"radar-1": {"count": batch}})
        (one,) = spool.seal()
        if batch < 5:
            spool.release(one.id, 0, T0 + 10**6)
    split(spool, one.id, T0 + 10**6)
    spool.accept([Reading(AIR, T0 + 10**6 + n, {FIELD: 200 + n}) for n in range(3)], synced)
    spool.accept([Reading(AIR, 5000 + n, {FIELD: 300 + n}) for n in range(2)], synced._replace(clock="unsynced"))
    spool.close()


if __name__ == "__main__":
    main()
