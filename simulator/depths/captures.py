"""Depth `file`: no agent, no broker; what every sensor says, with its times, one text file a sensor.

# profile: plantower-pms5003
# source: scenario dust-storm, seed 7, lp-0001/air-1
1775786400000 424D001C...          UTC milliseconds, the bytes in hex
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from firmware_stubs.faulty import Faulty
from firmware_stubs.models import RADARS
from simulator.scenario.scenario import Scenario
from simulator.world.clock import Clock
from simulator.world.street import Street

MUTE_MS: Final = 5_000


def run(
    scenario: Scenario, seed: int, folder: Path, name: str, faults: tuple[str, ...] = (),
    watch: Callable[[float], bool | None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Write `NODE-SENSOR.hex` for every sensor. The same scenario and seed write the same bytes."""
    orders = [order for order in scenario.orders(faults) if order.fault is not None]
    city, digest, count = scenario.city(seed), hashlib.sha256(), 0
    wanted = [(node, sensor) for node in scenario.nodes() for sensor in scenario.sensors]
    for at, (node, sensor) in enumerate(wanted):
        of = scenario.sensors[sensor]
        clock = Clock(scenario.start_ms)
        street = Street(city, node, clock)
        stub = street.stub(of)
        chosen = [order.fault for order in orders if order.fault is not None and order.strikes(node, sensor)]
        stub.faulty = Faulty(f"{seed} {node} {sensor}", chosen) if chosen else None
        end_ms = scenario.start_ms + round(scenario.duration_s * 1000)
        lines = [f"# profile: {of.model}", f"# source: scenario {name}, seed {seed}, {node}/{sensor}"]
        while clock.now_ms < end_ms:
            data = stub.tick(clock.now_s)
            if data:
                lines.append(f"{clock.now_ms} {data.hex().upper()}")
            next_s = stub.next_s
            if next_s is None:
                clock.now_ms += MUTE_MS
                continue
            if of.model in RADARS and not street.sees(max(clock.now_s, next_s)):
                next_s = max(next_s, street.next_seen_s(clock.now_s))
            clock.now_ms += max(1, round((next_s - clock.now_s) * 1000))
        text = "\n".join(lines) + "\n"
        (folder / f"{node}-{sensor}.hex").write_text(text)
        digest.update(text.encode())
        count += len(lines) - 2
        if watch((at + 1) / len(wanted)) is False:
            break
    return {
        "seed": seed,
        "depth": "file",
        "stations": scenario.stations,
        "reads": count,
        "hash": digest.hexdigest()[:32],
    }
