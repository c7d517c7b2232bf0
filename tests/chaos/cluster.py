"""`python -m tests.chaos.cluster --kills N --readings N --seed S`: a broker of three nodes, each killed in turn.

Three nats-servers with JetStream and three replicas, spoken to in MQTT 3.1.1; agents and collectors know all three
addresses. One node after the other dies by kill -9 and comes back. One JSON object on stdout; 0 when nothing was lost.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

from tests.chaos.__main__ import command
from tests.chaos.scene import Scene
from tests.servers import Influxd, Nats, nats_cluster, wait_for

NODES = 3
DOWN_S = (0.5, 4.0)
READY_S = 60.0


class Cluster(Scene):
    """The programs around a cluster, and who kills its nodes."""

    def __init__(
        self, folder: Path, kills: int, readings: int, seed: int, workers: int = 1, victims: int = NODES
    ) -> None:
        super().__init__(folder, Influxd(folder / "influxd"), seed, workers)
        self._nodes = nats_cluster(folder, NODES)
        self._rng = random.Random(seed)
        self._kills_each, self._readings, self._victims = kills, readings, victims

    def run(self) -> dict[str, Any]:
        """All of it."""
        for node in self._nodes:
            node.launch()
        self.database.start()
        self._all_ready()
        self.make(self._nodes[0], self._addresses(0), self._addresses(1), self.database.port)
        started_s = time.monotonic()
        try:
            for program in (*self.collectors, *self.agents):
                program.start()
            self.rig.stubs.start()
            self._kill_in_turn()
            stormed_s = time.monotonic()
            stuck = self.settle()
            times = {"storm_s": round(stormed_s - started_s, 1), "settle_s": round(time.monotonic() - stormed_s, 1)}
            return self.said(self.count(), stuck, **times)
        finally:
            self.rig.close()
            for node in self._nodes:
                node.stop()
            self.database.stop()

    def _kill_in_turn(self) -> None:
        turns = [number for _ in range(self._kills_each) for number in range(self._victims)]
        for done, number in enumerate(turns):
            self._wait_for_readings((done + 1) * self._readings // (len(turns) + 1))
            self._nodes[number].kill()
            self.kills[f"n{number}"] += 1
            time.sleep(self._rng.uniform(*DOWN_S))  # so long it is down
            self._nodes[number].launch()
            self._all_ready()
        self._wait_for_readings(self._readings)

    def _wait_for_readings(self, count: int) -> None:
        wait_for(f"{count} readings", lambda: self.accepted() >= count, timeout_s=600)

    def _all_ready(self) -> None:
        for node in self._nodes:
            wait_for(f"{node.folder.name} to be one of the cluster again", node.ready, READY_S)

    def _addresses(self, first: int) -> dict[str, Any]:
        """The broker as settings name it: one node, and the others."""
        turned: list[Nats] = [*self._nodes[first:], *self._nodes[:first]]
        others = [f"127.0.0.1:{node.port}" for node in turned[1:]]
        return {"port": turned[0].port, "others": others, "protocol": "3.1.1"}


if __name__ == "__main__":
    sys.exit(command(Cluster, __doc__ or ""))
