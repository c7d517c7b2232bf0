"""Figures of a whole collector between real servers: each store, live latency beside a drain."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.collectors import BATCHES, CORES, compare, finished, running, stream
from benchmarks.figure import LOOP, Figure, loop_us
from benchmarks.stages import Course
from collector.stores.influx2 import Influx2
from collector.stores.store import Select, Series
from simulator.servers import Victoria
from wire.times import DAY_MS

STORES = {"influx1": "InfluxDB 1", "sqlite": "SQLite"}
LIGHT_NODES = 10
NODE_EVERY_S = 10
BACK_MS = 2 * DAY_MS
"""So old is a backlog."""


def stores(points: int, repeat: int) -> Iterator[Figure]:
    """Points a second and CPU a point with each store; for servers also what they take when fed directly."""
    for store, title in STORES.items():
        loop = loop_us()
        rate, direct, ratios = compare(store, points if store == "influx1" else points // 2, 60, repeat)
        name = f"collector with {title}"
        if direct is None:
            yield Figure(name, rate.per_s, "points/s")
        else:
            yield Figure(f"{title} fed directly", direct, "points/s")
            yield Figure(name, rate.per_s, "points/s", "the direct feed", median(ratios))
        yield Figure(f"{name}: CPU, batches of 60 rows", rate.cpu_us, "µs a point", LOOP, rate.cpu_us / loop, "5")
        yield Figure(f"{name}: most memory", rate.peak_mb, "MB", budget="200")
        if store == "influx1" and len(CORES) > 1:
            # One run in four or five meets the database while it compacts: the median wants a few more.
            apart, direct, ratios = compare(store, points, 60, repeat + 4, apart=True)
            assert direct is not None
            yield Figure(f"{title} fed directly, a core of its own", direct, "points/s")
            own = f"{name}, which has a core of its own"
            yield Figure(own, apart.per_s, "points/s", "the direct feed", median(ratios), "0.9 of it")
        if store == "influx1":
            small, _, _ = compare("sqlite", points // 10, 5, 1)
            yield Figure("collector with SQLite: CPU, batches of 5 rows", small.cpu_us, "µs a point")
            nodes = NODE_EVERY_S * 1e6 / (small.cpu_us * 5)
            yield Figure("nodes on one core of collector, 5 rows each every 10 s", nodes, "nodes", budget="10,000")


class WriteOnly(Influx2):
    """VictoriaMetrics takes the writes of InfluxDB 2 and answers none of its questions."""

    def select(self, question: Select) -> list[Series]:  # noqa: ARG002
        return []


def v2_path() -> Iterator[Figure]:
    """The write path of InfluxDB 2 and 3 on VictoriaMetrics: the hot path with its writes, no broker."""
    if shutil.which("victoria-metrics") is None:
        print("victoria-metrics is not installed: no figures of /api/v2/write", file=sys.stderr)
        return
    with TemporaryDirectory(prefix="lamppost-bench-") as folder:
        server = Victoria(Path(folder) / "victoria")
        server.start()
        try:
            course = Course(Path(folder), 100, 6, 60, WriteOnly(server.url, "lamppost", "lamppost", "t"))
            start_s, start_ns = time.monotonic(), time.thread_time_ns()
            course.run()
            span_s, spent_us = time.monotonic() - start_s, (time.thread_time_ns() - start_ns) / 1000
        finally:
            server.stop()
    yield Figure("hot path with writes to /api/v2/write", course.points / span_s, "points/s")
    yield Figure("hot path with writes to /api/v2/write: CPU", spent_us / course.points, "µs a point", budget="5")


def latency(points: int) -> Iterator[Figure]:
    """How long a batch of 5 rows waits for its acknowledgement: alone, and while a backlog drains beside it."""
    with running("influx1", 60) as bench:
        quiet = _stream(bench.broker.port, LIGHT_NODES, 5, 900_000)
        nodes = max(1, points // 60 // BATCHES)
        back_ms = round(time.time() * 1000) - BACK_MS
        arguments = map(str, (bench.broker.port, nodes, BATCHES, 60, 0, back_ms, 1000))
        with stream(arguments) as drain, ThreadPoolExecutor(1) as aside:
            draining = aside.submit(finished, drain)
            busy: list[dict[str, float]] = []
            while not busy or not draining.done():
                busy.append(_stream(bench.broker.port, LIGHT_NODES, 5, 910_000 + len(busy) * LIGHT_NODES))
            drained = draining.result()
    for when, said in (("alone", [quiet]), ("beside a drain", busy)):
        middle = median(each["answer_p50_ms"] for each in said)
        yield Figure(f"batch to acknowledgement {when}, median", middle, "ms")
        yield Figure(f"batch to acknowledgement {when}, p99", max(each["answer_p99_ms"] for each in said), "ms")
    per_s = drained["points"] / drained["seconds"]
    yield Figure("drain: a node's 1 Hz sensor, one of a hundred draining", per_s / 100, "times real time", budget="50")


def _stream(port: int, nodes: int, rows: int, first: int) -> dict[str, Any]:
    with stream(map(str, (port, nodes, BATCHES, rows, first))) as sending:
        return finished(sending)
