"""`python -m tests.web.visited --nodes 10000 --visitors 200`: a fleet reports to real programs, first alone, then read.

mosquitto, InfluxDB 1.6, one collector with its page, virtual nodes in this process, readers in another. Prints one JSON
object: batches acknowledged a second and their acknowledgement times without readers, with readers of the front page
and with readers who look around, and what a page took.
Ends with 1 when a row is lost, a page's 95th percentile is 300 ms or more (a second where nearly every page is made
for one reader), or ingest is not what it was.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from simulator.fleet.fleet import Fleet
from simulator.fleet.node import VirtualNode, identity
from tests.fleet.steady import Steady
from tests.remains import end_with_us
from tests.rig import Rig, rig_alone

STEADY_S = 20.0
READERS = {"front_page": False, "looking_around": True}
KEPT = 0.97
"""Share of the batches a second without readers that must be acknowledged with them."""


def main() -> int:
    """Run and report."""
    wants = _arguments()
    end_with_us()
    with rig_alone() as rig:
        told = run(rig, wants)
    print(json.dumps(told))
    read = [told[name] for name in READERS]
    unaffected = all(one["batches_per_s"] >= KEPT * told["alone"]["batches_per_s"] for one in read)
    return int(
        told["lost"] > 0 or any(one["pages"]["p95_ms"] >= one["pages"]["p95_ms_max"] for one in read) or not unaffected
    )


def run(rig: Rig, wants: argparse.Namespace) -> dict[str, Any]:
    """The fleet connects and settles, then stretches of the same length: alone, and with each kind of readers."""
    rig.collector().start()
    rig.wait_for_page()
    rng = random.Random(wants.seed)
    nodes = [VirtualNode(identity(f"lp-{n:05d}", f"street-{n % 97}", wants.seed), rng) for n in range(wants.nodes)]
    fleet = Fleet(("127.0.0.1", rig.broker.port), nodes, Steady(1, 8), period_s=10.0)
    try:
        until_s = time.monotonic() + wants.connect
        while time.monotonic() < until_s and fleet.connected() < wants.nodes:
            fleet.run(time.monotonic() + 2.0)
        fleet.run(time.monotonic() + STEADY_S)
        alone = _stretch(fleet, wants.seconds)
        read = {name: _read(fleet, rig.page_port, wants, around) for name, around in READERS.items()}
        waiting = fleet.settle(time.monotonic() + 60)
    finally:
        fleet.close()
    stored, rows = rig.count("air_quality"), fleet.tally.counts["rows"]
    connected = {"nodes": wants.nodes, "unanswered": waiting, "lost": rows - stored}
    return {**connected, "alone": alone, **read}


def _read(fleet: Fleet, port: int, wants: argparse.Namespace, around: bool) -> dict[str, Any]:
    """A stretch with readers, and what their pages took."""
    amount = ["--visitors", str(wants.visitors), "--seconds", str(wants.seconds)]
    amount += ["--stations", str(wants.nodes)] if around else []
    command = [sys.executable, "-m", "benchmarks.visitors", "--port", str(port), *amount]
    readers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told = _stretch(fleet, wants.seconds)
    while readers.poll() is None:
        fleet.run(time.monotonic() + 0.5)
    assert readers.stdout is not None
    return told | {"pages": json.loads(readers.stdout.read())}


def _stretch(fleet: Fleet, seconds: float) -> dict[str, Any]:
    """What a stretch of time came to."""
    before = Counter(fleet.tally.ack_ms)
    began_s = time.monotonic()
    fleet.run(began_s + seconds)
    took_s = time.monotonic() - began_s
    acked = Counter(fleet.tally.ack_ms)
    acked.subtract(before)
    number = sum(acked.values())
    return {"batches_per_s": round(number / took_s), "ack_ms_p50": _at(acked, 0.5), "ack_ms_p99": _at(acked, 0.99)}


def _at(counted: Counter[int], share: float) -> int | None:
    left = share * sum(counted.values())
    for bucket in sorted(counted):
        left -= counted[bucket]
        if left <= 0:
            return bucket
    return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("nodes", 10_000), ("visitors", 200), ("seconds", 40), ("connect", 120), ("seed", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
