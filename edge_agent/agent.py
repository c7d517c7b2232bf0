"""The agent: ports feed sensors, sensors give readings, readings are committed every second, sealed and sent.

port > Sensor > pending > Spool.accept (1 s) > Spool.seal (seal_s) > Delivery > Uplink > broker
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import secrets
import time
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from device_profiles.catalogue import load as load_catalogue
from device_profiles.settings import BrokerAddress, broker_address
from edge_agent import clock
from edge_agent.config import Config
from edge_agent.config import Sensor as SensorConfig
from edge_agent.delivery import Delivery
from edge_agent.identity import Identity, read_key
from edge_agent.port import Port
from edge_agent.recorder import Now, Recorder
from edge_agent.renewal import keep_renewed
from edge_agent.requests import Requests
from edge_agent.sensor import Sensor
from edge_agent.spool import Spool, SpoolError
from edge_agent.traffic import Counter as TrafficCounter
from edge_agent.uplink import Uplink
from wire import status

log = logging.getLogger("lamppost.agent")

COMMIT_S = 1.0
TALK_S_MIN, TALK_S_MAX = 0.01, 0.5
OFFLINE_SEAL_S = 60.0
STATUS_S = 2.0
RING_S = 24 * 3600
CARE_S = 60.0
DRAIN_S = 5.0


class Agent:
    """One agent. Built from settings; does nothing until `run`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.session = secrets.token_hex(8)
        self.identity = Identity(config.identity) if config.identity is not None else None
        broker = _broker(config, self.identity)  # refuses what cannot be used before anything is opened
        self.sensors = _sensors(config)
        self.recorder = Recorder(
            config.node,
            config.site,
            clock.boot_id(),
            self.sensors,
            lambda: Spool(config.spool.path, config.node, config.site),
        )
        self.ports = [
            Port(wants.port, sensor.profile.serial, partial(self._on_bytes, sensor))
            for wants, sensor in zip(config.sensors, self.sensors, strict=True)
        ]
        self.delivery = Delivery(self.recorder.spool, random.Random(), connect_pause_s=config.broker.spread_s)
        self.requests = Requests(
            config.node, self.recorder, self.session, self._trusted_ms, lambda at_ms: self.delivery.not_before(at_ms)
        )
        self.uplink = Uplink(
            broker,
            config.node,
            self.delivery,
            self.birth,
            self.requests.answer,
            self.identity.pinned() if self.identity is not None else tuple(map(read_key, config.collector_keys)),
        )
        self._started_s = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then commit, seal, give the last batches a moment to be answered, and close."""
        for sensor in self.sensors:
            if sensor.traffic is not None:
                sensor.traffic.restore(self.recorder.spool.state(sensor.name))
        tasks = [asyncio.create_task(port.run(), name=f"read {port.path}") for port in self.ports]
        tasks += [
            asyncio.create_task(self._talk(sensor, port), name=f"talk to {sensor.name}")
            for sensor, port in zip(self.sensors, self.ports, strict=True)
        ]
        tasks.append(asyncio.create_task(self._record_for_ever(), name="commit every second"))
        if self.identity is not None:
            tasks.append(asyncio.create_task(keep_renewed(self.identity, self.uplink.counts), name="renew"))
        uplink = asyncio.create_task(self.uplink.run(), name="stay connected")
        try:
            stopped = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([stopped, uplink, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a task that ended by itself has failed: let it be seen
        finally:
            await _cancel(tasks)
            self.recorder.commit(self._now(), closing=True)
            self._seal()
            await self._drain(uplink)
            await _cancel([uplink])
            self._write_status()
            self.recorder.spool.close()

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
        believed = self.config.clock.trust == "always" or clock.synchronised()
        return Now(clock.boottime_ms(), clock.wall_ms(), believed)

    def _trusted_ms(self) -> int | None:
        now = self._now()
        return now.wall_ms if now.synchronised else None

    def _on_bytes(self, sensor: Sensor, data: bytes) -> None:
        stamp_ms = self.recorder.timeline.stamp(clock.boottime_ms())
        self.recorder.keep(sensor.feed(data, stamp_ms, time.monotonic()))

    async def _talk(self, sensor: Sensor, port: Port) -> None:
        """Say to a sensor what its profile wants said: at start, when it is polled, when it comes back."""
        powered_s = 0.0  # at our start the sensor has had power as long as the board
        while True:
            await port.opened()
            sensor.begin(time.monotonic(), powered_s)
            while port.open:
                now_s = time.monotonic()
                sensor.late(now_s)
                for ask in sensor.poller.due(now_s):
                    port.write(ask.data)
                next_s = sensor.poller.next_s
                await asyncio.sleep(TALK_S_MAX if next_s is None else min(max(next_s - now_s, TALK_S_MIN), TALK_S_MAX))
            powered_s = time.monotonic()  # it was unplugged: it starts cold

    async def _record_for_ever(self) -> None:
        sealed_s = status_s = cared_s = time.monotonic()
        self.recorder.timeline.observe(*self._now())
        while True:
            await asyncio.sleep(COMMIT_S - time.time() % COMMIT_S)
            now_s = time.monotonic()
            self.recorder.commit(self._now())
            self.delivery.spool = self.recorder.spool
            self._obey_delivery()
            seal_s = self.config.seal_s if self.delivery.connected else OFFLINE_SEAL_S
            if now_s - sealed_s >= seal_s - COMMIT_S / 2:
                sealed_s = now_s
                self._seal()
            if now_s - cared_s >= CARE_S:
                cared_s = now_s
                self._care_for_spool()
            if now_s - status_s >= STATUS_S:
                status_s = now_s
                self._write_status()

    def _obey_delivery(self) -> None:
        """The collector has asked for smaller batches, or knows sequences that this card has forgotten."""
        spool = self.recorder.spool
        while self.delivery.too_large:
            spool.split(self.delivery.too_large.pop(), self.config.node, clock.wall_ms())
            self.uplink.wake()
        if self.delivery.rolled_back:
            log.warning(
                "the collector knows this card's numbers already: it was restored or copied; a new spool begins"
            )
            spool.begin_life(self.config.node, clock.wall_ms())
            self.delivery.rolled_back = False
            self.uplink.announce()
        elif self.uplink.announced_spools != spool.spools() or self.delivery.unheard:
            self.delivery.unheard = False
            self.uplink.announce()

    def _care_for_spool(self) -> None:
        spool = self.recorder.spool
        try:
            spool.prune(clock.wall_ms() - RING_S * 1000)
            while spool.make_room(self.config.node, self.config.spool.max_size, clock.wall_ms()):
                pass
        except SpoolError as error:
            log.error("%s", error)

    def _seal(self) -> None:
        if self.recorder.seal():
            self.uplink.wake()

    async def _drain(self, uplink: asyncio.Task[None]) -> None:
        until_s = time.monotonic() + DRAIN_S
        while self.delivery.connected and not uplink.done() and time.monotonic() < until_s:
            if self.recorder.spool.depth().rows == 0:
                return
            self.uplink.wake()
            await asyncio.sleep(0.05)

    def _write_status(self) -> None:
        """Replace the status file whole: written aside, then renamed."""
        path = self.config.status_file
        aside = path.with_name(path.name + ".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(self._status(), ensure_ascii=False))
            aside.replace(path)
        except OSError as error:
            log.debug("status file: %s", error)

    def _status(self) -> dict[str, Any]:
        depth = self.recorder.spool.depth()
        connected_s = self.uplink.connected_since_s
        return {
            "schema": "lamppost.agent.status/1",
            "node": self.config.node,
            "site": self.config.site,
            "version": version("lamppost"),
            "pid": os.getpid(),
            "at_ms": clock.wall_ms(),
            "up_s": round(time.monotonic() - self._started_s),
            "connected_s": None if connected_s is None else round(time.monotonic() - connected_s),
            "accepted": self.recorder.accepted,
            "refused": self.recorder.refused,
            "waiting_rows": depth.rows,
            "oldest_ms": depth.oldest_ms,
            "spool_bytes": depth.file_bytes,
            "spool": self.recorder.spool.spool_id,
            "damaged": self.recorder.spool.damaged() or self.recorder.spool.changed(),
            "clock": self.recorder.timeline.state,
            "disk_ok": self.recorder.disk_ok,
            "counts": dict(self.delivery.counts) | dict(self.uplink.counts) | dict(self.requests.counts),
            "sensors": [
                {
                    "name": sensor.name,
                    "profile": sensor.profile.ref,
                    "port": port.path,
                    "open": port.open,
                    "frames": sensor.frames,
                    "bad": dict(sensor.bad),
                    "unfit": dict(sensor.unfit),
                    "last_frame_ms": sensor.last_frame_ms,
                    "values": sensor.last_values,
                }
                for sensor, port in zip(self.sensors, self.ports, strict=True)
            ],
        }


def _sensors(config: Config) -> list[Sensor]:
    catalogue = load_catalogue(config.profiles)
    return [
        Sensor(wants.name, profile := catalogue.get(wants.profile), _traffic(wants, profile.ref, profile.kind))
        for wants in config.sensors
    ]


def _traffic(wants: SensorConfig, profile: str, kind: str) -> TrafficCounter | None:
    if kind != "detection":
        return None
    return TrafficCounter(wants.name, profile, wants.lane, tuple(wants.directions), wants.interval_s)


def _broker(config: Config, identity: Identity | None) -> BrokerAddress:
    """The broker, reached with the station's identity when it has one. Raises Failure for files that cannot be used."""
    address = broker_address(config.broker)
    if identity is None:
        return address
    identity.tls.check()
    return replace(address, tls=identity.tls.context)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def on_tmpfs(path: Path) -> bool:
    """True when `path` lies on a file system that lives in RAM."""
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, fstype = line.split()[:3]
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, fstype
    return kind in ("tmpfs", "ramfs")
