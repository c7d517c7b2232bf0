"""`python -m tests.soak --seconds 600 --seed 7`: every model at once through real agents, on damaged lines.

Stubs on pseudo-terminals > three real agents > mosquitto > a real collector > InfluxDB. One byte in a hundred is
damaged, at most one a frame: up to a third of the longer frames. Then it is compared: no stored value that no sensor
sent, and every damaged frame counted by the agents, exactly. One JSON object on stdout; exit code 0 when both are so.

Lines without a checksum can lie: a flipped bit may leave a frame that the manual allows, and no receiver can tell. The
injector knows which ones (`tests/sensors/plausible.py`, from the manuals); they are `hidden`, and all others must be
counted. What is stored of such radars are counts and speeds, held against the vehicles that passed: one report is not
believed, and a vehicle's speed is the median of its reports.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from device_profiles.catalogue import load
from firmware_stubs.faults import Fault
from firmware_stubs.faulty import Faulty
from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.road import Road, Vehicle
from firmware_stubs.stub import Stub
from tests.remains import end_with_us
from tests.rig import Rig
from tests.sensors.plausible import as_good, plausible
from tests.servers import Influxd, Mosquitto, wait_for

AGENTS = 3
SHARE = 0.01
QUIET_S = 4.0
SPEED_KMH = 40.0
SLOW_KMH = 6.0
KINDS = ("air_quality", "weather", "position")


def world(t_s: float) -> dict[str, float]:
    """Air and weather that move every second, so that a wrong value is one that nobody sent."""
    step = int(t_s) % 97
    return {
        "pm1_ugm3": 11.0 + step, "pm25_ugm3": 23.0 + 2 * step, "pm10_ugm3": 31.0 + 3 * step,
        "co2_ppm": 500.0 + 7 * step,
        "temp_c": 5.0 + 0.3 * step, "rh_pct": 30.0 + 0.5 * step, "wind_speed_ms": 1.0 + 0.1 * step,
        "wind_dir_deg": 3.0 * step, "press_hpa": 990.0 + 0.4 * step, "range_m": 4.2, "hcho_ugm3": 20.0 + step,
        "lat_deg": 39.9087, "lon_deg": 116.4605, "noise_db": 50.0 + 0.2 * step,
    }  # fmt: skip


def stub_of(name: str, seconds: float) -> Stub:
    """A model's stub: the air, or a road on which every vehicle has one speed."""
    if name not in RADARS:
        return MODELS[name](world)
    speed = SLOW_KMH if name == "hilink-ld2450" else SPEED_KMH
    every_s = 12.0 if name == "hilink-ld2450" else 8.0
    start_s = time.monotonic() + 20
    count = int(seconds // every_s)
    vehicles = [Vehicle(start_s + every_s * n, speed if n % 2 else -speed) for n in range(count)]
    return MODELS[name](Road(vehicles, near_m=0.5).targets)


def main() -> int:
    """Run, compare, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    end_with_us()
    with tempfile.TemporaryDirectory(prefix="lamppost-soak-") as folder:
        said = soak(Path(folder), asked.seconds, asked.seed)
    print(json.dumps(said))
    return int(said["wrong"] > 0 or said["sensors_counted_exactly"] < said["sensors"])


def soak(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """What was injected, counted, stored and wrong."""
    broker, database = Mosquitto(folder / "mosquitto"), Influxd(folder / "influxd")
    broker.start()
    database.start()
    rig = Rig(folder, broker, database)
    damages = {name: Faulty(f"{seed} {name}", [Fault("bitflip", share=SHARE, per_byte=True)]) for name in MODELS}
    hidden: Counter[str] = Counter()
    try:
        rig.collector().start()
        rig.wait_for_page()
        agents, nodes = [], []
        names = sorted(MODELS)
        for number in range(AGENTS):
            stubs = {name: (name, stub_of(name, seconds)) for name in names[number::AGENTS]}
            nodes.append(stubs)
            agents.append(rig.agent(f"lp-{number}", stubs))
        for name, stub in ((name, stub) for node in nodes for name, stub in node.values()):
            stub.spoilt = partial(_note_hidden, hidden, name)
        for agent in agents:
            agent.start()
        for number in range(AGENTS):
            wait_for("every port to be open", lambda n=number: _all_open(rig.status(f"lp-{n}")), 60)  # type: ignore[misc]
        rig.stubs.start()
        for damage, during_s in ((None, QUIET_S), (damages, seconds), (None, QUIET_S)):
            for number in range(AGENTS):
                for name in names[number::AGENTS]:
                    rig.stubs.port(f"lp-{number}/{name}").stub.faulty = damage[name] if damage else None
            time.sleep(during_s)  # the run itself: the sensors speak in real time
        for agent in agents:
            agent.stop()
        waiting = [rig.status(f"lp-{number}")["waiting_rows"] for number in range(AGENTS)]
        wait_for("the last batches", lambda: sum(waiting) == 0, 30)
        return _compare(rig, damages, hidden, seconds, seed)
    finally:
        rig.close()
        broker.stop()
        database.stop()


def _note_hidden(hidden: Counter[str], name: str, t_s: float, frame: bytes, arrives: bytes) -> None:  # noqa: ARG001
    hidden[name] += plausible(name, arrives) or as_good(name, frame, arrives)


def _all_open(said: dict[str, Any]) -> bool:
    return bool(said) and all(sensor["open"] for sensor in said["sensors"])


def _compare(rig: Rig, damages: dict[str, Faulty], hidden: Counter[str], seconds: float, seed: int) -> dict[str, Any]:
    catalogue = load(None)
    counted: Counter[str] = Counter()
    for number in range(AGENTS):
        for sensor in rig.status(f"lp-{number}")["sensors"]:
            counted[sensor["name"]] = sum(n for reason, n in sensor["bad"].items() if reason != "no_reply")
    wrong, stored = _wrong_values(rig, {name for name in MODELS if catalogue.get(name).kind != "detection"})
    injected = {name: damage.done.total() for name, damage in damages.items()}
    uneven = {n: [count - hidden[n], counted[n]] for n, count in injected.items() if count - hidden[n] != counted[n]}
    return {
        "seed": seed,
        "seconds": seconds,
        "sensors": len(MODELS),
        "frames": sum(len(sent) for sent in rig.truth.values()),
        "injected": sum(injected.values()),
        "hidden": hidden.total(),
        "counted": sum(counted.values()),
        "sensors_counted_exactly": len(MODELS) - len(uneven),
        "countable_and_counted_where_they_differ": uneven,
        "stored": stored,
        "wrong": len(wrong),
        "wrong_values": wrong[:10],
    }


def _wrong_values(rig: Rig, spoken: set[str]) -> tuple[list[Any], int]:
    """Stored values that no stub has sent, and how many rows were looked at."""
    wrong: list[Any] = []
    stored = 0
    for (node, sensor), sent in rig.truth.items():
        meant: dict[str, set[float]] = {}
        for rows in sent:
            for row in rows:
                for name, value in row.items():
                    meant.setdefault(name, set()).add(round(value, 3))
        if sensor in spoken:
            for kind in KINDS:
                columns = tuple(name for name in sorted(meant) if _belongs(name, kind))
                kept = rig.rows(kind, *columns, node=node, sensor=sensor) if columns else []
                stored += len(kept)
                wrong += [
                    [sensor, name, value]
                    for row in kept
                    for name, value in zip(columns, row[1:], strict=True)
                    if value is not None and not any(abs(value - good) <= 0.0015 for good in meant[name])
                ]
        else:
            found, strange = _wrong_traffic(rig, node, sensor)
            stored += found
            wrong += strange
    return wrong, stored


def _wrong_traffic(rig: Rig, node: str, sensor: str) -> tuple[int, list[Any]]:
    """Intervals whose speed no vehicle had. All vehicles of a road drive alike, but for the angle of the beam."""
    speed = SLOW_KMH if sensor == "hilink-ld2450" else SPEED_KMH
    rows = rig.rows("traffic_flow", "count", "speed_tms_kmh", node=node, sensor=sensor)
    return len(rows), [
        [sensor, "speed_tms_kmh", row[2]] for row in rows if row[2] and abs(row[2] - speed) > 0.15 * speed
    ]


def _belongs(name: str, kind: str) -> bool:
    from wire.quantities import QUANTITIES

    return name in QUANTITIES and QUANTITIES[name].kind == kind


if __name__ == "__main__":
    sys.exit(main())
