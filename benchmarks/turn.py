"""The turn of an hour: every station's hour closes within seconds, with indices that look back a day in the database.

    python -m benchmarks.turn [--nodes 1000]

A real InfluxDB holds 24 hours of each station; then the first reading of the next hour comes from all of them. What is
told: seconds until all hours and indices are stored, CPU of this process, and how long the longest step of the thread
that takes batches kept the next one waiting.
"""

from __future__ import annotations

import argparse
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure
from collector.numbers.open_windows import GRACE_MS
from collector.numbers.quality import Quality
from collector.numbers.reporting import reports_as_china
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.stores.influx1 import Influx1
from collector.stores.store import Stored, Table, Tags
from collector.writers import Writers
from simulator.servers import Influxd
from wire.times import HOUR_MS, MINUTE_MS

QUANTITIES = ("pm1_ugm3", "pm25_ugm3", "pm10_ugm3")
TURN_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
IDLE_S = 0.2
FIELDS = {"mean": 41.5, "min": 33.0, "max": 50.25, "n": 60}


def tags(number: int) -> Tags:
    """The series of one station."""
    return ("node", f"lp-{number:05}"), ("sensor", "air-1"), ("site", f"site-{number:05}")


def history(nodes: int) -> Iterator[Table]:
    """A day of hours of every station."""
    times = [TURN_MS - (25 - n) * HOUR_MS for n in range(24)]
    columns = {f"{name}_{stat}": [value] * 24 for name in QUANTITIES for stat, value in FIELDS.items()}
    whole = frozenset(name for name in columns if name.endswith("_n"))
    for number in range(nodes):
        yield Table("air_quality_1h", tags(number), times, columns, whole)


def readings(number: int, since_ms: int, until_ms: int) -> Table:
    """A reading a minute."""
    times = list(range(since_ms, until_ms, MINUTE_MS))
    wave = [40 + 5 * math.sin(n + number) for n in range(len(times))]
    return Table("air_quality", tags(number), times, dict.fromkeys(QUANTITIES, wave), frozenset())


def turn(nodes: int, folder: Path) -> tuple[float, float, float]:
    """Seconds until all hours are stored, CPU seconds, and the longest step."""
    database = Influxd(folder / "db")
    database.start()
    try:
        store = Influx1(f"http://127.0.0.1:{database.port}", "lamppost")
        assert store.prepare() == Stored()
        rows = [row for table in history(nodes) for row in store.render(table)]
        for first in range(0, len(rows), 5_000):
            assert store.write(rows[first : first + 5_000]) == Stored()
        rollups = Rollups(
            store, WindowBook(sqlite3.connect(":memory:", isolation_level=None)), reports_as_china, Quality({})
        )
        begin_ms = TURN_MS - HOUR_MS
        for number in range(nodes):
            rollups.observe([readings(number, begin_ms - 20 * MINUTE_MS, begin_ms)], begin_ms - 20 * MINUTE_MS)
            rollups.observe([readings(number, begin_ms, TURN_MS)], TURN_MS)
        rollups.step(TURN_MS)
        for number in range(nodes):
            rollups.observe([readings(number, TURN_MS, TURN_MS + MINUTE_MS)], TURN_MS + 1_000)
        return _measured(rollups, nodes)
    finally:
        database.stop()


def _measured(rollups: Rollups, nodes: int) -> tuple[float, float, float]:
    woken = threading.Event()
    writers = Writers(1, woken.set)
    rollups.aside = writers.aside
    start_s, start_cpu_s, longest_s = time.monotonic(), time.process_time(), 0.0
    now_ms = TURN_MS + 1_000
    before = rollups.counts["hours"]
    while rollups.counts["hours"] - before < nodes:
        step_s = time.monotonic()
        rollups.step(now_ms)
        longest_s = max(longest_s, time.monotonic() - step_s)
        woken.wait(IDLE_S)
        woken.clear()
        now_ms = min(now_ms + 200, TURN_MS + GRACE_MS)
    writers.stop()
    return time.monotonic() - start_s, time.process_time() - start_cpu_s, longest_s


def figures(nodes: int = 1_000) -> Iterator[Figure]:
    """What a city's hour costs, and how long a batch may wait for it."""
    with TemporaryDirectory(prefix="lamppost-bench-") as folder:
        took_s, cpu_s, longest_s = turn(nodes, Path(folder))
    yield Figure(f"the turn of an hour, {nodes:,} stations, until all is stored", took_s, "s")
    yield Figure("the turn of an hour: CPU", 1000 * cpu_s / nodes, "ms a station")
    yield Figure("the turn of an hour: longest step", longest_s, "s", budget="1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000)
    args = parser.parse_args()
    for figure in figures(args.nodes):
        print(f"{figure.name:70} {figure.value:8.2f} {figure.unit}")


if __name__ == "__main__":
    main()
