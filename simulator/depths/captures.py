"""Depth `file`: no agent, no broker; what goes over every sensor's line, as captures (edge_agent/lines/captures.py).

An agent's sensor asks and listens, so that polled models speak and start-up commands are answered. What comes out is
what `lamppost capture record` writes on a real box, and everything that reads those files reads these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from device_profiles.catalogue import load
from device_profiles.profile import Profile
from edge_agent.lines.captures import Capture, Piece
from edge_agent.sensors.sensor import Sensor
from firmware_stubs.models import RADARS
from firmware_stubs.stub import Stub
from simulator.scenario.faults import faulty
from simulator.scenario.scenario import Scenario
from simulator.world.clock import Clock
from simulator.world.street import Street
from wire.times import MINUTE_MS

MUTE_MS: Final = 5_000
ASK_MS: Final = MINUTE_MS


def run(
    scenario: Scenario, seed: int, folder: Path, name: str, faults: tuple[str, ...] = (),
    watch: Callable[[float], bool | None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Write `NODE-SENSOR.hex` for every sensor. The same scenario and seed write the same bytes."""
    orders = scenario.orders(faults)
    city, catalogue, digest, count = scenario.city(seed), load(), hashlib.sha256(), 0
    wanted = [(node, sensor) for node in scenario.nodes() for sensor in scenario.sensors]
    whole = True
    for at, (node, sensor) in enumerate(wanted):
        of = scenario.sensors[sensor]
        clock = Clock(scenario.start_ms)
        street = Street(city, node, clock)
        stub = street.stub(of)
        stub.faulty = faulty(orders, seed, node, sensor)
        profile = catalogue.get(of.model)
        capture = Capture(_facts(scenario, profile, f"scenario {name}, seed {seed}, {node}/{sensor}"))
        end_ms = scenario.start_ms + round(scenario.duration_s * 1000)

        def goes_on(done: float, at: int = at) -> bool:
            return watch((at + done) / len(wanted)) is not False

        heard = Sensor(sensor, profile, mode=of.mode, period_s=of.period_s)
        whole = _fill(capture, heard, street, stub, clock, end_ms, goes_on)
        text = capture.text()
        (folder / f"{node}-{sensor}.hex").write_text(text, encoding="utf-8")
        digest.update(text.encode())
        count += len(capture.reads)
        if not whole or (not goes_on(1.0) and at + 1 < len(wanted)):
            whole = False
            break
    return {
        "seed": seed,
        "depth": "file",
        "stations": scenario.stations,
        "reads": count,
        "whole": whole,
        "hash": digest.hexdigest()[:32],
    }


def _facts(scenario: Scenario, profile: Profile, source: str) -> dict[str, str]:
    started = datetime.fromtimestamp(scenario.start_ms / 1000, UTC)
    return {
        "profile": profile.ref,
        "line": profile.serial.told,
        "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": source,
    }


def _fill(
    capture: Capture, sensor: Sensor, street: Street, stub: Stub, clock: Clock, end_ms: int,
    goes_on: Callable[[float], bool],
) -> bool:  # fmt: skip
    """Let both sides speak until the end, on simulated time; False when somebody ends it before."""
    sensor.begin(clock.now_s, clock.now_s)
    began_ms = asked_ms = clock.now_ms
    while clock.now_ms < end_ms:
        if clock.now_ms >= asked_ms:
            asked_ms = clock.now_ms + ASK_MS
            if not goes_on((clock.now_ms - began_ms) / (end_ms - began_ms)):
                return False
        now_s = clock.now_s
        said = stub.tick(now_s)
        _hear(capture, sensor, said, clock)
        sensor.late(now_s)
        for ask in sensor.poller.due(now_s):
            capture.pieces.append(Piece(now_s, ask.data, written=True))
            _hear(capture, sensor, stub.receive(ask.data), clock)
        clock.now_ms += max(1, _wait_ms(street, stub, sensor, now_s))
    return True


def _hear(capture: Capture, sensor: Sensor, data: bytes, clock: Clock) -> None:
    if data:
        capture.pieces.append(Piece(clock.now_s, data))
        sensor.feed(data, clock.now_ms, clock.now_s)


def _wait_ms(street: Street, stub: Stub, sensor: Sensor, now_s: float) -> int:
    """Until either side has something to say; a radar that sees nothing need not be looked at."""
    stub_s, ask_s = stub.next_s, sensor.poller.next_s
    if stub_s is not None and sensor.profile.name in RADARS and not street.sees(max(now_s, stub_s)):
        stub_s = max(stub_s, street.next_seen_s(now_s))
    times = [time_s for time_s in (stub_s, ask_s) if time_s is not None]
    return round((min(times) - now_s) * 1000) if times else MUTE_MS
