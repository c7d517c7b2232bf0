"""One run: start everything, kill and spoil by a seeded plan until enough was accepted, let it settle, compare."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chaos.proxy import FAULTS, Link, Proxy
from tests.chaos.scene import Scene
from tests.rig import Program
from tests.servers import Influxd, Mosquitto, Server

VICTIMS = ("agent", "broker", "collector", "database")
WORKER = "worker"
DOWN_S = (0.0, 1.0)
FAULT_S, BLACK_HOLE_S, CALM_S = (1.0, 8.0), (5.0, 20.0), (1.0, 8.0)
LOOK_S = 0.2


class Storm(Scene):
    """The programs, the links between them, and what strikes them."""

    def __init__(self, folder: Path, kills: int, readings: int, seed: int, workers: int = 1) -> None:
        super().__init__(folder, Influxd(folder / "influxd"), seed, workers)
        self._kills_each, self._readings = kills, readings
        self._victims = VICTIMS if workers == 1 else (*VICTIMS, WORKER)
        self._rng = random.Random(seed)
        self._broker = Mosquitto(folder / "mosquitto")
        self._to_broker_a, self._to_broker_c, self._to_database = (
            Link("agents to broker", self._broker.port),
            Link("collectors to broker", self._broker.port),
            Link("collectors to database", self.database.port),
        )
        self._proxy = Proxy([self._to_broker_a, self._to_broker_c, self._to_database], random.Random(seed + 1))
        self._raging = threading.Event()
        self._down: list[tuple[float, Callable[[], None]]] = []

    def run(self) -> dict[str, Any]:
        """All of it; what the checker found, with the times taken."""
        self._broker.start()
        self.database.start()
        self._proxy.start()
        ports = self._to_broker_a.port, self._to_broker_c.port
        self.make(self._broker, {"port": ports[0]}, {"port": ports[1]}, self._to_database.port)
        started_s = time.monotonic()
        try:
            for program in (*self.collectors, *self.agents):
                program.start()
            self.rig.stubs.start()
            self._rage()
            stormed_s = time.monotonic()
            self._bring_back(float("inf"))
            stuck = self.settle()
            settled_s = time.monotonic()
            times = {"storm_s": round(stormed_s - started_s, 1), "settle_s": round(settled_s - stormed_s, 1)}
            return self.said(self.count(), stuck, **times)
        finally:
            self.rig.close()
            self._proxy.stop()
            self._broker.stop()
            self.database.stop()

    # -- the storm ------------------------------------------------------------------------------------------------

    def _rage(self) -> None:
        """Kill by a shuffled plan, evenly over the readings, while the links are spoilt now and then."""
        plan = [victim for victim in self._victims for _ in range(self._kills_each)]
        planned = len(plan)
        self._rng.shuffle(plan)
        self._raging.set()
        spoiler = threading.Thread(target=self._spoil, name="spoil links", daemon=True)
        spoiler.start()
        told_s = time.monotonic()
        while plan or self.accepted() < self._readings:
            done = 1 - len(plan) / max(1, planned)
            if plan and self.accepted() >= done * self._readings:
                self._kill(plan.pop())
            self._bring_back(time.monotonic())
            self._all_alive()
            if time.monotonic() - told_s > 10:
                told_s = time.monotonic()
                print(f"accepted {self.accepted()} kills {dict(self.kills)}", file=sys.stderr, flush=True)
            time.sleep(LOOK_S)
        self._raging.clear()
        spoiler.join()

    def _kill(self, victim: str) -> None:
        if victim == WORKER:
            self._kill_a_worker()
            return
        chosen: Program | Server
        if victim == "agent":
            chosen = self._rng.choice(self.agents)
        elif victim == "collector":
            chosen = self._rng.choice(self.collectors)
        else:
            chosen = self._broker if victim == "broker" else self.database
        wait_s = self._rng.uniform(*DOWN_S)
        if any(back.__self__ is chosen for _, back in self._down):  # type: ignore[attr-defined]
            self._bring_back(float("inf"))  # it is down already: first let it come back
        chosen.kill()
        self.kills[victim] += 1
        back = chosen.start if isinstance(chosen, Program) else chosen.launch
        self._down.append((time.monotonic() + wait_s, back))

    def _kill_a_worker(self) -> None:
        """One of any collector that is up; its receiver brings the next."""
        living = [pid for collector in self.collectors for pid in collector.workers()]
        if living:
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(living), signal.SIGKILL)
            self.kills[WORKER] += 1

    def _all_alive(self) -> None:
        """Nobody dies but by our hand."""
        down = [back.__self__ for _, back in self._down]  # type: ignore[attr-defined]
        for program in (*self.agents, *self.collectors):
            if program not in down and not program.running():
                raise RuntimeError(f"a program ended by itself; see {program.log}")

    def _bring_back(self, now_s: float) -> None:
        due = [entry for entry in self._down if entry[0] <= now_s]
        self._down = [entry for entry in self._down if entry[0] > now_s]
        for _, back in due:
            back()

    def _spoil(self) -> None:
        rng = random.Random(self.seed + 2)
        while self._raging.is_set():
            link, fault = rng.choice(self._proxy.links), rng.choice(FAULTS)
            self._proxy.set(link, fault)
            self._wait(rng.uniform(*(BLACK_HOLE_S if fault == "black-hole" else FAULT_S)))
            self._proxy.set(link, "none")
            self._wait(rng.uniform(*CALM_S))

    def _wait(self, for_s: float) -> None:
        until_s = time.monotonic() + for_s
        while self._raging.is_set() and time.monotonic() < until_s:
            time.sleep(0.1)
