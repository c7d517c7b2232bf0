"""Figures that need no server: the collector's hot path, flags, rules, bytes on the wire and in the spool, start-up."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks import quality, stages
from benchmarks.figure import LOOP, Figure, loop_us
from benchmarks.traffic import real_pm25
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from lamppost import ROOMS
from wire import batch
from wire.batch import Block

PMS5003 = (
    ("pm1_raw_ugm3", 0.66), ("pm25_raw_ugm3", 1.0), ("pm10_raw_ugm3", 1.31), ("pm1_cf1_ugm3", 0.7),
    ("pm25_cf1_ugm3", 1.1), ("pm10_cf1_ugm3", 1.4), ("n_over03_per_dl", 180.0), ("n_over05_per_dl", 52.0),
    ("n_over1_per_dl", 9.0), ("n_over25_per_dl", 1.1), ("n_over5_per_dl", 0.4), ("n_over10_per_dl", 0.2),
)  # fmt: skip
"""All twelve values of a frame, as shares of PM2.5."""
COMMANDS = (("--help",), ("agent", "status"), *((word, "--help") for word in ROOMS))
SPOOL_ROWS = 3_600
REPEAT = 3


def hot_path() -> Iterator[Figure]:
    """All that a collector does for a point, in batches of 60 and of 5 rows; the loop is run before and after."""
    for rows, batches in ((60, 6), (5, 20)):
        found = []
        for _ in range(REPEAT):
            before = loop_us()
            with tempfile.TemporaryDirectory() as folder:
                us = stages.us_per_point(Path(folder), 100, batches, rows)
            found.append((us, us / median((before, loop_us()))))
        us, ratio = (median(each) for each in zip(*found, strict=True))
        name = f"collector without its servers, batches of {rows} rows"
        yield Figure(name, us, "µs CPU a point", LOOP, ratio, "5" if rows == 60 else None)


def flags() -> Iterator[Figure]:
    """The flags of a value."""
    loop = loop_us()
    for name, block in quality.blocks().items():
        us = median(quality.us_per_value(block) for _ in range(REPEAT))
        yield Figure(f"flags, {name}", us, "µs CPU a value", LOOP, us / loop, "0.2")


def wire() -> Iterator[Figure]:
    """Bytes a value of 60 readings of a PMS5003, as sealed: the median over the real year, and its worst stretch."""
    year, rng, found = real_pm25(), random.Random(5), []
    for number, (now, later) in enumerate(pairwise(year[::12])):
        columns = {
            name: [max(0, round((now + (later - now) * s / 3600) * share + rng.gauss(0, 0.6))) for s in range(60)]
            for name, share in PMS5003
        }
        times = [1_790_000_000_000 + number * 60_000 + s * 1000 + rng.randrange(3) for s in range(60)]
        block = Block("air-1", "air_quality", times, dict(columns), {}, "plantower-pms5003@1")
        sealed = batch.encode(
            node="lp-0017", site="jianguo-rd-east", spool="6f1c" * 8, seq=number + 1, boot="b71d04c2", clock="synced",
            blocks=[block],
        )  # fmt: skip
        found.append(len(sealed) / (60 * len(PMS5003)))
    yield Figure("wire, 60 readings of a PMS5003, median", median(found), "bytes a value", budget="2.0")
    yield Figure("wire, worst stretch of the year", max(found), "bytes a value")


def spool() -> Iterator[Figure]:
    """Bytes of the spool's file a reading of 8 values, committed by the second and sealed by the minute."""
    series = Series("air-1", "air_quality", (), "plantower-pms5003@1")
    year, rng, origin = real_pm25(), random.Random(3), Origin("lp-0017", "jianguo-rd-east", "b71d04c2", "synced")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spool.db"
        kept = Spool(path, "lp-0017", "jianguo-rd-east")
        start_ns = time.thread_time_ns()
        for row in range(SPOOL_ROWS):
            level = year[row // 3600]
            values: dict[str, float] = {
                name: max(0, round(level * share + rng.gauss(0, 0.6))) for name, share in PMS5003[:8]
            }
            kept.accept([Reading(series, 1_790_000_000_000 + row * 1000, values)], origin)
            if row % 60 == 59:
                kept.seal()
        spent_us = (time.thread_time_ns() - start_ns) / 1000
        kept.close()
        size = sum(file.stat().st_size for file in path.parent.iterdir())
    yield Figure("spool, a reading of 8 values", size / SPOOL_ROWS, "bytes", budget="77")
    yield Figure("spool, accept and seal", spent_us / SPOOL_ROWS, "µs CPU a reading")


def start_up() -> Iterator[Figure]:
    """From a command to its answer, CPU: every word of `lamppost`, beside a Python that does nothing."""
    bare_s = _run_s("-c", "pass")
    for words in COMMANDS:
        spent_s = _run_s("-m", "lamppost", *words)
        budget = "0.3" if words == ("agent", "status") else None
        name = f"start-up: lamppost {' '.join(words)}"
        yield Figure(name, spent_s, "s CPU", "a Python that does nothing", spent_s / bare_s, budget)


def _run_s(*words: str) -> float:
    """Seconds of CPU of a Python with these words; the median."""
    found = []
    for _ in range(REPEAT):
        before_s = _children_s()
        subprocess.run([sys.executable, *words], capture_output=True, check=False)
        found.append(_children_s() - before_s)
    return median(found)


def _children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def rules() -> Iterator[Figure]:
    """1,000 rules on 2,000 series, a reading of four quantities every 10 s each, in quiet air."""
    from benchmarks.rules import cost_us

    us = cost_us(2_000, 1_000)
    yield Figure("1,000 rules, quiet air", us, "µs CPU a point", LOOP, us / loop_us())
    yield Figure("series at one reading in 10 s on one core of rules", 10e6 / us, "series")
