"""A backlog as a station without a link has it: days of readings of six sensors at 1 Hz, sealed by the minute."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.street import Street
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from wire.times import MINUTE_MS

SENSORS = 6
PROFILE = "plantower-pms5003"


def write(path: Path, node: str, site: str, seconds: int, seed: int) -> int:
    """Write so many seconds, up to a minute ago, with the product's own spool; returns the rows that wait."""
    spool, street = Spool(path, node, site), Street(seed)
    spool._db.execute("PRAGMA synchronous=OFF")  # the way here is not measured
    origin = Origin(node, site, "b71d04c2", "synced")
    start_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS - seconds * 1000 - MINUTE_MS
    series = [Series(f"air-{n}", "air_quality", (), f"{PROFILE}@1") for n in range(SENSORS)]
    for minute_ms in range(start_ms, start_ms + seconds * 1000, MINUTE_MS):
        rows = [(minute_ms + 1000 * n, street.values()) for n in range(60)]
        readings = [Reading(one, time_ms, values) for one in series for time_ms, values in rows]
        spool.accept_and_seal(readings, origin)
    waiting = spool.depth().rows
    spool.close()
    return waiting
