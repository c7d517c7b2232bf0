"""Thirty days without a link at one reading a second of eight values fit into 200 MB, measured on the file itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.street import Street
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
ORIGIN = Origin("lp-1", "street", "b71d04c2", "synced")
T0 = 1_790_000_000_000
DAYS = 30
LIMIT_BYTES = 200_000_000
CHUNK_S = 60  # a commit a minute instead of one a second: what is sealed is the same, and the disk is spared


def measure(path: Path, hours: int) -> dict[str, float]:
    """Fill a spool as an agent without a link does; what its file then takes."""
    spool, street = Spool(path, ORIGIN.node, ORIGIN.site), Street(7)
    spool._db.execute("PRAGMA synchronous=OFF")  # the size is measured here, not the promise
    day = [street.values() for _ in range(min(hours, 24) * 3600)]  # each batch is packed alone: none knows of another
    for start_s in range(0, hours * 3600, CHUNK_S):
        times = range(start_s, start_s + CHUNK_S)
        spool.accept([Reading(AIR, T0 + 1000 * t_s, day[t_s % len(day)]) for t_s in times], ORIGIN)
        spool.seal()
    assert spool.depth().rows == hours * 3600
    used = spool.used_bytes()
    spool.close()
    size = path.stat().st_size
    return {"seed": 7, "readings": hours * 3600, "file_bytes": size, "thirty_days_bytes": used * DAYS * 24 // hours}


def test_an_hour_takes_its_share_of_200_mb(tmp_path: Path) -> None:
    assert measure(tmp_path / "spool.db", hours=2)["thirty_days_bytes"] <= LIMIT_BYTES


@pytest.mark.long
def test_thirty_days_fit_into_200_mb(tmp_path: Path) -> None:
    said = measure(tmp_path / "spool.db", DAYS * 24)
    print(json.dumps(said))
    assert said["file_bytes"] <= LIMIT_BYTES
