"""Depth `pty`: real agents as programs, reading stubs' bytes at pseudo-terminals, in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

from collector.stores.store import Select, Store, StoreDown
from device_profiles.catalogue import load as load_catalogue
from edge_agent.lines.port import REOPEN_S
from firmware_stubs.models import RADARS
from firmware_stubs.pty import StubHost
from firmware_stubs.stub import Row, Stub
from simulator.city.city import City
from simulator.depths.local import Local
from simulator.depths.pace import Pace
from simulator.depths.stores import open_store
from simulator.notes import Notes, SeriesOf
from simulator.scenario.faults import faulty
from simulator.scenario.scenario import Scenario, SensorOf
from simulator.world.clock import Clock
from simulator.world.line import by_kind
from simulator.world.passed import passed
from simulator.world.run import SITE
from simulator.world.street import Street
from wire.exits import Exit, Failure

STATIONS_MAX: Final = 20
TOLERANCE_MS: Final = 1_500
LOOK_S: Final = 0.5
LAST_WORDS_S: Final = 1.0
"""For the agents' last read and commit."""
HAND_IN_S: Final = 8.0
"""From the end of an interval to its row in the database, at the most: committed, sealed, sent."""


class WallClock(Clock):
    """The scenario's clock, moved by the one on the wall."""

    def __init__(self, start_ms: int) -> None:
        super().__init__(start_ms)
        self._began_s = time.monotonic()
        self.ahead_ms = time.time_ns() // 1_000_000 - start_ms
        """How far the clock on the wall, by which agents stamp their readings, is ahead of the scenario's."""

    def look(self) -> float:
        """Seconds since the start; the clock stands there now."""
        since_s = time.monotonic() - self._began_s
        self.now_ms = self.start_ms + round(since_s * 1000)
        return since_s


def run(
    scenario: Scenario, seed: int, folder: Path, pace: Pace, faults: tuple[str, ...] = (), store: str | None = None,
    broker: tuple[str, int] | None = None, watch: Callable[[float], bool | None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Run agents and a collector as programs. Faults are those of sensors and lines. Raises Failure."""
    orders = scenario.orders(faults)
    odd = [order.text for order in orders if faults and order.fault is None]
    _refuse_what_cannot_be(scenario, pace, odd, blind=broker is not None and store is None)
    local = Local(folder, scenario, broker, store)
    notes, clock = Notes(folder / "notes.db"), WallClock(scenario.start_ms)
    city, hosts, catalogue = scenario.city(seed), StubHost(clock.look, folder / "ports"), load_catalogue(None)
    with ExitStack() as at_the_end:
        at_the_end.callback(hosts.stop)
        at_the_end.callback(local.stop)
        at_the_end.callback(time.sleep, LAST_WORDS_S)
        at_the_end.callback(hosts.hush)
        local.start()
        for name in scenario.nodes():
            street = Street(city, name, clock)
            sensors = []
            for sensor, of in scenario.sensors.items():
                stub = street.stub(of)
                stub.faulty = faulty(orders, seed, name, sensor)
                _note(stub, notes, name, sensor, max(REOPEN_S) + catalogue.get(of.model).warm_up_s)
                sensors.append(_sensor(sensor, of, hosts.add(f"{name}/{sensor}", stub), scenario.interval_s))
            local.programs.start(f"agent-{name}", "agent", _agent(local, folder, name, scenario, sensors))
        hosts.start()
        whole = _lasts(scenario.duration_s, local, watch)
        ended_s = clock.look()
    with _asked(local.store) as database:
        _excuse_the_beginning(notes, database)
        vehicles = vehicles_passed(scenario, city, clock, ended_s, database)
    facts = {
        "seed": seed, "stations": scenario.stations, "from_ms": scenario.start_ms, "depth": "pty", "store": local.store,
        "expect_missing": ["settling", "line", "warming_up"], "time_tolerance_ms": TOLERANCE_MS, "whole": whole,
        "faults": [order.text for order in orders if order.fault is not None],
        "vehicles": vehicles,
    }  # fmt: skip
    notes.say(**facts)
    notes.close()
    return facts


def _lasts(duration_s: float, local: Local, watch: Callable[[float], bool | None]) -> bool:
    """Wait for the end; False when somebody ended the run before. Raises Failure when a program did."""
    end_s = time.monotonic() + duration_s
    while (now_s := time.monotonic()) < end_s:
        local.check()
        if watch(1 - (end_s - now_s) / duration_s) is False:
            return False
        time.sleep(min(LOOK_S, end_s - now_s))
    return True


def _refuse_what_cannot_be(scenario: Scenario, pace: Pace, odd: list[str], blind: bool) -> None:
    """Real programs live in real time, on one machine, and only sensors and lines fail. Raises Failure."""
    if pace.factor != 1.0:
        raise Failure(Exit.USAGE, "speed", "agents at terminals live in real time", "write --speed 1x")
    if scenario.stations > STATIONS_MAX:
        text = f"{scenario.stations} agents as programs are too many for one machine"
        raise Failure(Exit.USAGE, "stations", text, f"write --stations {STATIONS_MAX} or less, or --depth mqtt")
    if blind:
        text = "depth pty asks the database what its agents have read first"
        raise Failure(Exit.USAGE, "store", text, "name it with --store; a collector is brought")
    if odd:
        raise Failure(Exit.USAGE, "fault", f"{odd[0]}: not possible at depth pty", "run it at depth chain")


def _sensor(name: str, of: SensorOf, port: str, interval_s: int) -> dict[str, Any]:
    """One sensor as an agent's settings have it."""
    wants = of.model_dump(include={"period_s", "mode"}, exclude_none=True)
    return {"name": name, "profile": of.model, "port": port, "interval_s": interval_s} | wants


def _agent(local: Local, folder: Path, name: str, scenario: Scenario, sensors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "node": name, "site": SITE, "seal_s": min(2.0, scenario.seal_s),
        "broker": {"host": local.host, "port": local.port, "spread_s": 0.5},
        "spool": {"path": str(folder / f"{name}.db"), "allow_tmpfs": True}, "clock": {"trust": "always"},
        "status_file": str(folder / f"{name}.json"), "sensors": sensors,
    }  # fmt: skip


def _note(stub: Stub, notes: Notes, node: str, sensor: str, cold_s: float) -> None:
    """What the stub says is noted at the time of the wall, which is what the agent will write beside it.

    Plugged in again it is not believed for so long.
    """

    def sent(t_s: float, _frame: bytes, rows: list[Row]) -> None:
        cause = "warming_up" if stub.returned_s is not None and t_s - stub.returned_s < cold_s else None
        for row in rows:
            for kind, values in by_kind(row).items():
                notes.sent(SeriesOf(node, SITE, sensor, kind), time.time_ns() // 1_000_000, values, cause)

    stub.sent = sent


@contextmanager
def _asked(address: str) -> Iterator[Store]:
    """The database, to be asked what has arrived. Raises Failure."""
    store = open_store(address)
    try:
        yield store
    except StoreDown as error:
        raise Failure(Exit.STORE, "store-away", str(error)) from error
    finally:
        store.close()


def vehicles_passed(scenario: Scenario, city: City, clock: WallClock, ended_s: float, store: Store) -> dict[str, int]:
    """How many passed each radar from its agent's first interval to the last that it had the time to hand in."""
    interval_ms, wall_ms = scenario.interval_s * 1000, clock.start_ms + clock.ahead_ms
    handed_in_ms = (wall_ms + round((ended_s - HAND_IN_S) * 1000)) // interval_ms * interval_ms
    found: dict[str, int] = {}
    for node, radar in product(scenario.nodes(), (n for n, of in scenario.sensors.items() if of.model in RADARS)):
        question = Select("traffic_flow", ("duration_s",), where={"node": node, "sensor": radar})
        rows = [row for series in store.select(question) for row in series.rows]
        since_ms = min((time_ms for time_ms, _ in rows), default=wall_ms + interval_ms)
        until_ms = max([handed_in_ms, *(time_ms + round(lasts_s * 1000) for time_ms, lasts_s in rows)])
        spans = [(since_ms - clock.ahead_ms, until_ms - clock.ahead_ms)] if since_ms < until_ms else []
        found |= passed(city.traffic(node), node, [radar], spans)
    return found


def _excuse_the_beginning(notes: Notes, store: Store) -> None:
    """What a sensor said before its agent had opened the port and let it warm up."""
    notes.settle(0)
    for number, series in notes.series().items():
        where: dict[str, str | tuple[str, ...]] = {"node": series.node, "sensor": series.sensor}
        found = store.select(Select(series.kind, ("cq",), where=where, limit=1))
        first_ms = found[0].rows[0][0] if found else 2**62
        times = [sent.time_ms for sent in notes.readings(number, 0, first_ms + TOLERANCE_MS)]
        read_ms = min(times, key=lambda time_ms: abs(time_ms - first_ms), default=0)  # the first that was read
        notes.excuse([(number, time_ms) for time_ms in times if not found or time_ms < read_ms], "settling")
    notes.settle(0)
