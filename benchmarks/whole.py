"""Figures of a whole collector between real servers: each store, live latency beside a drain."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.collectors import BATCHES, compare, running
from benchmarks.figure import LOOP, Figure, loop_us

STORES = {"influx1": "InfluxDB 1", "influx2": "VictoriaMetrics by /api/v2/write", "sqlite": "SQLite"}
PROGRAMS = {"influx1": "influxd", "influx2": "victoria-metrics", "sqlite": "python3"}
LIGHT_NODES = 10


def stores(points: int, repeat: int) -> Iterator[Figure]:
    """Points a second and CPU a point with each store; for servers also what they take when fed directly."""
    for store, title in STORES.items():
        if shutil.which(PROGRAMS[store]) is None:
            print(f"{PROGRAMS[store]} is not installed: no figures of {title}", file=sys.stderr)
            continue
        loop = loop_us()
        rate, direct, ratios = compare(store, points if store == "influx1" else points // 2, 60, repeat)
        name = f"collector with {title}"
        if direct is None:
            yield Figure(name, rate.per_s, "points/s")
        else:
            yield Figure(f"{title} fed directly", direct, "points/s")
            budget = "0.9 of it" if store == "influx1" else None
            yield Figure(name, rate.per_s, "points/s", "the direct feed", median(ratios), budget)
        yield Figure(f"{name}: CPU, batches of 60 rows", rate.cpu_us, "µs a point", LOOP, rate.cpu_us / loop, "5")
        yield Figure(f"{name}: most memory", rate.peak_mb, "MB", budget="200")
        if store == "influx1":
            small, _, _ = compare("sqlite", points // 10, 5, 1)
            yield Figure("collector with SQLite: CPU, batches of 5 rows", small.cpu_us, "µs a point")


def latency(points: int) -> Iterator[Figure]:
    """How long a batch of 5 rows waits for its acknowledgement: alone, and while a backlog drains beside it."""
    with running("influx1", 60) as bench:
        quiet = _stream(bench.broker.port, LIGHT_NODES, 5, 900_000)
        nodes = max(1, points // 60 // BATCHES)
        command = [sys.executable, "-m", "benchmarks.stream", *map(str, (bench.broker.port, nodes, BATCHES, 60, 0))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as drain:
            busy = _stream(bench.broker.port, LIGHT_NODES, 5, 910_000)
            assert drain.stdout is not None
            drained = json.loads(drain.stdout.read())
    for when, said in (("alone", quiet), ("beside a drain", busy)):
        yield Figure(f"batch to acknowledgement {when}, median", said["answer_p50_ms"], "ms")
        yield Figure(f"batch to acknowledgement {when}, p99", said["answer_p99_ms"], "ms")
    per_s = drained["points"] / drained["seconds"]
    yield Figure("drain: a node's 1 Hz sensor, one of a hundred draining", per_s / 100, "times real time", budget="50")


def _stream(port: int, nodes: int, rows: int, first: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.stream", *map(str, (port, nodes, BATCHES, rows, first))]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return said
