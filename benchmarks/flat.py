"""A collector's memory over a long run: at full rate, then with its database down while the stream goes on.

200 stations that drain two days of backlog, each with a sensor at 1 Hz: that is how so few come to send at full rate.
(Tens of thousands of stations that do so live take some 50 KB each beside this, for what rules may have to play again.)

    python -m benchmarks.flat [--seconds 600] [--limit 200] [--workers 1]

Prints one JSON object with the resident megabytes at each tenth of either part; ends with 1 when one is above the
limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.collectors import BATCHES, Bench, children, running
from benchmarks.figure import Figure
from wire.times import DAY_MS

NODES = 200
INTERVAL_MS = 1_000
STREAM_MS = BATCHES * 60 * INTERVAL_MS + 1_000
BACK_MS = 2 * DAY_MS
"""The same nodes for ever, one stream after the other in the order of time; ten minutes get about half way."""


def resident_mb(pid: int) -> float:
    """What the largest process of a program holds now."""
    texts = [Path(f"/proc/{each}/status").read_text(encoding="utf-8") for each in (pid, *children(pid))]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("VmRSS")]
    return max(int(line.split()[1]) for line in lines) / 1024


def full_rate(bench: Bench, seconds: float) -> list[float]:
    """Streams one after the other until the time is over."""
    assert bench.process is not None
    end_s, found = time.monotonic() + seconds, []
    start_ms = round(time.time() * 1000) - BACK_MS
    while time.monotonic() < end_s:
        start_ms += STREAM_MS
        subprocess.run(_command(bench, 0, start_ms), input=b"go\n", capture_output=True, check=True)
        found.append(resident_mb(bench.process.pid))
    return found


def _command(bench: Bench, first: int, start_ms: int) -> list[str]:
    numbers = (bench.broker.port, NODES, BATCHES, 60, first, start_ms, INTERVAL_MS)
    return [sys.executable, "-m", "benchmarks.stream", *map(str, numbers)]


def database_down(bench: Bench, seconds: float) -> list[float]:
    """The database is killed and the streams go on knocking; each gives up after a while, and the next begins."""
    assert bench.process is not None
    assert bench.database is not None
    bench.database.kill()
    end_s, found = time.monotonic() + seconds, []
    ending = threading.Event()
    knocking = threading.Thread(target=_knock, args=(bench, ending))
    knocking.start()
    while time.monotonic() < end_s:
        time.sleep(min(5.0, seconds / 10))
        found.append(resident_mb(bench.process.pid))
    ending.set()
    knocking.join()
    bench.database.start()
    return found


def _knock(bench: Bench, ending: threading.Event) -> None:
    while not ending.is_set():
        command = _command(bench, 0, round(time.time() * 1000))
        subprocess.run(command, input=b"go\n", capture_output=True, check=False, timeout=120)


def figures(seconds: float) -> Iterator[Figure]:
    """The short form: how much a collector holds after so long at full rate, and after as long without its database."""
    up, down = measure(seconds)
    for when, found in (("at full rate", up), ("with its database down", down)):
        yield Figure(
            f"collector, {NODES} nodes {when}: resident", found[-1], "MB", "its start", found[-1] / found[0], "200"
        )


def measure(seconds: float, workers: int = 1) -> tuple[list[float], list[float]]:
    """Megabytes at full rate, and then with the database down, so long each."""
    with running("influx1", 60, workers) as bench:
        return full_rate(bench, seconds), database_down(bench, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--limit", type=float, default=200)
    parser.add_argument("--workers", type=int, default=1, help="the largest process counts")
    args = parser.parse_args()
    up, down = measure(args.seconds, args.workers)
    tenths = {name: _tenths(found) for name, found in (("full_rate_mb", up), ("database_down_mb", down))}
    most = max(*up, *down)
    print(json.dumps(tenths | {"most_mb": round(most, 1), "limit_mb": args.limit}))
    return 0 if most <= args.limit else 1


def _tenths(found: list[float]) -> list[float]:
    return [round(found[at * (len(found) - 1) // 9], 1) for at in range(10)]


if __name__ == "__main__":
    sys.exit(main())
