"""One drain: write the backlog, start everything, watch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from collector.stores.store import Select
from edge_agent.reading import Reading, Series
from edge_agent.spool import Origin, Spool
from firmware_stubs.plantower import Pms5003
from benchmarks.street import Street
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, wait_for

NODE, SITE = "lp-0", "test-site"
SENSORS = 6
SEAL_S = 5.0
MEASURED_S = 300.0
LOOK_S = 0.2
MINUTE_MS = 60_000


class Drain:
    """`run` gives the one JSON object."""

    def __init__(self, folder: Path, backlog_s: int, seed: int, measured_s: float = MEASURED_S) -> None:
        self._folder, self._backlog_s, self._seed, self._measured_s = folder, backlog_s, seed, measured_s

    def run(self) -> dict[str, Any]:
        """Everything."""
        broker, database = Mosquitto(self._folder / "mosquitto"), Influxd(self._folder / "influxd")
        self._write_backlog()
        broker.start()
        database.start()
        self._rig = rig = Rig(self._folder, broker, database)
        try:
            sensors = {f"air-{n}": ("plantower-pms5003", Pms5003(period_s=1.0)) for n in range(SENSORS)}
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

    def _write_backlog(self) -> None:
        spool, street = Spool(self._folder / f"{NODE}.db", NODE, SITE), Street(self._seed)
        spool._db.execute("PRAGMA synchronous=OFF")  # the way here is not measured
        origin = Origin(NODE, SITE, "b71d04c2", "synced")
        start_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS - self._backlog_s * 1000 - MINUTE_MS
        series = [Series(f"air-{n}", "air_quality", (), "plantower-pms5003@1") for n in range(SENSORS)]
        for minute_ms in range(start_ms, start_ms + self._backlog_s * 1000, MINUTE_MS):
            seconds = [(minute_ms + 1000 * n, street.values()) for n in range(60)]
            spool.accept([Reading(one, time_ms, values) for one in series for time_ms, values in seconds], origin)
            spool.seal()
        self._backlog = spool.depth().rows
        spool.close()

    def _watch(self) -> dict[str, Any]:
        wait_for("the agent to connect", lambda: self._rig.status(NODE).get("connected_s") is not None, 30)
        began_s, live = time.monotonic(), Live(self._rig)
        while time.monotonic() < began_s + self._measured_s and self._left() > SENSORS * 2 * SEAL_S:
            live.look()
            time.sleep(LOOK_S)
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
            "live_readings": len(live.ages_s), "live_p50_s": live.quantile(0.5), "live_p99_s": live.quantile(0.99),
        }  # fmt: skip

    def _left(self) -> int:
        """Rows on the device by its own word, which is at most five seconds old."""
        rows: int = self._rig.status(NODE).get("waiting_rows", self._backlog)
        return rows

    def _live_waiting(self) -> int:
        return int(SENSORS * SEAL_S)


class Live:
    """How old readings are when they are first seen in the database."""

    def __init__(self, rig: Rig) -> None:
        self.ages_s: list[float] = []
        self._rig = rig
        self._seen_ms = int(time.time() * 1000)

    def look(self) -> None:
        """Ask for what is new; the age counts until the question was put."""
        now_s = time.time()
        question = Select("air_quality", ("qc",), since_ms=self._seen_ms + 1, where={"node": NODE, "sensor": "air-0"})
        times = [row[0] for series in self._rig.store.select(question) for row in series.rows]
        self.ages_s += [now_s - time_ms / 1000 for time_ms in times]
        self._seen_ms = max([self._seen_ms, *times])

    def quantile(self, share: float) -> float | None:
        """In seconds."""
        ages = sorted(self.ages_s)
        return round(ages[min(len(ages) - 1, int(share * len(ages)))], 2) if ages else None
