"""From a sensor's last byte to a stored point, on real parts: stub on a pseudo-terminal, agent, mosquitto, collector,
InfluxDB. Alone, and while days of backlog drain from the same spool.

    python -m benchmarks.latency [--seconds 40] [--days 2]

Ordinary readings wait for their batch (`seal_s`, 5 s); then every sensor goes beyond its urgent level now and then,
and those readings are sealed at once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from benchmarks import backlog
from benchmarks.ages import Ages, quantile
from benchmarks.collectors import Bench, running
from benchmarks.figure import Figure
from benchmarks.station import SITE, Station
from edge_agent.urgency import BURST
from firmware_stubs.plantower import Pms5003

SEAL_S = 5.0
LOOK_S = 0.05
SENSORS = 12
SPIKE_EVERY = 4
"""One frame of so many spikes, as often as a sensor has urgent batches."""
FASTER_THAN = 50


def spiking(phase: int, spikes: Callable[[], bool]) -> Callable[[float], dict[str, float]]:
    """Air that is clean but for some single seconds, once it spikes."""
    frames = count(phase)
    left = BURST

    def air(_t_s: float) -> dict[str, float]:
        nonlocal left
        number, level = next(frames), 20.0
        if left and spikes() and number % SPIKE_EVERY == 0:
            left, level = left - 1, 300.0
        return {"pm1_ugm3": 0.6 * level, "pm25_ugm3": level + number % 7, "pm10_ugm3": 1.3 * level}

    return air


def measure(seconds: float, days: float, seed: int = 1) -> Iterator[Figure]:
    """Live for so long, then as long, or until all is there, while a backlog of so many days drains."""
    with running("influx1", 60) as bench:
        yield from _figures("live", _live(bench, "lp-live", seconds)[0])
        yield from _beside_a_drain(bench, round(days * 86_400), seconds, seed)


Found = tuple[list[float], list[float]]
"""Ages of ordinary readings while nothing is urgent, and of urgent ones afterwards."""


def _live(bench: Bench, node: str, seconds: float, backlog_s: int = 0, seed: int = 1) -> tuple[Found, float]:
    """What was found, and how many times faster than real time the backlog went meanwhile."""
    begun = False
    sensors = [("plantower-pms5003", Pms5003(spiking(n, lambda: begun))) for n in range(SENSORS)]
    with Station(Path(bench.folder) / node, node, bench.broker.port, sensors, seal_s=SEAL_S) as station:
        rows = backlog.write(station.spool, node, SITE, backlog_s, seed) if backlog_s else 0
        station.start()

        def drained() -> bool:
            return bool(rows) and station.status()["waiting_rows"] < 2 * SENSORS * SEAL_S

        start_s = time.monotonic()
        calm = Ages(bench.direct_store(), node)
        calm.watch(seconds / 2, LOOK_S, drained)
        begun, lively = True, Ages(bench.direct_store(), node)
        lively.watch(seconds / 2, LOOK_S, drained)
        gone = rows - max(0, station.status()["waiting_rows"] - SENSORS * SEAL_S)
        span_s = time.monotonic() - start_s
    return (calm.ordinary_s, lively.events_s), gone / backlog.SENSORS / span_s


def _beside_a_drain(bench: Bench, backlog_s: int, seconds: float, seed: int) -> Iterator[Figure]:
    found, times = _live(bench, "lp-drain", seconds, backlog_s, seed)
    yield from _figures("beside a drain", found)
    yield Figure("drain: a station's six sensors at 1 Hz", times, "times real time", budget=f"{FASTER_THAN} or more")


def _figures(when: str, both: Found) -> Iterator[Figure]:
    for what, found, budget_s in (("reading", both[0], SEAL_S + 1), ("urgent", both[1], 1.0)):
        for name, share, budget in (("p50", 0.5, None), ("p99", 0.99, f"{budget_s:g}")):
            value = quantile(found, share)
            if value is not None:
                title = f"sensor byte to stored point, {what}, {when}, {name} of {len(found)}"
                yield Figure(title, value, "s", budget=budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--days", type=float, default=2)
    asked = parser.parse_args()
    for figure in measure(asked.seconds, asked.days):
        print(figure)


if __name__ == "__main__":
    main()
