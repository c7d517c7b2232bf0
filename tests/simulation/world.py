"""One world: two agents, a broker, two collectors, a database; five minutes of faults, then peace until quiet."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from simulator.world.broker import Broker
from simulator.world.clock import START_MS, Clock
from tests.simulation.agent import Agent
from tests.simulation.collector import Collector
from tests.simulation.database import Database
from tests.simulation.rules import Rules
from tests.simulation.truth import Outcome, Truth, is_bad
from tests.simulation.weather import FAULTS_S, Weather, draw

SETTLE_S = 2_700
IN_RAM = Path("/dev/shm")


def run(kind: str, seed: int, rules: Rules | None = None) -> Outcome:
    """Live through one world; the same kind, seed and rules give the same outcome."""
    with tempfile.TemporaryDirectory(dir=IN_RAM if IN_RAM.is_dir() else None) as folder:
        chance = random.Random(f"{kind} {seed}")
        drawn = patch(
            "edge_agent.spool.spool.secrets.token_hex", lambda size: f"{chance.getrandbits(8 * size):0{2 * size}x}"
        )
        with drawn, closing(World(kind, chance, rules or Rules(), Path(folder))) as world:
            return world.run()


class World:
    """Everything there is. `rng` is the only chance in it."""

    def __init__(self, kind: str, rng: random.Random, rules: Rules, folder: Path) -> None:
        self.rng = rng
        self.weather: Weather = draw(kind, self.rng)
        self.clock = Clock()
        self.truth = Truth()
        weather = self.weather
        self.broker = Broker(
            self.clock,
            rng,
            weather.loss,
            weather.doubling,
            weather.queue_cap,
            delay_ms=weather.delay_ms,
            late_ms=weather.late_ms,
        )
        self.database = Database(
            rng, lambda point: is_bad(point, weather.refuse_every), weather.unknown,
            whole_or_nothing=weather.whole_or_nothing,
        )  # fmt: skip
        both = rng.random() < 0.5  # in half the worlds neither hears of the other, and both write all the time
        self.collectors = [
            Collector(name, self.clock, rng, self.broker, self.database, rules, weather.die_at, both)
            for name in ("c1", "c2")
        ]
        self.agents = [
            Agent(node, folder, self.clock, rng, self.broker, self.truth, weather, rules) for node in ("lp-1", "lp-2")
        ]
        self._stormy = True

    def run(self) -> Outcome:
        """Storm, then peace."""
        self._begin_faults()
        for agent in self.agents:
            self._sense(agent)
        self.clock.run_until(START_MS + FAULTS_S * 1000)
        self._heal()
        for _ in range(SETTLE_S // 30):
            self.clock.run_until(self.clock.now_ms + 30_000)
            if all(agent.up and not agent.stuck() for agent in self.agents) and not any(
                collector.pending() for collector in self.collectors
            ):
                break
        return self._outcome()

    def close(self) -> None:
        """The world ends: every file is let go of."""
        for agent in self.agents:
            agent.close()
        for collector in self.collectors:
            collector.close()

    def _outcome(self) -> Outcome:
        stuck = sum(agent.stuck() for agent in self.agents)
        waiting = {number for agent in self.agents for number in agent.waiting()}
        return self.truth.outcome(self.database, self._states(), stuck, waiting)

    def _states(self) -> list[sqlite3.Connection]:
        return [collector.state for collector in self.collectors]

    def _sense(self, agent: Agent) -> None:
        if self._stormy:
            agent.capture()
            self.clock.after(self.rng.randrange(200, 800), lambda: self._sense(agent))

    def _begin_faults(self) -> None:
        weather = self.weather
        for agent in self.agents:
            self._now_and_then(weather.kill_every_s, lambda a=agent: self._restart(a, a.kill))  # type: ignore[misc]
            self._now_and_then(weather.cut_every_s, lambda a=agent: self._restart(a, a.cut))  # type: ignore[misc]
            self._now_and_then(weather.link_every_s, agent.drop_link)
            self._now_and_then(weather.card_every_s, lambda a=agent: self._new_card(a))  # type: ignore[misc]
            self._now_and_then(50.0 if weather.card_every_s else 0.0, agent.disk.photograph)
        for collector in self.collectors:
            self._now_and_then(weather.collector_every_s, lambda c=collector: self._restart(c, c.kill))  # type: ignore[misc]
        self._now_and_then(weather.broker_every_s, self._crash_broker)
        self._now_and_then(weather.database_every_s, lambda: self._database_away("up"))
        self._now_and_then(weather.portal_every_s, lambda: self._database_away("portal"))

    def _now_and_then(self, every_s: float, fault: Callable[[], None]) -> None:
        if not every_s:
            return

        def strike() -> None:
            if self._stormy:
                fault()
                self.clock.after(1 + int(self.rng.expovariate(1 / every_s) * 1000), strike)

        self.clock.after(1 + int(self.rng.expovariate(1 / every_s) * 1000), strike)

    def _restart(self, program: Agent | Collector, end: Callable[[], None]) -> None:
        end()
        self.clock.after(self.rng.randrange(500, 30_000), lambda: None if program.up else program.start())

    def _new_card(self, agent: Agent) -> None:
        self.truth.card_gone(agent.node, self.database, self._states())
        if self.rng.random() < 0.5 or not agent.roll_back():
            agent.replace_card()
        self.clock.after(self.rng.randrange(500, 30_000), lambda: None if agent.up else agent.start())

    def _crash_broker(self) -> None:
        self.broker.crash()
        self.clock.after(self.rng.randrange(500, 20_000), lambda: setattr(self.broker, "up", True))

    def _database_away(self, switch: str) -> None:
        setattr(self.database, switch, switch == "portal")
        self.clock.after(self.rng.randrange(1000, 90_000), lambda: setattr(self.database, switch, switch == "up"))

    def _heal(self) -> None:
        """No more faults; what is down comes up by itself."""
        self._stormy = False
        self.broker.heal()
        self.database.heal()
        for collector in self.collectors:
            collector.die_at = 0.0
