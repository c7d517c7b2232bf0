"""An agent with six sensors at 1 Hz on pseudo-terminals, its broker and collector real: memory, CPU, flash.

    python -m benchmarks.agents [--seconds 60]

Flash bytes are what the process hands to the disk (`write_bytes` of /proc/PID/io): the spool's. Its status file lies in
RAM, as on a Pi. Commits are syncs of the spool.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.collectors import cpu_s, running
from benchmarks.figure import Figure
from benchmarks.station import Station
from firmware_stubs.models import MODELS

SENSORS = ("plantower-pms5003", "plantower-pms5003", "nova-sds011", "nova-sds011", "plantower-pms5003", "nova-sds011")
SETTLE_S = 12.0


def air(t_s: float) -> dict[str, float]:
    """Particles that move a little every second."""
    step = int(t_s) % 53
    return {"pm1_ugm3": 11.0 + step, "pm25_ugm3": 23.0 + step, "pm10_ugm3": 31.0 + step, "temp_c": 20.0, "rh_pct": 50.0}


def measure(seconds: float) -> list[Figure]:
    """Run one agent for so long, after it has settled."""
    sensors = [(model, MODELS[model](air)) for model in SENSORS]
    with (
        running("sqlite", 60) as bench,
        TemporaryDirectory(prefix="lamppost-agent-") as folder,
        Station(Path(folder), "lp-bench", bench.broker.port, sensors) as station,
    ):
        station.start()
        time.sleep(SETTLE_S)
        return _watch(station, seconds)


def _watch(station: Station, seconds: float) -> list[Figure]:
    before, cpu, start_s, first = _bytes(station.pid), cpu_s(station.pid), time.monotonic(), station.status()
    time.sleep(seconds)
    span_s, said = time.monotonic() - start_s, station.status()
    written, spent_s = _bytes(station.pid) - before, cpu_s(station.pid) - cpu
    commits = said["commits"] - first["commits"]
    told_s = (said["at_ms"] - first["at_ms"]) / 1000
    return [
        Figure("agent, six sensors at 1 Hz: resident", _resident_mb(station.pid), "MB", budget="48"),
        Figure("agent: CPU", 100 * spent_s / span_s, "% of a core", budget="2"),
        Figure("agent: commits", 3600 * commits / told_s, "1/h", budget="3600"),
        Figure("agent: flash", written / span_s * 3600 / 2**20, "MiB/h"),
        Figure("agent: flash, a commit", written / 1024 / span_s * told_s / commits, "KiB", budget="25"),
        Figure("agent: readings a second", (said["accepted"] - first["accepted"]) / told_s, "1/s"),
    ]


def _bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("write_bytes")))


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    for figure in measure(parser.parse_args().seconds):
        print(figure)


if __name__ == "__main__":
    main()
