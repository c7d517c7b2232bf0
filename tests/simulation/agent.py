"""An agent: the product's recorder, spool and delivery, on a disk that fails and a link that breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from edge_agent.delivery import spool_owner
from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder, Sealing
from edge_agent.spool.spool import Sealed, Spool
from simulator.world.agent import Agent as OnSimulatedTime
from simulator.world.broker import Broker
from simulator.world.clock import Clock
from tests.simulation.disk import Disk
from tests.simulation.rules import Rules
from tests.simulation.truth import FIELD, KIND, Truth, numbers_of
from tests.simulation.weather import Weather

SERIES = Series("air-1", KIND)
COMMIT_MS = 1000
RING_MS = 120_000
CARE_MS = 20_000
PUMP_MS = 1000


class Agent(OnSimulatedTime):
    """One node. `kill` is kill -9, `cut` a power cut; `start` brings it back."""

    def __init__(
        self, node: str, folder: Path, clock: Clock, rng: random.Random, broker: Broker, truth: Truth,
        weather: Weather, rules: Rules,
    ) -> None:  # fmt: skip
        super().__init__(node, "street", clock, broker, rng)
        self.disk = Disk(folder / f"{node}.db", rng, weather.lies)
        self._truth, self._weather, self._rules = truth, weather, rules
        self._power_on()
        self.start()

    # -- life and death -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The process begins: after a kill in the same boot, after a cut in a new one."""
        self.begin_life()
        self._ram: list[int] = []
        self.recorder = Recorder(self.node, self.site, self._boot, [], self._open_spool)
        self.delivery = self._rules.delivery(self.recorder.spool, self._rng, connect_pause_s=2.0)
        self.recorder.timeline.observe(*self._now())
        for period_ms, what in (
            (COMMIT_MS, self._second),
            (self._weather.seal_ms, self._seal),
            (CARE_MS, self._care),
            (PUMP_MS, self.pump),
        ):
            self.repeat(period_ms, what)
        self.connect()

    def kill(self) -> None:
        """kill -9."""
        self._end(self.disk.kill)

    def cut(self) -> None:
        """The power goes."""
        self._end(self.disk.cut)
        self._power_on()

    def replace_card(self) -> None:
        """A new, empty card."""
        self.kill()
        self.disk.wipe()
        self._power_on()

    def roll_back(self) -> bool:
        """The card is written again from an image of long ago; False when there is none."""
        self.kill()
        self._power_on()
        return self.disk.roll_back()

    def drop_link(self) -> None:
        """The connection breaks."""
        if self._session is not None:
            self._broker.disconnect(self._session)

    def close(self) -> None:
        """Let go of the file."""
        if self.up:
            self.recorder.spool.abandon()

    # -- work -----------------------------------------------------------------------------------------------------

    def capture(self) -> None:
        """The sensor speaks: now and then twice within a millisecond."""
        if self.up:
            for _ in range(1 + (self._rng.random() < 0.2)):
                number = self._truth.reading(self._clock.now_ms)
                self._ram.append(number)
                self.recorder.keep([Reading(SERIES, self.recorder.stamp(self._now()), {FIELD: number})])

    def waiting(self) -> set[int]:
        """Numbers that still wait here, sealed or not."""
        spool = self.recorder.spool
        return {number for one in spool.batches.all_waiting() for number in numbers_of(one.data)}

    def stuck(self) -> int:
        """Batches and unsealed rows that nobody has answered for."""
        depth = self.recorder.spool.depth()
        return depth.batches or depth.rows

    def _second(self) -> None:
        self._commit("no")
        self.obey()

    def _commit(self, seal: Sealing) -> None:
        before = self.recorder.accepted
        self.recorder.commit(self._now(), seal=seal)
        safe = self.disk.committed(self.recorder.spool._db)
        if self.recorder.accepted > before:
            self._truth.accept(self.node, self._ram, safe)
            self._ram = []

    def obey(self) -> None:
        super().obey()
        self.disk.committed(self.recorder.spool._db)

    def _seal(self) -> None:
        self._commit("all")
        self.pump()

    def _care(self) -> None:
        spool = self.recorder.spool
        spool_owner.care(spool, self._weather.spool_bytes or None, self._clock.now_ms, RING_MS)
        self.disk.committed(spool._db)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _end(self, how: Callable[[Callable[[], None]], None]) -> None:
        if self.up:
            self.up = False
            self.leave()
            how(self.recorder.spool.abandon)

    def _open_spool(self) -> Spool:
        spool = self._rules.spool(self.disk.path, self.node, self.site)
        self.disk.opened(spool._db)
        insert = spool.batches.insert

        def remember(life: int, name: str, seq: int, data: bytes, *rest: int) -> Sealed:
            sealed = insert(life, name, seq, data, *rest)
            self._truth.sealed.setdefault((name, seq), []).append(data)
            return sealed

        spool.batches.insert = remember  # type: ignore[method-assign,assignment]
        return spool

    def _power_on(self) -> None:
        self._boot = f"{self._rng.getrandbits(64):016x}"
        self._booted_ms = self._clock.now_ms
        self._synced_ms = self._clock.now_ms + self._rng.choice((0, *self._weather.sync_after_ms))

    def _now(self) -> Now:
        now_ms = self._clock.now_ms
        return Now(now_ms - self._booted_ms, now_ms, now_ms >= self._synced_ms)
