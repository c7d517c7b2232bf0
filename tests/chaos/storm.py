"""One run: start everything, kill and spoil by a seeded plan until enough was accepted, let it settle, compare."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.checker import Count, check
from tests.chaos.noting_agent import NOTE
from tests.chaos.numbers import NumberedPms5003
from tests.chaos.proxy import FAULTS, Link, Proxy
from tests.rig import Program, Rig
from tests.servers import Influxd, Mosquitto, Server, free_port

VICTIMS = ("agent", "broker", "collector", "database")
AGENTS, SENSORS = 4, 2
PERIOD_S = 0.004
DOWN_S = (0.0, 1.0)
FAULT_S, BLACK_HOLE_S, CALM_S = (1.0, 8.0), (5.0, 20.0), (1.0, 8.0)
SETTLE_S = 420.0
LOOK_S = 0.2


class Storm:
    """The programs, the links between them, and what strikes them."""

    def __init__(self, folder: Path, kills: int, readings: int, seed: int) -> None:
        self.seed, self._kills_each, self._readings = seed, kills, readings
        self.kills: Counter[str] = Counter()
        self._folder = folder
        self._rng = random.Random(seed)
        self._broker, self._database = Mosquitto(folder / "mosquitto"), Influxd(folder / "influxd")
        self._to_broker_a, self._to_broker_c, self._to_database = (
            Link("agents to broker", self._broker.port),
            Link("collectors to broker", self._broker.port),
            Link("collectors to database", self._database.port),
        )
        self._proxy = Proxy([self._to_broker_a, self._to_broker_c, self._to_database], random.Random(seed + 1))
        self._raging = threading.Event()
        self._down: list[tuple[float, Callable[[], None]]] = []

    def run(self) -> dict[str, Any]:
        """All of it; what the checker found, with the times taken."""
        self._broker.start()
        self._database.start()
        self._proxy.start()
        self._rig = Rig(self._folder, self._broker, self._database)
        self._make_programs()
        started_s = time.monotonic()
        try:
            for program in (*self._collectors, *self._agents):
                program.start()
            self._rig.stubs.start()
            self._rage()
            stormed_s = time.monotonic()
            stuck = self._settle()
            settled_s = time.monotonic()
            count, lost = check(self._rig.store, self._notes, self._states)
            for number in lost[:20]:
                print(f"lost: {number}", file=sys.stderr)
            return self._said(count, stuck, stormed_s - started_s, settled_s - stormed_s)
        finally:
            self._rig.close()
            self._proxy.stop()
            self._broker.stop()
            self._database.stop()

    # -- the scene ------------------------------------------------------------------------------------------------

    def _make_programs(self) -> None:
        folder = self._folder
        names = [f"lp-{n}" for n in range(AGENTS)]
        self._notes = {name: folder / f"{name}.notes" for name in names}
        self._states = [folder / f"{name}.db" for name in ("c1", "c2")]
        store = {"kind": "influx1", "url": f"http://127.0.0.1:{self._to_database.port}", "database": "lamppost"}
        self._collectors = []
        for name in ("c1", "c2"):
            more = {"broker": {"port": self._to_broker_c.port}, "store": store, "web": {"port": free_port()}}
            self._collectors.append(self._rig.collector(name, **more))
        self._agents = [self._agent(name) for name in names]

    def _agent(self, name: str) -> Program:
        sensors = {f"air-{n}": ("plantower-pms5003", NumberedPms5003(PERIOD_S)) for n in range(SENSORS)}
        agent = self._rig.agent(name, sensors, broker={"port": self._to_broker_a.port, "spread_s": 0.5})
        agent.command = [
            sys.executable, "-m", "tests.chaos.noting_agent", str(self._folder / f"agent-{name}.yaml"),
            str(self._notes[name]),
        ]  # fmt: skip
        return agent

    # -- the storm ------------------------------------------------------------------------------------------------

    def _rage(self) -> None:
        """Kill by a shuffled plan, evenly over the readings, while the links are spoilt now and then."""
        plan = [victim for victim in VICTIMS for _ in range(self._kills_each)]
        self._rng.shuffle(plan)
        self._raging.set()
        spoiler = threading.Thread(target=self._spoil, name="spoil links", daemon=True)
        spoiler.start()
        told_s = time.monotonic()
        while plan or self._accepted() < self._readings:
            done = 1 - len(plan) / max(1, 4 * self._kills_each)
            if plan and self._accepted() >= done * self._readings:
                self._kill(plan.pop())
            self._bring_back(time.monotonic())
            self._all_alive()
            if time.monotonic() - told_s > 10:
                told_s = time.monotonic()
                print(f"accepted {self._accepted()} kills {dict(self.kills)}", file=sys.stderr, flush=True)
            time.sleep(LOOK_S)
        self._raging.clear()
        spoiler.join()

    def _kill(self, victim: str) -> None:
        chosen: Program | Server
        if victim == "agent":
            chosen = self._rng.choice(self._agents)
        elif victim == "collector":
            chosen = self._rng.choice(self._collectors)
        else:
            chosen = self._broker if victim == "broker" else self._database
        wait_s = self._rng.uniform(*DOWN_S)
        if any(back.__self__ is chosen for _, back in self._down):  # type: ignore[attr-defined]
            self._bring_back(float("inf"))  # it is down already: first let it come back
        chosen.kill()
        self.kills[victim] += 1
        back = chosen.start if isinstance(chosen, Program) else chosen.launch
        self._down.append((time.monotonic() + wait_s, back))

    def _all_alive(self) -> None:
        """Nobody dies but by our hand."""
        down = [back.__self__ for _, back in self._down]  # type: ignore[attr-defined]
        for program in (*self._agents, *self._collectors):
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

    def _accepted(self) -> int:
        return sum(path.stat().st_size for path in self._notes.values() if path.exists()) // NOTE.size

    # -- peace ----------------------------------------------------------------------------------------------------

    def _settle(self) -> int:
        """Everything up, nothing spoilt, no new readings: wait until no agent has anything left. Batches stuck."""
        self._bring_back(float("inf"))
        for name in self._notes:
            for number in range(SENSORS):
                self._rig.stubs.remove(f"{name}/air-{number}")
        until_s, calm_s = time.monotonic() + SETTLE_S, time.monotonic() + 12  # statuses are written every 5 s
        while time.monotonic() < until_s:
            waiting = [self._rig.status(name).get("waiting_rows") for name in self._notes]
            if waiting == [0] * len(waiting) and time.monotonic() > calm_s:
                return 0
            time.sleep(0.5)
        return sum(rows or 0 for rows in waiting)

    def _said(self, count: Count, stuck: int, stormed_s: float, settled_s: float) -> dict[str, Any]:
        return {
            "seed": self.seed, "kills": dict(sorted(self.kills.items())), **count._asdict(), "stuck": stuck,
            "storm_s": round(stormed_s, 1), "settle_s": round(settled_s, 1),
        }  # fmt: skip
