"""Windows of what is not simply averaged: wind is a direction, rain what a gauge rose by."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from collector.numbers.windows import day_of, fold
from collector.stores.store import Table
from tests.closes import Closes
from tests.quality.bench import AIR, SHANGHAI, Bench
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

NOON = 1_772_337_600_000  # 2026-03-01T12:00+08:00


def test_wind_from_either_side_of_north_is_wind_from_north(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    columns: dict[str, list[Any]] = {"wind_dir_deg": [350.0, 10.0], "temp_c": [-1.0, 2.0]}
    bench.commit(Table("weather", AIR, [NOON, NOON + 1000], columns))
    bench.settle()
    assert bench.rows("weather_1m", "wind_dir_deg_mean", "temp_c_mean") == [[NOON, 0.0, 0.5]]


@pytest.mark.parametrize("at_once", [True, False], ids=["from the database", "from memory"])
def test_an_hour_of_wind_is_the_middle_of_its_minutes_but_for_one_that_blew_from_everywhere(
    at_once: bool, tmp_path: Path, closes: Closes
) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS if not at_once else NOON + DAY_MS))
    times = [NOON + n * MINUTE_MS + second for n in range(3) for second in (0, 1000)]
    degrees = [350.0, 350.0, 90.0, 270.0, 10.0, 10.0]
    for first in range(0, 6, 6 if at_once else 2):
        part = slice(first, None if at_once else first + 2)
        bench.commit(Table("weather", AIR, times[part], {"wind_dir_deg": degrees[part]}))
    bench.settle()
    assert bench.rows("weather_1m", "wind_dir_deg_mean") == [[NOON, 350.0], [NOON + 2 * MINUTE_MS, 10.0]]
    assert bench.rows("weather_1h", "wind_dir_deg_mean", "wind_dir_deg_n") == [[NOON, 0.0, 2]]


@pytest.mark.parametrize(
    ("minutes", "fell"),
    [
        (((2.0, 3.0), (3.5, 4.0)), 1.0 + 0.5 + 0.5),
        (((2.0, 3.0), (0.25, 0.5)), 1.0 + 0.5),  # reset before the second
        (((200.0, 200.5), (0.25, 201.0), (0.75, 1.0)), 0.5 + 0.5 + 0.25 + 0.75),  # within it, at 201
    ],
    ids=["never reset", "reset between", "reset within"],
)
def test_rain_of_thinned_minutes_is_what_their_ends_and_the_time_between_them_rose_by(
    minutes: tuple[tuple[float, float], ...], fell: float
) -> None:
    """One in which a gauge was reset counted as much as the gauge had stood at."""
    hour = fold("weather")
    for low, high in minutes:
        hour.below({"rain_mm_mean": (low + high) / 2, "rain_mm_min": low, "rain_mm_max": high, "rain_mm_n": 60})
    assert hour.fields()["rain_mm_sum"] == fell


@pytest.mark.parametrize(("n", "back_ms"), [(26, 30 * MINUTE_MS), (51, 3 * HOUR_MS)], ids=["in an hour", "hours later"])
def test_what_fell_between_a_reset_and_the_first_reading_after_is_in_the_sums(
    n: int, back_ms: int, tmp_path: Path, closes: Closes
) -> None:
    """A pole's power was cut in the rain, and its line came back after that: seven millimetres were nowhere."""
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    for first_ms, stood in ((NOON, 40.0), (NOON + back_ms, 7.0)):
        times = [first_ms + at * MINUTE_MS for at in range(n)]
        bench.now_ms = times[-1]
        bench.commit(Table("weather", AIR, times, {"rain_mm": [round(stood + 0.01 * at, 2) for at in range(n)]}))
    bench.settle()
    ((_, total),) = bench.rows("weather_1d", "rain_mm_sum")
    assert total == pytest.approx(7.0 + 2 * 0.01 * (n - 1))


def test_rain_is_what_a_gauge_rose_by_whoever_resets_it(tmp_path: Path, closes: Closes) -> None:
    """A gauge polled every 20 s, reset at odd times: right to what fell between two readings."""
    rng = random.Random(9)
    day_ms = day_of(NOON, SHANGHAI)[0]
    gauge, times, told, fell = 0.0, [], [], [0.0] * 24
    for time_ms in range(day_ms, day_ms + DAY_MS, 20_000):
        rise = round(rng.choice([0, 0, 0, 0.01, 0.02, 0.05]), 2)
        if rng.random() < 0.001:
            gauge = 0.0
        gauge = round(gauge + rise, 2)
        fell[(time_ms - day_ms) // HOUR_MS] += rise
        times.append(time_ms)
        told.append(gauge)
    whole = Table("weather", AIR, times, {"rain_mm": told, "qc": [1] * len(times)}, frozenset({"qc"}))
    live, late = closes(Bench(tmp_path, day_ms - HOUR_MS)), closes(Bench(tmp_path, day_ms + 3 * DAY_MS))
    for first in range(0, len(times), 45):
        live.now_ms = times[first : first + 45][-1]
        part = slice(first, first + 45)
        live.commit(whole._replace(times_ms=times[part], columns={n: c[part] for n, c in whole.columns.items()}))
    late.commit(whole)
    for bench in (live, late):
        bench.settle()
        hours = bench.rows("weather_1h", "rain_mm_sum")
        for (_, total), truth in zip(hours, fell, strict=True):
            assert truth - 0.2 <= total <= truth + 1e-9
        ((_, total),) = bench.rows("weather_1d", "rain_mm_sum")
        assert total == pytest.approx(sum(fell), abs=0.5)
    assert live.everything() == late.everything()
