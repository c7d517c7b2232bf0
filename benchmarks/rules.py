"""What the rules cost: 1,000 rules on 10,000 series, one reading of four quantities every 10 s each.

    python benchmarks/rules.py [SERIES] [RULES]

Three loads: quiet air (nothing near a level), lively air (values cross levels all the time), and full batches of 60
rows. `of a core` is the load of 10,000 series at one reading every 10 s; the budget is half a core.
"""

from __future__ import annotations

import random
import resource
import sys
import time

from collector.rules.engine import Engine, Expected
from collector.rules.parsing import parse
from collector.rules.rule import Rule
from collector.rules.series import Series

T0_MS = 1_790_000_000_000
STEP_MS = 10_000
FIELDS = ("pm25_ugm3", "pm10_ugm3", "no2_ugm3", "o3_ugm3")
WINDOWS = ({"last": ""}, {"mean": "", "over": "1h"}, {"mean": "", "over": "10m"}, {"max": "", "over": "10m"})


def rules(count: int) -> list[Rule]:
    """Every rule watches every series: four quantities, four windows, levels that differ."""
    return parse(
        [
            {
                "alert": f"rule-{i}",
                "kind": "air_quality",
                "window": {key: value or FIELDS[i % 4] for key, value in WINDOWS[i // 4 % 4].items()},
                "raise": f"> {60 + i % 250}",
                "clear": f"< {50 + i % 250}",
                "for": "1m",
                "text": {"zh": "过高", "en": "too high"},
            }
            for i in range(count)
        ]
    )


def measure(
    engine: Engine, series: list[Series], level: float, spread: float, rows: int, rounds: int
) -> tuple[float, int]:
    """Feed `rounds` batches of `rows` rows to every series: CPU microseconds a point, and how much was told."""
    dice = random.Random(1)
    values = [[max(0.0, dice.gauss(level, spread)) for _ in range(rows)] for _ in range(997)]
    spent_s, said = 0.0, 0
    for turn in range(rounds):
        start_ms = T0_MS + turn * rows * STEP_MS
        times = [start_ms + i * STEP_MS for i in range(rows)]
        now_ms = times[-1]
        began_s = time.process_time()
        for number, each in enumerate(series):
            column = values[(number * 31 + turn) % 997]
            engine.observe(each, times, dict.fromkeys(FIELDS, column), now_ms)
        said += len(engine.tick(now_ms))
        if turn:  # the first round enlists every series
            spent_s += time.process_time() - began_s
    return 1e6 * spent_s / (len(series) * rows * (rounds - 1)), said


def cost_us(series: int, rules_count: int) -> float:
    """CPU microseconds a point in quiet air, one row at a time."""
    engine, all_series = _engine(series, rules_count)
    return measure(engine, all_series, 30, 8, 1, 6)[0]


def _engine(count: int, rules_count: int) -> tuple[Engine, list[Series]]:
    series = [
        Series.of("air_quality", {"site": f"site-{i // 8}", "node": f"lp-{i:05d}", "sensor": "air-1"})
        for i in range(count)
    ]
    engine = Engine(rules(rules_count))
    engine.expect((Expected(each, STEP_MS) for each in series), T0_MS)
    return engine, series


def main() -> None:
    """Measure the three loads."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    for name, level, spread, rows, rounds in (
        ("quiet, one row at a time", 30, 8, 1, 8),
        ("lively, one row at a time", 80, 40, 1, 8),
        ("quiet, batches of 60 rows", 30, 8, 60, 3),
    ):
        engine, series = _engine(count, wanted)
        us, said = measure(engine, series, level, spread, rows, rounds)
        load = us * 1e-6 * 10_000 / 10
        print(f"{name}: {us:.2f} us a point, {us / len(FIELDS):.2f} us a value, {load:.1%} of a core; {said} told")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
