"""What the flags of a reading cost: microseconds a value, in checked batches of 60 rows. Budget: 0.2.

python -m benchmarks.quality
"""

from __future__ import annotations

import random
import time
from typing import Any

from collector.numbers.quality import Quality, worst
from wire.batch import Block
from wire.check import check
from wire.times import MINUTE_MS

ROWS = 60
ROUNDS = 2_000


def blocks() -> dict[str, Block]:
    """A batch of each sort: ordinary, with absent values, with faults, of traffic."""
    rng = random.Random(1)
    pm = [round(35 + 10 * rng.random(), 1) for _ in range(ROWS)]
    sizes = ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3")
    counts = ("n_over03_per_dl", "n_over05_per_dl", "n_over1_per_dl")
    air: dict[str, list[Any]] = {name: [value * (1 + n / 10) for value in pm] for n, name in enumerate(sizes)}
    air |= {name: [round(100 * value / n) for value in pm] for n, name in enumerate(counts, 1)}
    air |= {"case_temp_c": [20.0 + n / 100 for n in range(ROWS)], "case_rh_pct": [50.0] * ROWS}
    gappy = {name: [None if n % 7 == k % 7 else v for n, v in enumerate(c)] for k, (name, c) in enumerate(air.items())}
    faulty = air | {"pm25_raw_ugm3": [9999 if n % 20 == 0 else v for n, v in enumerate(pm)]}
    flow: dict[str, list[Any]] = {
        "count": [rng.randrange(1, 30) for _ in range(ROWS)],
        "speed_tms_kmh": [round(rng.uniform(20, 60), 1) for _ in range(ROWS)],
        "duration_s": [60.0] * ROWS,
        "occupancy_ratio": [0.2] * ROWS,
    }
    return {
        "ordinary": _checked("air-1", "air_quality", 1000, air),
        "absent values": _checked("air-1", "air_quality", 1000, gappy),
        "faults": _checked("air-1", "air_quality", 1000, faulty),
        "traffic": _checked("radar-1", "traffic_flow", MINUTE_MS, flow),
    }


def _checked(sensor: str, kind: str, interval_ms: int, fields: dict[str, list[Any]]) -> Block:
    """A block as the check hands it on: the flags ask it for the least and the largest of each column."""
    first_ms = 1_790_000_000_000
    steps_ms = [0] + [interval_ms] * (ROWS - 1)
    raw = {"sensor": sensor, "kind": kind, "t0": first_ms, "dt": steps_ms, "fields": fields}
    checked = check([raw], first_ms + interval_ms * ROWS)
    assert not checked.refusals, checked.refusals
    return checked.blocks[0]


def us_per_value(block: Block) -> float:
    """The best of five."""
    quality = Quality({})
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(ROUNDS // 5):
            worst(quality.codes(block), ROWS)
        best = min(best, time.process_time() - start)
    return best / (ROUNDS // 5) / (ROWS * len(block.fields)) * 1e6


def main() -> None:
    for name, block in blocks().items():
        print(f"{name:14} {us_per_value(block):.3f} µs a value")


if __name__ == "__main__":
    main()
