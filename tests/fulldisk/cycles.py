"""The cycles: a disk of 32 MiB that is filled and freed while an agent records on it."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.delivery import ledger
from collector.stores.store import Select
from tests.chaos.checker import check
from tests.chaos.noting_agent import REPLACED, read
from tests.chaos.scene import noting, numbered_sensors, settled
from tests.powercut.rig import image, need, run
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, wait_for

DISK_BYTES = 32 * 2**20
SPOOL_BYTES = "96 KiB"
FULL_S, FREE_S = (2.0, 6.0), (3.0, 6.0)
LONG_S = 30.0
"""So long is the disk full once, which is more than memory holds of 500 readings a second."""
NODE = "lp-0"
CARE_S = "4"
OF_ACCEPTED = ("thinned", "dropped", "damaged")


class Cycles:
    """One run. `run` gives the one JSON object. Raises Impossible where there is no loop device."""

    def __init__(self, folder: Path, cycles: int, seed: int) -> None:
        self._folder, self._cycles, self._seed = folder, cycles, seed
        self._rng = random.Random(seed)
        self._disk = folder / "disk"

    def run(self) -> dict[str, Any]:
        """Everything from mount to account."""
        broker, database = Mosquitto(self._folder / "mosquitto"), Influxd(self._folder / "influxd")
        with mounted(self._folder / "disk.img", self._disk):
            broker.start()
            database.start()
            self._rig = Rig(self._folder, broker, database)
            try:
                return self._measured()
            finally:
                self._rig.close()
                broker.stop()
                database.stop()

    def _measured(self) -> dict[str, Any]:
        rig, notes = self._rig, self._folder / f"{NODE}.notes"
        self._collector = rig.collector()
        spool = {"path": str(self._disk / "spool.db"), "max_size": SPOOL_BYTES}
        agent = noting(rig.agent(NODE, numbered_sensors(), spool=spool), notes, CARE_S)
        self._collector.start()
        agent.start()
        rig.stubs.start()
        wait_for("the first readings", lambda: rig.count("air_quality") > 100, 60)
        self._fill_and_free()
        stuck = self._settle()
        agent.stop()
        said = rig.status(NODE)
        count, _ = check(rig.store, {NODE: notes}, [self._folder / "c1.db"])
        gaps: Counter[str] = Counter()
        for gap in ledger.gaps(rig.store):
            gaps[gap.reason] += gap.lost
        told = sum(gaps[reason] for reason in OF_ACCEPTED)
        replaced = len(read(f"{notes}{REPLACED}"))
        wrong = abs(told - replaced) + abs(said["refused"] - gaps["disk-full"])
        wrong += abs(count.accepted - count.stored - count.quarantined - count.gaps - count.lost)
        return {
            "seed": self._seed, "kills": {"disk": self._cycles}, **count._asdict(), "stuck": stuck,
            "thinned": gaps["thinned"], "dropped": gaps["dropped"], "in_minutes": self._in_minutes(),
            "stored_and_thinned": replaced - count.gaps, "refused": said["refused"], "unexplained": wrong,
        }  # fmt: skip

    def _fill_and_free(self) -> None:
        """The collector is away for the middle half; the disk is full for long once."""
        away = range(self._cycles // 4, 3 * self._cycles // 4)
        for cycle in range(self._cycles):
            if cycle == away.start and away:
                self._collector.kill()
            if cycle == away.stop and away:
                self._collector.start()
            ballast = self._disk / "ballast"
            fill(ballast)
            until_s = time.monotonic() + (LONG_S if cycle == 1 and away else self._rng.uniform(*FULL_S))
            while time.monotonic() < until_s:
                fill(ballast)  # whatever becomes free is taken at once
                time.sleep(0.2)
            ballast.unlink()
            time.sleep(self._rng.uniform(*FREE_S))  # so long there is room, before it is gone again

    def _settle(self) -> int:
        rig = self._rig
        for name in numbered_sensors():
            rig.stubs.remove(f"{NODE}/{name}")
        return settled(rig, [NODE])

    def _in_minutes(self) -> int:
        """Readings that live on in minutes which the agent has made."""
        thin = self._rig.store.select(Select("air_quality_1m", ("pm25_raw_ugm3_n", "cq")))
        return sum(int(n) for series in thin for _, n, cq in series.rows if cq is not None and n is not None)


def fill(ballast: Path) -> None:
    """Take what is free, to the last byte."""
    with ballast.open("ab", buffering=0) as file:
        for size in (2**20, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


@contextmanager
def mounted(file: Path, where: Path) -> Iterator[None]:
    """A small file system of its own. Raises Impossible."""
    need("mkfs.ext4", "mount", "umount", "losetup")
    image(file, DISK_BYTES, "mkfs.ext4", "-q", "-F", "-m", "0")
    where.mkdir()
    run("mount", "-o", "loop", str(file), str(where))
    try:
        yield
    finally:
        os.sync()
        subprocess.run(["umount", "--lazy", str(where)], check=False)
