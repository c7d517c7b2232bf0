"""From a sensor's last byte to a stored point, on real parts: stub on a pseudo-terminal, agent, mosquitto, collector,
InfluxDB. Alone, and while days of backlog drain from the same spool.

    python -m benchmarks.latency [--seconds 30] [--days 1]

Ordinary readings wait for their batch (`seal_s`, 5 s); then every sensor goes beyond its urgent level now and then,
and those readings are sealed at once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import backlog
from benchmarks.ages import Ages, quantile
from benchmarks.collectors import Bench, running
from benchmarks.figure import Figure
from benchmarks.station import SITE, Station
from firmware_stubs.plantower import Pms5003
from simulator.servers import wait_for

SEAL_S = 5.0
LOOK_S = 0.05
SENSORS = 12
SPIKE_S = 6
"""Each sensor spikes once in so many seconds: its five urgent batches last for half a minute."""
FASTER_THAN = 50


def spiking(phase: int, spikes: Callable[[], bool]) -> Callable[[float], dict[str, float]]:
    """Air that is clean but for one second in `SPIKE_S`, while it spikes at all."""

    def air(t_s: float) -> dict[str, float]:
        dusty = spikes() and int(t_s) % SPIKE_S == phase % SPIKE_S
        level = 300.0 if dusty else 20.0 + int(t_s + phase) % 7
        return {"pm1_ugm3": 0.6 * level, "pm25_ugm3": level, "pm10_ugm3": 1.3 * level}

    return air


def measure(seconds: float, days: float, seed: int = 1) -> Iterator[Figure]:
    """Live for so long, then while the backlog of so many days drains."""
    with running("influx1", 60) as bench:
        yield from _figures("live", _live(bench, "lp-live", seconds)[0])
        yield from _beside_a_drain(bench, round(days * 86_400), seconds, seed)


def _live(bench: Bench, node: str, seconds: float, backlog_s: int = 0, seed: int = 1) -> tuple[Ages, float]:
    """The ages, and how many times faster than real time the backlog went meanwhile."""
    begun = False
    sensors = [("plantower-pms5003", Pms5003(spiking(n, lambda: begun))) for n in range(SENSORS)]
    with Station(Path(bench.folder) / node, node, bench.broker.port, sensors, seal_s=SEAL_S) as station:
        rows = backlog.write(station.spool, node, SITE, backlog_s, seed) if backlog_s else 0
        station.start()
        start_s, ages = time.monotonic(), Ages(bench.store(), node)
        ages.watch(seconds / 2, LOOK_S)
        begun = True
        ages.watch(seconds / 2, LOOK_S)
        left = station.status()["waiting_rows"]
        span_s = time.monotonic() - start_s
        if rows:
            wait_for("the backlog", lambda: station.status()["waiting_rows"] < 10 * SENSORS * SEAL_S, 600)
    drained = rows - max(0, left - SENSORS * SEAL_S)
    return ages, drained / backlog.SENSORS / span_s


def _beside_a_drain(bench: Bench, backlog_s: int, seconds: float, seed: int) -> Iterator[Figure]:
    ages, times = _live(bench, "lp-drain", seconds, backlog_s, seed)
    yield from _figures("beside a drain", ages)
    yield Figure("drain: a station's six sensors at 1 Hz", times, "times real time", budget=f"{FASTER_THAN} or more")


def _figures(when: str, ages: Ages) -> Iterator[Figure]:
    for what, found, budget_s in (("reading", ages.ordinary_s, SEAL_S + 1), ("urgent", ages.events_s, 1.0)):
        for name, share, budget in (("p50", 0.5, None), ("p99", 0.99, f"{budget_s:g}")):
            value = quantile(found, share)
            if value is not None:
                title = f"sensor byte to stored point, {what}, {when}, {name} of {len(found)}"
                yield Figure(title, value, "s", budget=budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--days", type=float, default=1)
    asked = parser.parse_args()
    for figure in measure(asked.seconds, asked.days):
        print(figure)


if __name__ == "__main__":
    main()
