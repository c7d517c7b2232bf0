"""Depth `mqtt`: thousands of virtual nodes that seal what the city gives and wait for their acknowledgements."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final

from edge_agent.spool.spool import Sealed
from firmware_stubs.plantower import particles
from simulator.city.city import City
from simulator.depths.local import Local
from simulator.depths.pace import Pace
from simulator.fleet.fleet import Fleet, Tally
from simulator.fleet.fleet import Pace as FleetPace
from simulator.fleet.node import VirtualNode, identity
from simulator.notes import Notes, SeriesOf
from simulator.scenario.faults import Order
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


class _Cuts:
    """The faults of a scenario that virtual nodes can have: links that are down for a while."""

    def __init__(self, orders: list[Order], names: list[str], factor: float) -> None:
        self._orders = sorted(orders, key=lambda order: order.from_s)
        self._names, self._factor = names, factor

    def strike(self, fleet: Fleet, at_s: float) -> None:
        """Cut the links whose moment in the scenario has come."""
        while self._orders and self._orders[0].from_s <= at_s:
            order = self._orders.pop(0)
            struck = [number for number, name in enumerate(self._names) if order.strikes(name)]
            fleet.cut(struck, (order.until_s - order.from_s) / self._factor)


class _Ended(Exception):
    """Somebody has ended the run."""


def run(
    scenario: Scenario, seed: int, folder: Path, pace: Pace, faults: tuple[str, ...] = (), store: str | None = None,
    broker: tuple[str, int] | None = None, watch: Callable[[Fleet, float], bool | None] = lambda *_: None,
) -> dict[str, Any]:  # fmt: skip
    """Run a fleet. With a `broker` its own collector must be there unless a `store` is named too. Raises Failure."""
    orders = _possible(scenario, faults)
    factor = pace.factor or 60.0
    names = scenario.nodes()
    cuts = _Cuts(orders, names, factor)
    with ExitStack() as at_the_end:
        local = None if broker is not None and store is None else Local(folder, scenario, broker, store)
        notes = at_the_end.enter_context(closing(Notes(folder / "notes.db")))
        if local is not None:
            at_the_end.callback(local.stop)
            local.start()
        began_s = time.monotonic()
        start_ms = time.time_ns() // 1_000_000 - round(scenario.duration_s * 1000 * (1 - 1 / factor))
        address = broker or ("127.0.0.1", local.port if local is not None else 1883)
        fleet = _fleet(scenario, seed, address, names, notes, FleetPace(start_ms, factor, began_s))
        at_the_end.enter_context(closing(fleet))

        def step() -> None:
            if local is not None:
                local.check()
            at_s = (time.monotonic() - began_s) * factor
            cuts.strike(fleet, at_s)
            notes.settle()
            if watch(fleet, min(1.0, at_s / scenario.duration_s)) is False:
                raise _Ended

        whole = False
        with suppress(_Ended):
            fleet.run(began_s + scenario.duration_s / factor, step)
            whole = True
        lasted_s = min(time.monotonic() - began_s, scenario.duration_s / factor)
        waiting = fleet.settle(time.monotonic() + SETTLE_S, lambda: watch(fleet, 1.0))
        facts = {
            "seed": seed, "stations": scenario.stations, "from_ms": start_ms,
            "to_ms": start_ms + round(lasted_s * 1000 * factor),
            "waiting_rows": waiting, "whole": whole, "depth": "mqtt",
            "store": local.store if local is not None else store, "expect_missing": [],
            "faults": [order.text for order in orders],
            **_figures(fleet.tally),
        }  # fmt: skip
        notes.say(**facts)
        return facts


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "counts": dict(tally.counts), "ack_ms_p50": tally.percentile_ms(0.5), "ack_ms_p99": tally.percentile_ms(0.99),
        "simulator_cpu_s": round(time.process_time(), 1),
    }  # fmt: skip


def _possible(scenario: Scenario, faults: tuple[str, ...]) -> list[Order]:
    """The orders of the scenario that can be had here. Raises Failure when one that was asked for cannot."""
    orders = [order for order in scenario.orders(faults) if order.fault is None]
    odd = [order.text for order in orders if order.kind not in POSSIBLE]
    if odd and faults:
        raise Failure(
            Exit.USAGE, "fault", f"{odd[0]}: not possible at depth mqtt", f"possible are {', '.join(POSSIBLE)}"
        )
    return [order for order in orders if order.kind in POSSIBLE]


def _fleet(
    scenario: Scenario, seed: int, address: tuple[str, int], names: list[str], notes: Notes, pace: FleetPace
) -> Fleet:
    """A node for each name, which seals what the city gives it."""
    rng = random.Random(seed)
    sensors = (status.Sensor(SENSOR, PROFILE),)
    nodes = [VirtualNode(identity(name, SITE, seed, sensors), rng, 1.0) for name in names]
    period_s = next((of.period_s for of in scenario.sensors.values() if of.period_s is not None), 10.0)
    offset_ms = scenario.start_ms - pace.start_ms
    source = CitySource(scenario.city(seed), names, offset_ms, round(period_s * 1000), pace.start_ms)
    seal_s = max(0.2, scenario.seal_s / pace.factor)
    return Fleet(address, nodes, source, _Noting(notes, nodes), seal_s, pace=pace, seed=seed)
