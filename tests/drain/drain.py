"""One drain: write the backlog, start everything, watch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks import backlog
from benchmarks.ages import EVENT, Ages, quantile
from benchmarks.backlog import SENSORS
from firmware_stubs.plantower import Pms5003
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, wait_for

NODE, SITE = "lp-0", "test-site"
SEAL_S = 5.0
MEASURED_S = 300.0
LOOK_S = 0.2
SPIKE_S = 20
"""One sensor goes beyond its urgent level for a second, so often."""


def spiking(t_s: float) -> dict[str, float]:
    """A street where dust flies up now and then."""
    level = 2 * EVENT if int(t_s) % SPIKE_S == 0 else 30.0
    return {"pm1_ugm3": 0.6 * level, "pm25_ugm3": level, "pm10_ugm3": 1.3 * level}


class Drain:
    """`run` gives the one JSON object."""

    def __init__(self, folder: Path, backlog_s: int, seed: int, measured_s: float = MEASURED_S) -> None:
        self._folder, self._backlog_s, self._seed, self._measured_s = folder, backlog_s, seed, measured_s

    def run(self) -> dict[str, Any]:
        """Everything."""
        broker, database = Mosquitto(self._folder / "mosquitto"), Influxd(self._folder / "influxd")
        self._backlog = backlog.write(self._folder / f"{NODE}.db", NODE, SITE, self._backlog_s, self._seed)
        broker.start()
        database.start()
        self._rig = rig = Rig(self._folder, broker, database)
        try:
            sensors = {f"air-{n}": (backlog.PROFILE, Pms5003()) for n in range(SENSORS - 1)}
            sensors["air-5"] = (backlog.PROFILE, Pms5003(spiking))
            agent = rig.agent(NODE, sensors, seal_s=SEAL_S)
            collector = rig.collector()
            collector.start()
            rig.wait_for_page()
            agent.start()
            rig.stubs.start()
            return self._watch()
        finally:
            rig.close()
            broker.stop()
            database.stop()

    def _watch(self) -> dict[str, Any]:
        wait_for("the agent to connect", lambda: self._rig.status(NODE).get("connected_s") is not None, 30)
        began_s, live = time.monotonic(), Ages(self._rig.store, NODE)
        live.watch(self._measured_s, LOOK_S, lambda: self._left() <= SENSORS * 2 * SEAL_S)
        took_s = time.monotonic() - began_s
        drained = self._backlog - max(0, self._left() - self._live_waiting())
        for number in range(SENSORS):
            self._rig.stubs.remove(f"{NODE}/air-{number}")
        wait_for("the rest", lambda: self._left() == 0, timeout_s=900)
        accepted = self._backlog + self._rig.status(NODE)["accepted"]
        stored = self._rig.count("air_quality")
        return {
            "seed": self._seed, "kills": {}, "accepted": accepted, "stored": stored, "quarantined": 0, "gaps": 0,
            "lost": max(0, accepted - stored), "doubled": max(0, stored - accepted), "stuck": self._left(),
            "measured_s": round(took_s, 1), "times_real_time": round(drained / SENSORS / took_s),
            "live_readings": len(live.ordinary_s), "live_p50_s": quantile(live.ordinary_s, 0.5),
            "live_p99_s": quantile(live.ordinary_s, 0.99), "urgent_readings": len(live.events_s),
            "urgent_p99_s": quantile(live.events_s, 0.99),
        }  # fmt: skip

    def _left(self) -> int:
        """Rows on the device by its own word, which is at most five seconds old."""
        rows: int = self._rig.status(NODE).get("waiting_rows", self._backlog)
        return rows

    def _live_waiting(self) -> int:
        return int(SENSORS * SEAL_S)
