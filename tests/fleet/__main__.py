"""`python -m tests.fleet --nodes 10000 --seconds 600`: a fleet against real programs; one JSON object at the end.

mosquitto on its default configuration, one collector, InfluxDB 1.6; the fleet is this process. `simulator_cores` is the
CPU time of this process by the time it took, connecting included. Exit code 1 when a row is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from simulator.fleet.fleet import Fleet
from simulator.fleet.node import VirtualNode, identity
from tests.fleet.steady import Steady
from tests.remains import end_with_us
from tests.rig import Rig, rig_alone
from tests.servers import Influxd, Mosquitto

TOLD_EVERY_S = 10.0


def main() -> None:
    """Run, settle, count."""
    arguments = _arguments()
    end_with_us()
    with rig_alone() as rig:
        said = run(rig, arguments)
    print(json.dumps(said))
    sys.exit(0 if said["lost"] == 0 else 1)


def run(rig: Rig, wants: argparse.Namespace) -> dict[str, Any]:
    """One run of a fleet; what it came to."""
    collector = rig.collector()
    collector.start()
    rig.wait_for_page()
    assert collector.process is not None
    rng = random.Random(wants.seed)
    nodes = [VirtualNode(identity(f"lp-{n:05d}", f"street-{n % 97}", wants.seed), rng) for n in range(wants.nodes)]
    cpu_s, began_s = time.process_time(), time.monotonic()
    source = Steady(wants.rows, wants.values, wants.period)
    fleet = Fleet(("127.0.0.1", rig.broker.port), nodes, source, period_s=wants.period)
    teller = _Teller(fleet)
    try:
        fleet.run(began_s + wants.seconds, teller)
        waiting = fleet.settle(time.monotonic() + wants.settle, teller)
        took_s, spent_s = time.monotonic() - began_s, time.process_time() - cpu_s
        tally, pids = fleet.tally, {"collector": collector.process.pid, "mosquitto": _pid(rig.broker)}
        cores = {name: round(_cpu_s(pid) / took_s, 2) for name, pid in (pids | {"influxd": _pid(rig.database)}).items()}
    finally:
        fleet.close()
    stored = rig.count("air_quality")
    return {
        "nodes": wants.nodes, "seconds": round(took_s), "batches": tally.counts["sealed"], "rows": tally.counts["rows"],
        "stored": stored, "lost": tally.counts["rows"] - stored, "unanswered": waiting,
        "resent": tally.counts["published"] - tally.counts["sealed"], "counts": dict(tally.counts),
        "ack_ms": {f"p{round(share * 100)}": tally.percentile_ms(share) for share in (0.5, 0.99, 1.0)},
        "simulator_cores": round(spent_s / took_s, 3),
        "simulator_us_per_batch": round(spent_s / max(1, tally.counts["sealed"]) * 1e6), "cores": cores,
    }  # fmt: skip


class _Teller:
    """A line on stderr now and then."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self._due_s = fleet, 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + TOLD_EVERY_S
        fleet = self._fleet
        text = f"{fleet.connected()} connected, {fleet.tally.counts['sealed']} batches, {fleet.waiting()} wait"
        print(text, file=sys.stderr, flush=True)


def _pid(server: Mosquitto | Influxd) -> int:
    assert server.process is not None
    return server.process.pid


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("nodes", 10_000),
        ("seconds", 600),
        ("settle", 120),
        ("rows", 1),
        ("values", 8),
        ("seed", 7),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--period", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
