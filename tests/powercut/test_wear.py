"""What a commit costs the card (fault F22): bytes and flushes as the block device counts them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.street import Street
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from tests.powercut.rig import image, need, run
from tests.proof import Impossible

pytestmark = pytest.mark.real

SENSORS, COMMITS, SEAL_EVERY, PRUNE_EVERY = 6, 300, 5, 60
WARM_UP = 400  # the log grows once, then is written over
BYTES_A_COMMIT, FLUSHES_A_COMMIT = 25 * 1024, 2.5
SECTOR_BYTES = 512
WRITTEN, FLUSHES = 6, 15  # fields of /sys/block/*/stat, see the kernel's Documentation/block/stat.rst
T0 = 1_790_000_000_000


def test_a_commit_of_six_sensors_costs_at_most_25_kib(tmp_path: Path) -> None:
    try:
        need("mkfs.ext4", "mount", "umount", "losetup")
        image(tmp_path / "card.img", 64 * 2**20, "mkfs.ext4", "-q", "-F")
        (tmp_path / "card").mkdir()
        run("mount", "-o", "loop", str(tmp_path / "card.img"), str(tmp_path / "card"))
    except Impossible as why:
        pytest.skip(f"SKIPPED: no card of its own here: {why}")
    try:
        written, flushes = _cost(tmp_path / "card")
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path / "card")], check=False)
    print(f"{written / 1024:.1f} KiB and {flushes:.2f} flushes a commit")
    assert written <= BYTES_A_COMMIT
    assert flushes <= FLUSHES_A_COMMIT


def _cost(card: Path) -> tuple[float, float]:
    """Bytes and flushes a commit: an agent's minutes, with seals, answers and the forgetting of what was answered."""
    source = subprocess.run(["findmnt", "-no", "SOURCE", str(card)], capture_output=True, text=True, check=True)
    stat = Path("/sys/block") / Path(source.stdout.strip()).name / "stat"
    series = [Series(f"air-{n}", "air_quality", (), "plantower-pms5003@1") for n in range(SENSORS)]
    origin, street = Origin("lp-1", "s", "b71d04c2", "synced"), Street(1)
    spool = Spool(card / "spool.db", "lp-1", "s")
    for second in range(WARM_UP + COMMITS):
        if second == WARM_UP:
            before = [int(word) for word in stat.read_text().split()]
        spool.accept([Reading(one, T0 + 1000 * second, street.values()) for one in series], origin)
        if second % SEAL_EVERY == 0:
            for one in spool.seal():
                spool.release(one.id, 0, T0 + 1000 * second)
        if second % PRUNE_EVERY == 0:
            spool.prune(T0 + 1000 * (second - 60))
    spool.close()
    after = [int(word) for word in stat.read_text().split()]
    return (after[WRITTEN] - before[WRITTEN]) * SECTOR_BYTES / COMMITS, (after[FLUSHES] - before[FLUSHES]) / COMMITS
