"""A lamppost on simulated time: stubs at their lines, and the agent's own sensors, recorder, spool and delivery.

A commit comes at the next full second after bytes arrived, and every ten seconds at least; sealing every `seal_s`; care
for the spool every minute.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from collector.broker.inbox import Arrived
from device_profiles.catalogue import Catalogue
from edge_agent.delivery import spool_owner
from edge_agent.delivery.delivery import Delivery
from edge_agent.reading import Reading
from edge_agent.recorder import Now
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.spool.spool import Spool
from simulator.notes import Notes
from simulator.scenario.scenario import SensorOf
from simulator.world.agent import Agent
from simulator.world.broker import Broker
from simulator.world.clock import Clock
from simulator.world.line import Line
from simulator.world.noted_recorder import NotedRecorder
from simulator.world.spool_on_disk import SpoolOnDisk
from simulator.world.wire_tap import WireTap
from wire import ack as wire_ack
from wire import signed, status
from wire.times import MINUTE_MS

COMMIT_MS, IDLE_COMMIT_MS, CARE_MS, PUMP_MS = 1_000, 10_000, MINUTE_MS, 15_000
TALK_MS, TALK_IDLE_MS = 500, 5_000
OFFLINE_SEAL_MS = MINUTE_MS
NO_CLOCK_MS = 1_000  # what a clock without a battery says at power-up: 1970


@dataclass(frozen=True, slots=True)
class World:
    """What every node shares."""

    clock: Clock
    broker: Broker
    notes: Notes
    tap: WireTap
    catalogue: Catalogue
    folder: Path


class Node(Agent):
    """One lamppost. `kill` is kill -9, `cut` a power cut; `start` brings it back."""

    recorder: NotedRecorder

    def __init__(
        self, world: World, node: str, site: str, rng: random.Random, seal_s: float, interval_s: int,
        spool_bytes: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(node, site, world.clock, world.broker, rng)
        self.lines: list[Line] = []
        self.models: dict[str, SensorOf] = {}
        self.ran: list[tuple[int, int]] = []  # from when until when it was up
        self._up_since_ms = 0
        self.powered = True
        self.sensing = True
        """Until the run settles: then no sensor speaks, and none is asked."""
        self.disk_full = False
        self.clock_error_ms = 0
        self.ntp_at_ms = 0
        self._world = world
        self._seal_ms, self._interval_s, self._spool_bytes = round(seal_s * 1000), interval_s, spool_bytes
        self._power_on(0)

    def add(self, line: Line, of: SensorOf) -> None:
        """A sensor hangs there."""
        self.lines.append(line)
        self.models[line.name] = of
        line.measures(self._world.catalogue.get(of.model).kind)

    # -- life and death -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The agent's process begins."""
        world = self._world
        self.begin_life()
        self._up_since_ms = world.clock.now_ms
        self.at_work = {line.name: self._sensor(line.name) for line in self.lines}
        sensors = list(self.at_work.values())
        self.recorder = NotedRecorder(self.node, self.site, self._boot, sensors, self._open_spool)
        self.recorder.watch(self.site, world.notes, self._booted_ms)
        self.delivery = Delivery(self.recorder.spool, self._rng, connect_pause_s=2.0)
        self._commit_due_ms: int | None = None
        self._sealed_ms = world.clock.now_ms
        now = self._now()
        self.recorder.timeline.observe(*now)
        self.recorder.restore(now)
        for sensor in sensors:
            sensor.begin(world.clock.now_s, self._powered_s)
        for line in self.lines:
            self._talk(line)
        self.repeat(IDLE_COMMIT_MS, self._commit, aligned=True)
        self.repeat(CARE_MS, self._care)
        self.repeat(PUMP_MS, self.pump)
        self.connect()

    def kill(self) -> None:
        """kill -9 of the agent."""
        if self.up:
            self.up = False
            self.ran.append((self._up_since_ms, self._world.clock.now_ms))
            self.leave()
            self.recorder.lose("uncommitted")
            self.recorder.spool.abandon()

    def up_times(self, ended_ms: int) -> list[tuple[int, int]]:
        """From when until when somebody read what its sensors say."""
        return [*self.ran, (self._up_since_ms, ended_ms)] if self.up else self.ran

    def cut(self, ntp_after_s: float = 0.0) -> None:
        """The power goes, the sensors' too; after it NTP answers so much later."""
        self.kill()
        if not self.recorder.timeline.trusted:
            self._world.notes.clock(self.recorder.unsynced_keys, 2)
        for line in self.lines:
            line.stub.unplug()
        self._power_on(ntp_after_s)

    def finish(self) -> None:
        """The run ends: nothing more is sensed, and what there is goes out."""
        if self.up:
            self.recorder.commit(self._now(), closing=True)
            self._seal()
            self.obey()

    def waiting(self) -> int:
        """Rows that nobody has answered for."""
        return self.recorder.spool.depth().rows if self.up else 1

    def close(self) -> None:
        """Let go of the file."""
        if self.up:
            self.recorder.spool.close()

    # -- the lines ------------------------------------------------------------------------------------------------

    def serve(self, line: Line) -> None:
        """A stub has something to say."""
        other = line.swapped_to or line
        sensor = self.at_work[other.name] if self.up else None
        readings = line.speak(sensor, self._world.clock.now_ms, self._stamp())
        self._take(line, readings)

    def bad_frames(self) -> int:
        """Damage that the running agent has counted."""
        return sum(sum(sensor.bad.values()) for sensor in self.at_work.values())

    def _take(self, line: Line, readings: list[Reading]) -> None:
        if not self.up:
            line.excuse("agent-off")
            return
        if line.swapped_to is not None:
            line.excuse("swapped")
        self.recorder.open_keys += line.keys
        line.keys = []
        self.recorder.keep(readings)
        now_ms = self._world.clock.now_ms
        if self._commit_due_ms is None:
            self._commit_due_ms = (now_ms // COMMIT_MS + 1) * COMMIT_MS
            self.once(self._commit_due_ms - now_ms, self._commit)

    def _talk(self, line: Line) -> None:
        """Say to the sensor what its profile wants said."""
        if not self.sensing:
            return
        now_s, sensor = self._world.clock.now_s, self.at_work[line.name]
        sensor.late(now_s)
        for ask in sensor.poller.due(now_s):
            self._take(line, line.write(ask.data, sensor, self._world.clock.now_ms, self._stamp()))
        next_s = sensor.poller.next_s
        idle_ms = TALK_IDLE_MS if sensor.poller.settled else TALK_MS
        wait_ms = idle_ms if next_s is None else min(max(round((next_s - now_s) * 1000), 10), idle_ms)
        self.once(wait_ms, lambda: self._talk(line))

    def _sensor(self, name: str) -> Sensor:
        of = self.models[name]
        profile = self._world.catalogue.get(of.model)
        counting = counter_of(profile, name, "1", ("in", "out"), self._interval_s)
        return Sensor(name, profile, counting, of.mode, of.period_s)

    # -- commit, seal, send ---------------------------------------------------------------------------------------

    def _commit(self) -> None:
        self._commit_due_ms = None
        self.recorder.commit(self._now())
        self.delivery.spool = self.recorder.spool
        self.obey()
        every_ms = self._seal_ms if self.delivery.connected else max(OFFLINE_SEAL_MS, self._seal_ms)
        if self._world.clock.now_ms - self._sealed_ms >= every_ms - COMMIT_MS // 2:
            self._seal()

    def _seal(self) -> None:
        now_ms = self._sealed_ms = self._world.clock.now_ms
        for one in self.recorder.seal():
            self._world.tap.batch(self.node, one.data)
            self._world.notes.sealed(self.node, one.spool, one.seq, one.rows, one.from_ms, one.to_ms, now_ms)
        self.pump()

    def _care(self) -> None:
        spool_owner.care(self.recorder.spool, self._spool_bytes, self._world.clock.now_ms)

    # -- the link -------------------------------------------------------------------------------------------------

    def cut_link(self) -> None:
        """No network any more."""
        self.linked = False
        self.leave()

    def sensors(self) -> tuple[status.Sensor, ...]:
        return tuple(status.Sensor(name, sensor.profile.ref) for name, sensor in self.at_work.items())

    def receive(self, message: Arrived) -> None:
        """A word that nobody has signed rightly or that makes no sense is passed over."""
        with suppress(signed.BadSignature, wire_ack.BadAck):
            super().receive(message)

    def answered(self, heard: wire_ack.Ack, released: list[int]) -> None:
        codes = {verdict.seq: int(verdict.code) for verdict in heard.verdicts}
        for seq in released:
            self._world.notes.answered(self.node, heard.spool, seq, codes[seq], self._world.clock.now_ms)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _open_spool(self) -> Spool:
        path = self._world.folder / f"{self.node}.db"
        return SpoolOnDisk(path, self.node, self.site, self._draw, lambda: self.disk_full)

    def _draw(self, size: int) -> str:
        return f"{self._rng.getrandbits(8 * size):0{2 * size}x}"

    def _power_on(self, ntp_after_s: float) -> None:
        clock = self._world.clock
        self._boot = self._draw(8)
        self._booted_ms, self._powered_s = clock.now_ms, clock.now_s
        self.ntp_at_ms = clock.now_ms + round(ntp_after_s * 1000)

    def _now(self) -> Now:
        """Both clocks. Until NTP answers the wall clock is wrong: from 1970, or by `clock_error_ms`."""
        now_ms = self._world.clock.now_ms
        since_boot_ms = now_ms - self._booted_ms
        if now_ms < self.ntp_at_ms:
            wall_ms = now_ms + self.clock_error_ms if self.clock_error_ms else NO_CLOCK_MS + since_boot_ms
            return Now(since_boot_ms, wall_ms, False)
        return Now(since_boot_ms, now_ms, True)

    def _stamp(self) -> int:
        return self.recorder.stamp(self._now()) if self.up else 0
