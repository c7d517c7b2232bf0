"""What a whole collector costs and takes, on real servers: points a second and CPU, beside the database fed directly.

    python -m benchmarks.collectors [--store influx1|influx2|sqlite|sink] [--points 300000] [--rows 60] [--repeat 3]
                                    [--apart] [--workers 1]

The direct feed writes the very lines that the collector writes, readings, ledger and minutes, rendered before, 5,000
in a request, over one connection and over two; the better is the rate that the collector is held against. Both rates
are readings a second. Direct and collector take turns, and medians are compared: what else ran hits both.

`--apart` gives the database one core of its own, and all else one other: broker, sender and collector, or the direct
feed. On shared cores of a small machine the ratio says who gets how much of them; apart it says whether the database
ever waits for a collector.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from benchmarks.sink import Sink
from benchmarks.traffic import fleet
from collector import rules
from collector.numbers import derive
from collector.numbers.calibration import Calibrations
from collector.numbers.open_windows import OpenWindows
from collector.numbers.quality import Quality
from collector.numbers.reporting import reports_as_china
from collector.numbers.stored_windows import table_of
from collector.numbers.windows import MINUTES
from collector.stores.influx1 import Influx1
from collector.stores.line_protocol import lines
from collector.stores.store import Store, Stored
from simulator.programs import free_port
from simulator.servers import Influxd, Mosquitto, Server, Victoria, listens, wait_for
from wire import batch, check

STARTER = Path(rules.__file__).parent / "starter.yaml"
BATCHES = 9
"""Of each node: minutes from now that readings may lie ahead of the clock."""
LINES_PER_WRITE = 5_000
CORES = sorted(os.sched_getaffinity(0))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rate:
    """Points a second, CPU microseconds a point of the program that feeds, and what its answers took."""

    per_s: float
    cpu_us: float
    answer_p50_ms: float = 0.0
    answer_p99_ms: float = 0.0
    peak_mb: float = 0.0


class Bench:
    """A broker, a database and a collector between them, in one folder."""

    def __init__(self, folder: Path, store: str, rows: int, workers: int = 1, apart: bool = False) -> None:
        self.folder = folder
        self._apart = apart
        self.rows = rows
        self.broker = Mosquitto(folder / "broker")
        self.database: Server | None = (
            {"influx1": Influxd, "influx2": Victoria, "sink": Sink}[store](folder / "db") if store != "sqlite" else None
        )
        self._store = store
        self._workers = workers
        self._first = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start all three and wait until they answer."""
        self.broker.start()
        if self.database is not None:
            with on_core(0 if self._apart else None):
                self.database.start()
        settings: dict[str, Any] = {
            "name": "c1",
            "broker": {"port": self.broker.port},
            "store": self._store_settings(),
            "state_file": str(self.folder / "state.db"),
            "rules": [str(STARTER)],
            "web": {"port": free_port()},
        }
        file = self.folder / "collector.yaml"
        file.write_text(yaml.safe_dump(settings))
        more = ["--workers", str(self._workers)] if self._workers > 1 else []
        command = [sys.executable, "-m", "benchmarks.ahead", "collector", "run", "--quiet", *more, str(file)]
        with (self.folder / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the collector", lambda: listens(settings["web"]["port"]))

    def _store_settings(self) -> dict[str, Any]:
        if self._store == "sqlite":
            return {"kind": "sqlite", "path": str(self.folder / "readings.db")}
        url = f"http://127.0.0.1:{self.database.port}"  # type: ignore[union-attr]
        if self._store in ("influx1", "sink"):
            return {"kind": "influx1", "url": url, "database": "lamppost"}
        token = self.folder / "token"
        token.write_text("t")
        return {"kind": "influx2", "url": url, "token_file": str(token)}

    def stop(self) -> None:
        """End what was started."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
        if self.database is not None:
            self.database.stop()
        self.broker.stop()

    def collector(self, points: int) -> Rate:
        """One stream through broker and collector."""
        nodes = max(1, round(points / self.rows / BATCHES))
        assert self.process is not None
        arguments = map(str, (self.broker.port, nodes, BATCHES, self.rows, self._first))
        self._first += nodes
        with stream(arguments) as sending:
            before = cpu_s(self.process.pid)
            said = finished(sending)
        if not said:
            log = (self.folder / "collector.log").read_text(encoding="utf-8")[-2000:]
            raise SystemExit(f"the stream broke; the collector says:\n{log}")
        spent_s = cpu_s(self.process.pid) - before
        return Rate(
            said["points"] / said["seconds"],
            1e6 * spent_s / said["points"],
            said["answer_p50_ms"],
            said["answer_p99_ms"],
            peak_mb(self.process.pid),
        )

    def direct(self, points: int, connections: int) -> Rate:
        """The same lines straight into the database."""
        nodes = max(1, round(points / self.rows / BATCHES))
        bodies = rendered(nodes, self.rows, self._first)
        self._first += nodes
        start_cpu, start_s = time.process_time(), time.monotonic()
        threads = [
            threading.Thread(target=_write, args=(self.direct_store(), bodies[n::connections]))
            for n in range(connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = nodes * self.rows * BATCHES
        return Rate(count / (time.monotonic() - start_s), 1e6 * (time.process_time() - start_cpu) / count)

    def direct_store(self) -> Store:
        from collector.stores.influx2 import Influx2

        url = f"http://127.0.0.1:{self.database.port}"  # type: ignore[union-attr]
        return Influx1(url, "lamppost") if self._store != "influx2" else Influx2(url, "lamppost", "lamppost", "t")


def stream(arguments: Iterable[str]) -> subprocess.Popen[bytes]:
    """A sender whose nodes are known to the collector and who waits for `finished`."""
    command = [sys.executable, "-m", "benchmarks.stream", *arguments]
    sending = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert sending.stdout is not None
    sending.stdout.readline()
    return sending


def finished(sending: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Let a stream begin, and wait for what it has to say; nothing when it broke."""
    said, _ = sending.communicate(b"go\n")
    found: dict[str, Any] = json.loads(said or b"{}")
    return found


def rendered(nodes: int, rows: int, first: int) -> list[bytes]:
    """Request bodies of all lines that a collector makes of such a stream."""
    made: list[bytes] = []
    calibrations = Calibrations(sqlite3.connect(":memory:", isolation_level=None))
    derivation = derive.Derivation(Quality({}), calibrations, reports_as_china)
    windows = OpenWindows(lambda _: ZoneInfo("Asia/Shanghai"))
    now_ms = round(time.time()) * 1000
    senders = list(fleet(nodes, BATCHES, rows, now_ms, first))
    for turn in range(BATCHES):
        for sender, sealed in senders:
            envelope = batch.read(sender.node, sealed[turn])
            checked = check.check(envelope.blocks, now_ms)
            for table in derivation.tables(envelope, checked.blocks):
                made += lines(table)
                windows.take(table, now_ms)
            digest = batch.digest(sealed[turn])
            made += lines(derive.ledger(envelope, digest, rows, 0, checked.blocks[0].times_ms[-1]))
        for key in list(windows.minutes):
            made += lines(table_of(key, MINUTES, windows.minutes.pop(key)))
    return [b"\n".join(made[at : at + LINES_PER_WRITE]) for at in range(0, len(made), LINES_PER_WRITE)]


def _write(store: Store, bodies: list[bytes]) -> None:
    for body in bodies:
        answer = store.write([body])
        if not isinstance(answer, Stored):
            raise SystemExit(f"the database says {answer}")
    store.close()


def cpu_s(pid: int) -> float:
    """Seconds of CPU of a process and of the children it has now."""
    total = 0.0
    for each in (pid, *children(pid)):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return total


def children(pid: int) -> list[int]:
    """The processes that a process has started, from whichever of its threads."""
    return [
        int(text)
        for each in Path(f"/proc/{pid}/task").glob("*/children")
        for text in each.read_text(encoding="utf-8").split()
    ]


def peak_mb(pid: int) -> float:
    """The most that a process has held in memory."""
    line = next(
        line
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


@contextmanager
def on_core(number: int | None) -> Iterator[None]:
    """What is started meanwhile stays on this core; None: on any."""
    before = os.sched_getaffinity(0)
    if number is not None:
        os.sched_setaffinity(0, {CORES[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(store: str, rows: int, workers: int = 1, apart: bool = False) -> Iterator[Bench]:
    """A bench that is up; it is down afterwards whatever happens."""
    with TemporaryDirectory(prefix="lamppost-bench-") as folder, on_core(1 if apart else None):
        bench = Bench(Path(folder), store, rows, workers, apart)
        try:
            bench.start()
            yield bench
        finally:
            bench.stop()


def compare(
    store: str, points: int, rows: int, repeat: int, workers: int = 1, apart: bool = False
) -> tuple[Rate, float | None, list[float]]:
    """The median run of the collector, the median direct rate (None for SQLite), and every ratio."""
    with running(store, rows, workers, apart) as bench:
        bench.collector(points // 4)  # what happens once: series enlisted, files made
        runs: list[Rate] = []
        directs: list[float] = []
        for _ in range(repeat):
            if store != "sqlite":
                directs.append(max(bench.direct(points, connections).per_s for connections in (1, 2)))
            runs.append(bench.collector(points))
    middle = sorted(runs, key=lambda rate: rate.per_s)[len(runs) // 2]
    ratios = [rate.per_s / direct for rate, direct in zip(runs, directs, strict=False)]
    return middle, median(directs) if directs else None, ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", default="influx1")
    parser.add_argument("--points", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--apart", action="store_true")
    args = parser.parse_args()
    rate, direct, ratios = compare(args.store, args.points, args.rows, args.repeat, args.workers, args.apart)
    print(rate, direct, [round(r, 3) for r in ratios])


if __name__ == "__main__":
    main()
