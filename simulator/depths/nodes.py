"""Depth `mqtt`: thousands of virtual nodes that seal what the city gives and wait for their acknowledgements."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edge_agent.spool import Sealed
from firmware_stubs.plantower import particles
from simulator.city.city import City
from simulator.depths.local import Local
from simulator.depths.pace import Pace
from simulator.fleet.fleet import Fleet
from simulator.fleet.fleet import Pace as FleetPace
from simulator.fleet.node import VirtualNode, identity
from simulator.notes import Notes, SeriesOf
from simulator.scenario.scenario import Scenario
from simulator.world.run import SITE
from wire import status
from wire.batch import Block
from wire.exits import Exit, Failure

SETTLE_S: Final = 120.0
SENSOR, PROFILE = "air-1", "plantower-pms5003@1"
POSSIBLE: Final = ("link-down",)


class CitySource:
    """What each node's air sensor shows: whole rows of a PMS5003, every `step_ms` since its last batch."""

    def __init__(self, city: City, names: list[str], offset_ms: int, step_ms: int, since_ms: int) -> None:
        self._city, self._names, self._offset_ms, self._step_ms = city, names, offset_ms, step_ms
        self._last_ms = [since_ms] * len(names)

    def blocks(self, number: int, now_ms: int) -> list[Block]:
        """Every reading since the last call; times stand on a grid of steps."""
        first = self._last_ms[number] // self._step_ms + 1
        times = [step * self._step_ms for step in range(first, now_ms // self._step_ms + 1)]
        if not times:
            return []
        self._last_ms[number] = times[-1]
        rows = [
            particles(self._city.air(self._names[number], time_ms + self._offset_ms)._asdict()) for time_ms in times
        ]
        fields = {name: [row[name] for row in rows] for name in rows[0]}
        return [Block(SENSOR, "air_quality", times, fields, {}, PROFILE)]


class _Noting:
    """Tells the notes of every batch."""

    def __init__(self, notes: Notes, nodes: list[VirtualNode]) -> None:
        self._notes, self._nodes = notes, nodes
        self._series = [SeriesOf(node.who.node, SITE, SENSOR, "air_quality") for node in nodes]

    def sealed(self, number: int, sealed: Sealed, blocks: list[Block], now_ms: int) -> None:
        """What the sensor meant, and the batch it travels in."""
        for block in blocks:
            for row, time_ms in enumerate(block.times_ms):
                values = {name: column[row] for name, column in block.fields.items()}
                self._notes.sent(self._series[number], time_ms, values)
        node = self._nodes[number].who.node
        span = (sealed.rows, sealed.from_ms, sealed.to_ms, now_ms)
        self._notes.sealed(node, sealed.spool, sealed.seq, *span)

    def released(self, number: int, seq: int, code: int, now_ms: int) -> None:
        """An answer for good."""
        who = self._nodes[number].who
        self._notes.answered(who.node, who.spool, seq, code, now_ms)


def run(
    scenario: Scenario, seed: int, folder: Path, pace: Pace, faults: tuple[str, ...] = (), store: str | None = None,
    broker: tuple[str, int] | None = None, watch: Callable[[Fleet, float], bool | None] = lambda *_: None,
) -> dict[str, Any]:  # fmt: skip
    """Run a fleet. With a `broker` its own collector must be there unless a `store` is named too. Raises Failure."""
    orders = [order for order in scenario.orders(faults) if order.fault is None]
    odd = [order.text for order in orders if order.kind not in POSSIBLE]
    if odd and faults:
        raise Failure(
            Exit.USAGE, "fault", f"{odd[0]}: not possible at depth mqtt", f"possible are {', '.join(POSSIBLE)}"
        )
    factor = pace.factor or 60.0
    local = None if broker is not None and store is None else Local(folder, scenario, broker, store)
    names = [f"lp-{number:05d}" for number in range(1, scenario.stations + 1)]
    rng = random.Random(seed)
    sensors = (status.Sensor(SENSOR, PROFILE),)
    nodes = [VirtualNode(identity(name, SITE, seed, sensors), rng, 1.0) for name in names]
    notes = Notes(folder / "notes.db")
    if local is not None:
        local.start()
        time.sleep(0.5)
    began_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    start_ms = now_ms - round(scenario.duration_s * 1000 * (1 - 1 / factor))
    period = next((of.period_s for of in scenario.sensors.values() if of.period_s is not None), 10.0)
    city = scenario.city(seed)
    source = CitySource(city, names, scenario.start_ms - start_ms, round(period * 1000), start_ms)
    address = broker or ("127.0.0.1", local.port if local is not None else 1883)
    fleet = Fleet(
        address, nodes, source, _Noting(notes, nodes), max(0.2, scenario.seal_s / factor),
        pace=FleetPace(start_ms, factor, began_s), seed=seed,
    )  # fmt: skip
    cuts = sorted(
        (order.from_s, order.until_s - order.from_s, order.node) for order in orders if order.kind in POSSIBLE
    )
    until_s = began_s + scenario.duration_s / factor

    def step() -> None:
        if local is not None:
            local.check()
        at_s = (time.monotonic() - began_s) * factor
        while cuts and cuts[0][0] <= at_s:
            _, for_s, node = cuts.pop(0)
            chosen = range(len(names)) if node is None else range(names.index(node), names.index(node) + 1)
            fleet.cut(chosen, for_s / factor)
        notes.settle()
        if watch(fleet, min(1.0, at_s / scenario.duration_s)) is False:
            raise _Ended

    try:
        try:
            fleet.run(until_s, step)
        except _Ended:
            until_s = time.monotonic()
        waiting = fleet.settle(time.monotonic() + SETTLE_S, lambda: None)
        facts = {
            "seed": seed, "stations": scenario.stations, "from_ms": start_ms,
            "to_ms": start_ms + round((until_s - began_s) * 1000 * factor),
            "waiting_rows": waiting, "depth": "mqtt", "store": local.store if local is not None else store,
            "expect_missing": [], "faults": [order.text for order in orders if order.kind in POSSIBLE],
            "counts": dict(fleet.tally.counts), "ack_ms_p50": fleet.tally.percentile_ms(0.5),
            "ack_ms_p99": fleet.tally.percentile_ms(0.99), "simulator_cpu_s": round(time.process_time(), 1),
        }  # fmt: skip
        notes.say(**facts)
        return facts
    finally:
        fleet.close()
        notes.close()
        if local is not None:
            local.stop()


class _Ended(Exception):
    """Somebody has ended the run."""
