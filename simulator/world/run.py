"""One run of a scenario on simulated time: everything begins, the clock goes on, faults strike, then peace until quiet.

city > stubs > lines > agents > broker > collector > store, and notes beside all of it
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from collector.config import Config
from collector.stores.store import Store
from device_profiles.catalogue import load as load_catalogue
from firmware_stubs.faulty import Faulty
from firmware_stubs.models import RADARS
from measures.vehicle_classes import HEAVY_FROM_M
from simulator.notes import Notes
from simulator.scenario.faults import Order, faulty
from simulator.scenario.scenario import Scenario
from simulator.world.broker import Broker
from simulator.world.clock import Clock
from simulator.world.collector import AwayStore, Collector
from simulator.world.hostile import Hostile
from simulator.world.line import Line
from simulator.world.node import Node, World
from simulator.world.passed import passed
from simulator.world.street import Street
from simulator.world.strikes import Strikes
from simulator.world.wire_tap import WireTap

STEP_S: Final = 5.0
SETTLE_S: Final = 4 * 3600
SETTLE_STEP_S: Final = 20
MUTE_S: Final = 5.0
DELAY_MS: Final = 150
SITE: Final = "downtown"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a run keeps what: `scratch`, best in RAM, for what dies with it; the others are looked at afterwards."""

    scratch: Path
    notes: Path
    rules: Path


class Run:
    """A scenario with its seed. `go` runs it; `watch` is called every few simulated seconds and may slow it down."""

    def __init__(self, scenario: Scenario, seed: int, store: Store, files: Files, faults: tuple[str, ...] = ()) -> None:
        self.scenario, self.seed = scenario, seed
        self.clock = Clock(scenario.start_ms)
        self.notes = Notes(files.notes)
        self.tap = WireTap()
        self.allowed = {cause for order in scenario.orders(faults)[len(scenario.faults) :] for cause in order.causes}
        self.orders = scenario.orders(faults)
        self.city = scenario.city(seed)
        self._rng = random.Random(f"{scenario.title.en} {seed}")
        self.broker = Broker(self.clock, random.Random(self._rng.random()), delay_ms=DELAY_MS)
        self.store = AwayStore(store)
        self._world = World(self.clock, self.broker, self.notes, self.tap, load_catalogue(), files.scratch)
        self.nodes = [self._node(name) for name in scenario.nodes()]
        self.collector = Collector(self._settings(files), self.store, self.clock, self.broker)
        self.strikes = Strikes(self.clock, self.notes, self.broker, self.store, self.collector, self.nodes)
        self.hostile = None
        if scenario.hostile:
            self.hostile = Hostile(self.clock, self.broker, random.Random(self._rng.random()), self.nodes[0].node)
        self.step_s = STEP_S
        self.inbox: deque[Callable[[], None]] = deque()  # what other threads want done between two steps

    @property
    def done(self) -> float:
        """How much of the duration has passed, 0 to 1."""
        return min(1.0, self.clock.now_s / self.scenario.duration_s)

    def go(self, watch: Callable[[], bool | None] = lambda: None) -> dict[str, Any]:
        """All of it; facts about the run, which are in the notes too. `watch` ends it early by saying False."""
        for node in self.nodes:
            node.start()
            for line in node.lines:
                self._serve(node, line)
        self.strikes.plan(order for order in self.orders if order.from_s < self.scenario.duration_s)
        end_ms = self.clock.start_ms + round(self.scenario.duration_s * 1000)
        while self.clock.now_ms < end_ms:
            self.clock.run_until(min(end_ms, self.clock.now_ms + round(self.step_s * 1000)))
            self.notes.settle()
            while self.inbox:
                self.inbox.popleft()()
            if watch() is False:
                break
        ended_ms = self.clock.now_ms
        self._settle()
        return self._facts(ended_ms)

    def close(self) -> None:
        """Let go of every file."""
        for node in self.nodes:
            node.close()
        with suppress(AttributeError):
            self.collector.kill()
        self.notes.close()

    # -- the scene ------------------------------------------------------------------------------------------------

    def _node(self, name: str) -> Node:
        wants = self.scenario
        node = Node(
            self._world, name, SITE, random.Random(self._rng.random()), wants.seal_s, wants.interval_s,
            wants.spool_bytes,
        )  # fmt: skip
        street = Street(self.city, name, self.clock)
        for sensor, of in wants.sensors.items():
            stub = street.stub(of)
            stub.faulty = faulty(self.orders, self.seed, name, sensor)
            line = Line(name, node.site, sensor, stub, self.clock, self.notes, self.tap)
            line.street = street if of.model in RADARS else None
            node.add(line, of)
        return node

    def _settings(self, files: Files) -> Config:
        files.rules.write_text(
            yaml.safe_dump(self.scenario.rules, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        return Config.model_validate(
            {
                "store": {"kind": "sqlite", "path": files.scratch / "unused.db"},
                "state_file": files.scratch / "collector.db",
                "rules": [files.rules] if self.scenario.rules else [],
                "stations": [{"node": node.node, "zh": node.node, "en": node.node} for node in self.nodes],
            }
        )

    # -- the lines ------------------------------------------------------------------------------------------------

    def _serve(self, node: Node, line: Line) -> None:
        """Let a stub speak when it is due, again and again; one without power or port says nothing."""
        if not node.sensing:
            return
        now_s = self.clock.now_s
        faulty = line.stub.faulty
        if faulty is not None and faulty.unplugged(now_s):
            line.unplug()
        elif node.powered:
            line.plugged = True
            node.serve(line)
        next_s = self._next_s(line, now_s) if node.powered else now_s + MUTE_S
        self.clock.after(max(1, round((next_s - now_s) * 1000)), lambda: self._serve(node, line))

    def _next_s(self, line: Line, now_s: float) -> float:
        next_s = line.stub.next_s
        if not line.plugged or next_s is None:
            return now_s + MUTE_S
        if line.street is not None and not line.street.sees(max(now_s, next_s)):
            return max(next_s, line.street.next_seen_s(now_s))
        return max(next_s, now_s + 0.001)

    # -- peace ----------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """No sensor speaks, nothing is broken any more: wait until everything is answered for.

        Vehicles are told when their interval ends, which somebody who stops the run does not wait for.
        """
        for node in self.nodes:
            node.sensing = False
        self.strikes.heal()
        still_open_ms = -self.clock.now_ms % (self.scenario.interval_s * 1000)
        self.clock.run_until(self.clock.now_ms + still_open_ms + 1_000)
        for node in self.nodes:
            node.finish()
        for _ in range(SETTLE_S // SETTLE_STEP_S):
            self.clock.run_until(self.clock.now_ms + SETTLE_STEP_S * 1000)
            if not any(node.waiting() for node in self.nodes) and not self.collector.pending():
                break

    def _facts(self, ended_ms: int) -> dict[str, Any]:
        facts = {
            "seed": self.seed, "stations": self.scenario.stations, "from_ms": self.clock.start_ms, "to_ms": ended_ms,
            "settled_ms": self.clock.now_ms, "hash": self.tap.digest, **self.tap.counts,
            "waiting_rows": sum(node.waiting() for node in self.nodes),
            "bad_frames_counted": sum(node.bad_frames() for node in self.nodes),
            "collector": self.collector.counts(), "faults": [order.text for order in self.orders],
            "vehicles": self._vehicles(ended_ms), "lorries": self._vehicles(ended_ms, lorries=True),
            "expect_alerts": self.scenario.expected_alerts(ended_ms),
            "expect_missing": sorted({*self.scenario.expect.missing, *self.allowed}),
            "expect_some_missing": self.scenario.expect.some_missing, "depth": "chain",
            "whole": ended_ms >= self.clock.start_ms + round(self.scenario.duration_s * 1000),
        }  # fmt: skip
        self.notes.say(**facts)
        self.notes.settle(0)
        return facts

    def _vehicles(self, ended_ms: int, lorries: bool = False) -> dict[str, int]:
        """How many passed each radar while its agent ran, by direction: what the agents' counts must come to.

        Lorries: where one tells lengths.
        """
        of = self.scenario.sensors
        radars = [name for name in of if of[name].model in RADARS and (of[name].tells_lengths or not lorries)]
        found: dict[str, int] = {}
        for node in self.nodes:
            traffic, spans = self.city.traffic(node.node), node.up_times(ended_ms)
            found |= passed(traffic, node.node, radars, spans, HEAVY_FROM_M if lorries else 0.0)
        return found


def strike_now(run: Run, order: Order) -> None:
    """A fault by hand, from now on (`lamppost sim ctl`); what it takes away is allowed to be missing."""
    run.allowed.update(order.causes)
    if order.fault is None:
        run.strikes.plan([order])
        return
    run.notes.moment(run.clock.now_ms, order.text)
    for node in run.nodes:
        for line in node.lines:
            if order.strikes(node.node, line.name):
                line.stub.faulty = Faulty(f"{run.seed} {node.node} {line.name} {order.text}", [order.fault])
