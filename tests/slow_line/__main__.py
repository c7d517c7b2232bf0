"""`python -m tests.slow_line --bytes N --seed S`: one JSON object; exit code 0 when the station was served.

Six sensors at 1 Hz and a backlog share the line. At the end it is quick, so that everything can be counted.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import backlog
from benchmarks.ages import Ages, quantile
from firmware_stubs.plantower import Pms5003
from tests.drain.drain import NODE, SITE, spiking
from tests.proof import Impossible, begun, skipped
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, free_port, wait_for
from tests.slow_line.radio import NEAR, Way, link

QUICK_BYTES_S = 1e6
LOOK_S = 0.5
CONNECT_S = 120.0


def main() -> int:
    """One line."""
    parser = argparse.ArgumentParser(prog="python -m tests.slow_line", description=__doc__)
    parser.add_argument("--bytes", type=float, default=120.0, help="a second, each way")
    parser.add_argument("--delay", type=float, default=0.5, help="seconds, each way")
    parser.add_argument("--lost", type=float, default=0.02, help="share of the packets, each way")
    parser.add_argument("--backlog", type=int, default=600, help="seconds of readings that wait")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the line is slow")
    asked = begun(parser)
    up, down = (
        Way(asked.bytes, asked.delay, asked.lost, rng=random.Random(f"{asked.seed} {way}")) for way in ("up", "down")
    )
    with tempfile.TemporaryDirectory(prefix="lamppost-slow-line-") as folder:
        try:
            with link(up, down) as inside:
                said = run(Path(folder), (up, down), inside, asked)
        except Impossible as error:
            return skipped(asked, error)
    print(json.dumps(said))
    kept = not (said["lost"] or said["doubled"] or said["stuck"])
    return int(not kept or said["disconnected"] > 0 or said["delivered_while_slow"] == 0)


def run(folder: Path, ways: tuple[Way, Way], inside: tuple[str, ...], asked: argparse.Namespace) -> dict[str, Any]:
    """Everything but the line."""
    broker, database = Listening(folder / "mosquitto"), Influxd(folder / "influxd")
    waiting = backlog.write(folder / f"{NODE}.db", NODE, SITE, asked.backlog, asked.seed)
    broker.start()
    database.start()
    rig = Rig(folder, broker, database)
    try:
        sensors = {f"air-{n}": (backlog.PROFILE, Pms5003(spiking) if n == 5 else Pms5003()) for n in range(6)}
        agent = rig.agent(NODE, sensors, seal_s=5.0, broker={"host": NEAR, "port": broker.far_port, "spread_s": 0.5})
        agent.command = [*inside, *agent.command]
        rig.collector().start()
        rig.wait_for_page()
        agent.start()
        rig.stubs.start()
        ages = Ages(rig.store, NODE)
        ages.watch(asked.seconds, LOOK_S)
        slow = rig.status(NODE)
        for way in ways:
            way.bytes_s, way.delay_s, way.lost_share = QUICK_BYTES_S, 0.0, 0.0
        for sensor in sensors:
            rig.stubs.remove(f"{NODE}/{sensor}")
        wait_for("the rest", lambda: rig.status(NODE)["waiting_rows"] == 0, CONNECT_S)
        accepted, stored = waiting + rig.status(NODE)["accepted"], rig.count("air_quality")
        return {
            "seed": asked.seed, "accepted": accepted, "stored": stored, "lost": max(0, accepted - stored),
            "doubled": max(0, stored - accepted), "stuck": rig.status(NODE)["waiting_rows"],
            "delivered_while_slow": waiting + slow["accepted"] - slow["waiting_rows"],
            "resent": slow["counts"].get("resent", 0), "disconnected": slow["counts"].get("disconnected", 0),
            "live_readings": len(ages.ordinary_s), "live_p50_s": quantile(ages.ordinary_s, 0.5),
            "live_p99_s": quantile(ages.ordinary_s, 0.99), "urgent_readings": len(ages.events_s),
            "urgent_p99_s": quantile(ages.events_s, 0.99),
        }  # fmt: skip
    finally:
        rig.close()
        broker.stop()
        database.stop()


class Listening(Mosquitto):
    """It listens to the far side too."""

    def __init__(self, folder: Path) -> None:
        self.far_port = free_port()
        self.extra = f"listener {self.far_port} {NEAR}\n"
        super().__init__(folder)


if __name__ == "__main__":
    sys.exit(main())
