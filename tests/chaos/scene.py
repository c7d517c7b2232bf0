"""The scene of a storm: agents whose sensors number their frames, two collectors, a database, the final count."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from firmware_stubs.stub import Stub
from tests.chaos.checker import Count, check
from tests.chaos.noting_agent import NOTE
from tests.chaos.numbers import NumberedPms5003
from tests.rig import Program, Rig
from tests.servers import Influxd, Server, free_port

FIRST, AGENTS, SENSORS = 2, 4, 2  # lp-2 to lp-5: of two workers each has two of them
PERIOD_S = 0.004
SETTLE_S = 420.0
CALM_MS = 2_000


class Scene:
    """The programs of one run. `make` writes their settings; `settle` waits until no agent has anything left."""

    def __init__(self, folder: Path, database: Influxd, seed: int, workers: int = 1) -> None:
        self.seed = seed
        self.workers = workers
        self.kills: Counter[str] = Counter()
        self.folder = folder
        self.database = database
        self.agents: list[Program] = []
        self.collectors: list[Program] = []
        self.notes: dict[str, Path] = {}
        self._states: list[Path] = []

    def make(self, broker: Server, to_agents: dict[str, Any], to_collectors: dict[str, Any], store_port: int) -> None:
        """Agents and collectors with these broker settings; the stubs wait to be started."""
        self.rig = Rig(self.folder, broker, self.database)  # type: ignore[arg-type]
        store = {"kind": "influx1", "url": f"http://127.0.0.1:{store_port}", "database": "lamppost"}
        for name in ("c1", "c2"):
            more: dict[str, Any] = {"broker": to_collectors, "store": store, "web": {"port": free_port()}}
            self.collectors.append(self.rig.collector(name, **more).with_workers(self.workers))
            self._states.append(self.folder / f"{name}.db")
        for number in range(FIRST, FIRST + AGENTS):
            self.agents.append(self._agent(f"lp-{number}", to_agents))

    def _agent(self, name: str, broker: dict[str, Any]) -> Program:
        self.notes[name] = self.folder / f"{name}.notes"
        agent = self.rig.agent(name, numbered_sensors(), broker={**broker, "spread_s": 0.5})
        return noting(agent, self.notes[name])

    def accepted(self) -> int:
        """How many readings have been noted as accepted."""
        return sum(path.stat().st_size for path in self.notes.values() if path.exists()) // NOTE.size

    def settle(self) -> int:
        """No new readings: wait until no agent has anything left. Rows stuck."""
        for name in self.notes:
            for number in range(SENSORS):
                self.rig.stubs.remove(f"{name}/air-{number}")
        return settled(self.rig, list(self.notes))

    def count(self) -> Count:
        """What became of everything; the first of what is lost is named on stderr."""
        count, lost = check(self.rig.store, self.notes, self._states)
        for number in lost[:20]:
            print(f"lost: {number}", file=sys.stderr)
        return count

    def said(self, count: Count, stuck: int, **more: Any) -> dict[str, Any]:
        """The one JSON object of a run."""
        return {
            "seed": self.seed,
            "workers": self.workers,
            "kills": dict(sorted(self.kills.items())),
            **count._asdict(),
            "stuck": stuck,
            **more,
        }


def settled(rig: Rig, nodes: list[str]) -> int:
    """Wait until each agent says, in a status of after the last reading, that nothing waits. Rows that still do."""
    until_s, calm_ms = time.monotonic() + SETTLE_S, time.time() * 1000 + CALM_MS
    while time.monotonic() < until_s:
        said = [rig.status(node) for node in nodes]
        if all(one.get("at_ms", 0) > calm_ms and one["waiting_rows"] == 0 for one in said):
            return 0
        time.sleep(0.2)
    return sum(one.get("waiting_rows", 1) for one in said)


def numbered_sensors() -> dict[str, tuple[str, Stub]]:
    """Sensors far faster than real ones, whose frames carry numbers."""
    return {f"air-{n}": ("plantower-pms5003", NumberedPms5003(PERIOD_S)) for n in range(SENSORS)}


def noting(agent: Program, notes: Path, *more: str) -> Program:
    """The agent, with every commit that returned noted in a file."""
    agent.command = [sys.executable, "-m", "tests.chaos.noting_agent", agent.command[-1], str(notes), *more]
    return agent
