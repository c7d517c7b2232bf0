"""An agent with six sensors at 1 Hz on pseudo-terminals, its broker and collector real: memory, CPU, flash.

    python -m benchmarks.agents [--seconds 60]

Flash bytes are what the process hands to the disk (`write_bytes` of /proc/PID/io), commits those of the spool.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.collectors import cpu_s, running
from benchmarks.figure import Figure
from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from simulator.servers import wait_for

SENSORS = ("plantower-pms5003", "plantower-pms5003", "nova-sds011", "nova-sds011", "plantower-pms5003", "nova-sds011")
SETTLE_S = 12.0


def air(t_s: float) -> dict[str, float]:
    """Particles that move a little every second."""
    step = int(t_s) % 53
    return {"pm1_ugm3": 11.0 + step, "pm25_ugm3": 23.0 + step, "pm10_ugm3": 31.0 + step, "temp_c": 20.0, "rh_pct": 50.0}


def measure(seconds: float) -> list[Figure]:
    """Run one agent for so long, after it has settled."""
    with running("sqlite", 60) as bench, TemporaryDirectory(prefix="lamppost-agent-") as folder:
        host = StubHost()
        try:
            return _run(bench.broker.port, Path(folder), host, seconds)
        finally:
            host.stop()


def _run(broker_port: int, folder: Path, host: StubHost, seconds: float) -> list[Figure]:
    status_file = folder / "status.json"
    entries = [
        {
            "name": f"air-{number}",
            "profile": model,
            "port": host.add(f"air-{number}", MODELS[model](air)),
            "interval_s": 1,
        }
        for number, model in enumerate(SENSORS)
    ]
    settings: dict[str, Any] = {
        "node": "lp-bench",
        "site": "bench",
        "broker": {"port": broker_port, "spread_s": 0},
        "spool": {"path": str(folder / "spool.db"), "allow_tmpfs": True},
        "clock": {"trust": "always"},
        "status_file": str(status_file),
        "sensors": entries,
    }
    file = folder / "agent.yaml"
    file.write_text(yaml.safe_dump(settings))
    host.start()
    with (folder / "log").open("ab") as log:
        agent = subprocess.Popen(
            [sys.executable, "-m", "lamppost", "agent", "run", "-q", str(file)], stdout=log, stderr=log
        )
    try:
        wait_for("the agent to be heard", lambda: _status(status_file).get("connected_s") is not None, 40)
        time.sleep(SETTLE_S)
        before, cpu, start_s = _bytes(agent.pid), cpu_s(agent.pid), time.monotonic()
        time.sleep(seconds)
        span_s = time.monotonic() - start_s
        written, spent_s = _bytes(agent.pid) - before, cpu_s(agent.pid) - cpu
        said = _status(status_file)
        return [
            Figure("agent, six sensors at 1 Hz: resident", _resident_mb(agent.pid), "MB", budget="48"),
            Figure("agent: CPU", 100 * spent_s / span_s, "% of a core", budget="2"),
            Figure("agent: flash", written / span_s * 3600 / 2**20, "MiB/h"),
            Figure("agent: flash per second, one commit", written / span_s / 1024, "KiB", budget="25"),
            Figure("agent: readings a second", said["accepted"] / max(said["up_s"], 1), "1/s"),
        ]
    finally:
        agent.terminate()
        agent.wait(30)


def _status(file: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return said


def _bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("write_bytes")))


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    for figure in measure(parser.parse_args().seconds):
        print(figure)


if __name__ == "__main__":
    main()
