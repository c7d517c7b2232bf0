"""The agent: lines feed sensors, sensors give readings, readings are committed every second, sealed and sent.

line > Sensor > Recorder: committed (1 s) and sealed (seal_s; at once when urgent) > Delivery > Uplink > broker
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import sqlite3
import time
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any

from common.notifier import Notifier
from device_profiles.catalogue import load as load_catalogue
from edge_agent.delivery import spool_owner
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.line_cost import LineCost
from edge_agent.delivery.uplink import Uplink
from edge_agent.device import clock, vitals
from edge_agent.device.progress import Progress
from edge_agent.device.status_led import StatusLed
from edge_agent.identity.identity import Identity
from edge_agent.identity.reach import broker_of, pinned_keys
from edge_agent.identity.renewal import keep_renewed
from edge_agent.identity.safety import see_whether_safe
from edge_agent.lines.line import Line
from edge_agent.office.errands import Errands
from edge_agent.office.remote_config import Health
from edge_agent.office.requests import Requests
from edge_agent.reading import Reading
from edge_agent.recorder import Now, Recorder, Sealing
from edge_agent.self_report import SelfReport
from edge_agent.sensors.sensor import Sensor
from edge_agent.settings.config import Config
from edge_agent.settings.sensor import sensor_of
from edge_agent.spool import making_room
from edge_agent.spool import place as spool_place
from edge_agent.spool.file import trouble as spool_trouble
from edge_agent.spool.spool import Spool, SpoolError
from edge_agent.tap import Tap, socket_path
from edge_agent.urgency import Urgency
from wire import status

log = logging.getLogger("lamppost.agent")

COMMIT_S = 1.0
STATUS_S = 2.0
CARE_S = 60.0
DRAIN_S = 5.0
CANCEL_AGAIN_S = 5.0  # longer than a goodbye takes


class Agent:
    """One agent. Built from settings; does nothing until `run`."""

    def __init__(self, config: Config, file: Path, notifier: Notifier) -> None:
        self.config = config
        self.notifier = notifier
        self.errands = Errands(self, file)
        self.session = secrets.token_hex(8)
        self.identity = Identity(config.identity) if config.identity is not None else None
        self.broker = broker_of(config)  # refuses what cannot be used before anything is opened
        self._owner = spool_place.own(config.spool.path)
        catalogue = load_catalogue(config.profiles)
        self.sensors = [sensor_of(catalogue, wants) for wants in config.sensors]
        self.recorder = Recorder(
            config.node,
            config.site,
            clock.boot_id(),
            self.sensors,
            lambda: Spool(config.spool.path, config.node, config.site, alive=notifier.alive),
            Urgency(config.urgent),
            notifier.alive,
        )
        self.line_cost = LineCost(config.bytes_per_day, config.seal_s)
        self._urgent = asyncio.Event()
        self.lines = {
            port: Line(port, [self.sensors[number] for number in numbers], self._on_bytes, self._on_write)
            for port, numbers in config.lines().items()
        }
        self._numbers = {sensor: number for number, sensor in enumerate(self.sensors)}
        self.tap = Tap(socket_path(config.status_file), _about(config, self.sensors), clock.wall_ms)
        self.delivery = Delivery(self.recorder.spool, random.Random(), connect_pause_s=config.broker.spread_s)
        self.requests = Requests(
            config.node,
            self.recorder,
            self.session,
            self._trusted_ms,
            lambda at_ms: self.delivery.not_before(at_ms),
            self.errands.verbs(),
        )
        self.uplink = Uplink(
            self.broker,
            config.node,
            self.delivery,
            self.birth,
            self.requests.answer,
            pinned_keys(config),
        )
        self.report = SelfReport(self)
        self.led = StatusLed(config.led, lambda: self.report.last) if config.led is not None else None
        self._progress = Progress()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then commit, seal, give the last batches a moment to be answered, and close."""
        now = self._now()
        self.recorder.timeline.observe(*now)
        self.recorder.restore(now)
        await self.tap.open()
        tasks = self._begin_tasks(stop)
        uplink = asyncio.create_task(self.uplink.run(), name="stay connected")
        try:
            stopped = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([stopped, uplink, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a task that ended by itself has failed: let it be seen
        except sqlite3.DatabaseError as error:
            # a page that was sound at the start: the next commit, and the next agent, open what can be saved
            self.recorder.trouble(spool_trouble(self.config.spool.path, error))
            self.errands.begin_anew = True
        finally:
            if not self.errands.begin_anew:  # the process goes on, and systemd would send it no more signal
                self.notifier.stopping()
            self.errands.end()
            await _cancel(tasks)
            await self.tap.close()
            self._commit("all", closing=True)
            await self._drain(uplink)
            await _cancel([uplink])
            self.report.write()
            self.recorder.spool.close()
            self._owner.release()
            if self.led is not None:
                self.led.give_back()

    def _begin_tasks(self, stop: asyncio.Event) -> list[asyncio.Task[None]]:
        """All that is done beside one another, but for the uplink, which outlives the rest."""

        def begin(what: Coroutine[None, None, None], name: str) -> None:
            tasks.append(asyncio.create_task(what, name=name))

        tasks: list[asyncio.Task[None]] = []
        for path, line in self.lines.items():
            begin(line.port.run(), f"read {path}")
            begin(line.talk(), f"talk on {path}")
        begin(self._record_for_ever(), "commit every second")
        if self.errands.trial is not None:
            begin(self.errands.judge(stop), "judge new settings")
        if self.identity is not None:
            counts = self.uplink.counts
            begin(keep_renewed(self.identity, counts, self.uplink.believe), "renew")
            safe = see_whether_safe(self.broker, self.config.node, counts, lambda: self.delivery.connected)
            begin(safe, "see whether the broker is safe")
        if self.led is not None:
            begin(self.led.show_for_ever(), "show the state")
        return tasks

    def birth(self) -> status.Birth:
        """What the node says of itself now."""
        spool = self.recorder.spool
        depth = spool.depth()
        return status.Birth(
            node=self.config.node,
            site=self.config.site,
            session=self.session,
            spools=spool.spools(),
            next_seq=spool.next_seq,
            oldest_ms=depth.oldest_ms,
            version=version("lamppost"),
            clock=self.recorder.timeline.state,
            sensors=tuple(status.Sensor(sensor.name, sensor.profile.ref) for sensor in self.sensors),
            vitals={"spool_rows": depth.rows, "spool_bytes": depth.file_bytes},
        )

    def _now(self) -> Now:
        return Now(clock.boottime_ms(), clock.wall_ms(), clock.believed(self.config.clock.trust))

    def _trusted_ms(self) -> int | None:
        now = self._now()
        return now.wall_ms if now.synchronised else None

    def _dated_ms(self) -> int:
        return self.recorder.dated_ms(self._now())

    def _on_bytes(self, sensor: Sensor, data: bytes, now_s: float) -> None:
        boot_ms = clock.boottime_ms() - round((time.monotonic() - now_s) * 1000)
        self._keep(sensor.feed(data, self.recorder.timeline.stamp(boot_ms), now_s))
        self.tap.read(self._numbers[sensor], data)

    def _on_write(self, sensor: Sensor, data: bytes) -> None:
        self.tap.wrote(self._numbers[sensor], data)

    async def _record_for_ever(self) -> None:
        sealed_s = cared_s = time.monotonic()
        examined_s, status_s, is_ready = -vitals.EVERY_S, -STATUS_S, False
        while True:
            while await self._hurried(COMMIT_S - time.time() % COMMIT_S):
                self._commit("urgent")
            now_s = time.monotonic()
            if now_s - examined_s >= vitals.EVERY_S:
                examined_s = now_s
                self._examine()
            answered = self.delivery.is_answered(now_s)
            if now_s - sealed_s >= self.pace_s(now_s) - COMMIT_S / 2:
                sealed_s = now_s
                self._commit("all")
            else:
                self._commit("urgent" if answered else "no")
            try:
                self._obey_delivery()
            except SpoolError as error:  # asked for again by the next answer
                self.recorder.trouble(error)
            if now_s - cared_s >= CARE_S:
                cared_s = now_s
                self._care_for_spool()
            if now_s - status_s >= STATUS_S:
                status_s = now_s
                self._tell()
            if not is_ready:
                is_ready = True
                self.notifier.ready()

    async def _hurried(self, wait_s: float) -> bool:
        """Wait; True as soon as something urgent has come that somebody is there to answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._urgent.wait()
        hurried = self._urgent.is_set()
        self._urgent.clear()
        return hurried

    def _keep(self, readings: list[Reading]) -> None:
        """Hold readings for the next commit; it comes at once for what has just become urgent."""
        urgency = self.recorder.urgency
        assert urgency is not None
        due = urgency.due
        self.recorder.keep(readings)
        if urgency.due and not due and self.delivery.is_answered(time.monotonic()):
            self._urgent.set()

    def _commit(self, seal: Sealing, closing: bool = False) -> None:
        if self.recorder.commit(self._now(), closing, seal):
            self.uplink.wake()
        self.delivery.spool = self.recorder.spool

    def pace_s(self, now_s: float) -> float:
        """How often ordinary readings are sealed now."""
        return self.line_cost.pace_s(self.delivery.is_answered(now_s), self.uplink.line_bytes, now_s)

    def _examine(self) -> None:
        """The node's own health becomes a reading like any other."""
        now, spool = self._now(), self.recorder.spool
        bad = sum(sum(sensor.bad.values()) for sensor in self.sensors)
        true_ms = now.wall_ms if self.recorder.timeline.trusted else None
        board = vitals.of_board(self.config.spool.path)
        offset_s = self.uplink.skew.take_s()
        self.recorder.keep([vitals.reading(board, spool.depth(), bad, self.recorder.stamp(now), true_ms, offset_s)])

    def _obey_delivery(self) -> None:
        """The collector has asked for smaller batches, or knows sequences that this card has forgotten."""
        if self.delivery.too_large:
            self.uplink.wake()
        spool, announced = self.recorder.spool, self.uplink.announced_spools
        if spool_owner.obey(self.delivery, spool, announced, self._dated_ms(), self.notifier.alive):
            self.uplink.announce()

    def _care_for_spool(self) -> None:
        self.recorder.keep_in_place()
        self.delivery.spool = self.recorder.spool
        limit_bytes = self.spool_limit_bytes()
        try:
            spool_owner.care(self.recorder.spool, limit_bytes, self._dated_ms(), alive=self.notifier.alive)
        except SpoolError as error:
            self.recorder.trouble(error)

    async def _drain(self, uplink: asyncio.Task[None]) -> None:
        until_s = time.monotonic() + DRAIN_S
        while self.delivery.connected and not uplink.done() and time.monotonic() < until_s:
            if self.recorder.spool.depth().rows == 0:
                return
            self.uplink.wake()
            await asyncio.sleep(0.05)

    def _tell(self) -> None:
        """Say how it is: the status file, and systemd."""
        self.line_cost.note(self.uplink.line_bytes, time.monotonic())
        said = self.report.write()
        self.notifier.status(self.report.line(said))
        if self._progress.advances(sum(sensor.given for sensor in self.sensors), self.recorder.taken):
            self.notifier.alive()

    def spool_limit_bytes(self) -> int:
        """How large the spool may be."""
        return making_room.limit_bytes(self.config.spool.path, self.config.spool.max_size)

    def health(self) -> Health:
        """What a trial of new settings is judged by."""
        return Health(
            frozenset(sensor.name for sensor in self.sensors if sensor.frames),
            self.delivery.connected,
            self.delivery.last_ack_s is not None,
        )


def _about(config: Config, running: list[Sensor]) -> dict[str, Any]:
    """What those who watch must know to read along."""
    keys = {"name", "profile", "port", "options", "mode"}
    sensors = [
        wants.model_dump(include=keys) | {"silence_s": sensor.silence_s}
        for wants, sensor in zip(config.sensors, running, strict=True)
    ]
    folder = str(config.profiles) if config.profiles is not None else None
    return {"schema": "lamppost.tap/1", "node": config.node, "profiles": folder, "sensors": sensors}


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End them all; what is told once may go unheard: wait_for of 3.11, in libraries too, swallows a cancel that comes
    together with what it waits for."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
