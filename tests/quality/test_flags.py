"""Flags: what cannot be fails, what is odd is suspect, what is real stays."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from collector.numbers import flags
from collector.numbers.quality import Limits, Quality, worst
from simulator.replay import BEIJING
from tests.closes import Closes
from tests.quality.bench import AIR, Bench, air
from wire.batch import Block
from wire.times import HOUR_MS

T0 = 1_772_337_600_000


def block(kind: str = "air_quality", step_ms: int = 1000, **fields: list[Any]) -> Block:
    count = len(next(iter(fields.values())))
    return Block("air-1", kind, [T0 + n * step_ms for n in range(count)], fields)


def codes(the_block: Block, **settings: Limits) -> list[str | None] | None:
    return Quality(settings).codes(the_block)


def test_a_good_block_has_no_codes() -> None:
    assert codes(block(pm25_raw_ugm3=[0, 0, 1], pm10_raw_ugm3=[3, None, 2])) is None


def test_good_traffic_has_no_codes() -> None:
    """An empty minute, one of a single vehicle, a busy one."""
    good = block(
        "traffic_flow", step_ms=60_000, count=[0, 1, 30], heavy_count=[0, 1, 2], duration_s=[60, 60, 60],
        speed_tms_kmh=[None, 40.0, 52.0], speed_sms_kmh=[0.0, 40.0, 50.0], occupancy_ratio=[0.0, 0.0, 0.2],
        v15_kmh=[None, 40.0, 43.0], v50_kmh=[None, 40.0, 52.0], v85_kmh=[None, 40.0, 60.0],
    )  # fmt: skip
    assert codes(good) is None


CASES: dict[str, tuple[Block, list[str | None]]] = {
    "a sentinel": (block(pm25_raw_ugm3=[-999, 5, 5]), ["pm25_raw_ugm3:range", None, None]),
    "beyond the physical": (block(temp_c=[20.0, 81.0, 20.0], kind="weather"), [None, "temp_c:range", None]),
    "unusual weather": (block(temp_c=[56.0, 57.0], kind="weather"), ["temp_c:expect?", "temp_c:expect?"]),
    "a spike": (
        block(pm25_raw_ugm3=[10, 900, 12], step_ms=60_000),
        [None, "pm25_raw_ugm3:spike?", None],
    ),
    "a spike beside a gap": (
        block(pm25_raw_ugm3=[10, None, 900, 12], step_ms=60_000),
        [None, None, "pm25_raw_ugm3:spike?", None],
    ),
    "too fast": (block(pm25_raw_ugm3=[10, 250, 251]), [None, "pm25_raw_ugm3:rate?", None]),
    "a failed value is no neighbour": (
        block(pm25_raw_ugm3=[10, -999, 12], step_ms=60_000),
        [None, "pm25_raw_ugm3:range", None],
    ),
    "PM2.5 above PM10": (
        block(pm25_raw_ugm3=[10, 40], pm10_raw_ugm3=[9, 30]),
        [None, "pm25_raw_ugm3:order?"],
    ),
    "two tests at once": (
        block(pm25_raw_ugm3=[10, 250], pm10_raw_ugm3=[20, -200]),
        [None, "pm25_raw_ugm3:rate?,pm10_raw_ugm3:range,pm25_raw_ugm3:order?"],
    ),
    "speed without vehicles": (
        block("traffic_flow", count=[0, 3], speed_tms_kmh=[40.0, 40.0], duration_s=[60, 60]),
        ["speed_tms_kmh:traffic?", None],
    ),
    "more than a lane carries": (block("traffic_flow", count=[50], duration_s=[60]), ["count:traffic?"]),
    "more lorries than vehicles": (
        block("traffic_flow", count=[3, 3, None], heavy_count=[3, 4, 1]),
        [None, "heavy_count:traffic?", None],
    ),
    "percentiles out of order": (
        block("traffic_flow", v15_kmh=[40.0, 51.0, 40.0], v50_kmh=[50.0, 50.0, 61.0], v85_kmh=[60.0, 60.0, 60.0]),
        [None, "v15_kmh:traffic?", "v50_kmh:traffic?"],
    ),
    "vehicles but nothing occupied": (
        block("traffic_flow", count=[5, 4], occupancy_ratio=[0.0, 0.0]),
        ["occupancy_ratio:traffic?", None],
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_the_test_that_failed_is_named(what: str) -> None:
    the_block, expected = CASES[what]
    assert codes(the_block) == expected


def test_the_worst_flag_of_a_row_is_its_qc() -> None:
    assert worst([None, "a:spike?", "a:spike?,b:range"], 3) == [1, 3, 4]


def test_who_failed_takes_the_derived_value_along() -> None:
    assert flags.failed("pm25_raw_ugm3:range,pm10_raw_ugm3:spike?") == {"pm25_raw_ugm3", "pm25_ugm3"}
    assert flags.marked("pm10_raw_ugm3:spike?") == {"pm10_raw_ugm3", "pm10_ugm3"}


def test_thresholds_come_from_the_settings() -> None:
    readings = block(pm25_raw_ugm3=[10, 900, 12], step_ms=60_000)
    assert codes(readings, pm25_ugm3=Limits(spike=None)) is None
    assert codes(readings, pm25_ugm3=Limits(range=[0, 500])) == [None, "pm25_raw_ugm3:range", None]
    assert codes(readings, pm25_raw_ugm3=Limits(expect=[0, 11])) == [None, *["pm25_raw_ugm3:expect?"] * 2]


@pytest.mark.parametrize("turned", [{"range": [500, 0]}, {"expect": [11, 11]}])
def test_a_span_the_wrong_way_round_is_refused(turned: dict[str, list[float]]) -> None:
    """Every reading failed by it, and no hour had any."""
    with pytest.raises(ValueError, match="the smaller number comes first"):
        Limits.model_validate(turned)


def wanliu(column: str) -> dict[int, float]:
    with Path(BEIJING).open(newline="") as rows:
        return {
            round(datetime.fromisoformat(row["time_local"]).timestamp() * 1000): float(row[column])
            for row in csv.DictReader(rows)
            if row[column]
        }


def hours_of(name: str, values: dict[int, float]) -> dict[int, dict[str, Any]]:
    ends = ("_mean", "_min", "_max")
    return {time_ms: {name + end: value for end in ends} | {name + "_n": 60} for time_ms, value in values.items()}


def test_the_fireworks_night_is_suspect_at_most() -> None:
    values = wanliu("pm25_ugm3")
    times = sorted(values)
    quality = Quality({})
    found = quality.codes(Block("air-1", "air_quality", times, {"pm25_raw_ugm3": [values[t] for t in times]}))
    assert all(flag < 4 for flag in worst(found, len(times)))
    peak = max(values, key=lambda time_ms: values[time_ms])
    hours = hours_of("pm25_ugm3", values)
    assert values[peak] == 957
    assert "?" in quality.hour_code(hours, peak) or quality.hour_code(hours, peak) == ""
    doubted = sum(bool(quality.hour_code(hours, time_ms)) for time_ms in hours)
    assert doubted < len(hours) / 200


def test_so2_at_its_floor_for_147_hours_is_not_stuck_and_above_it_is() -> None:
    quality = Quality({})
    hours = hours_of("so2_ugm3", wanliu("so2_ugm3"))
    at_floor = [time_ms for time_ms in hours if hours[time_ms]["so2_ugm3_mean"] <= 3]
    assert len(at_floor) > 1000
    assert not any("flat" in quality.hour_code(hours, time_ms) for time_ms in at_floor)
    stuck = hours_of("so2_ugm3", {T0 + n * HOUR_MS: 40.0 for n in range(8)})
    assert [quality.hour_code(stuck, T0 + n * HOUR_MS) for n in (4, 5, 7)] == ["", *["so2_ugm3_mean:flat?"] * 2]


def test_two_sensors_that_disagree_are_both_doubted_whoever_comes_first(tmp_path: Path, closes: Closes) -> None:
    for first in (0, 1):
        bench = closes(Bench(tmp_path, T0 - HOUR_MS))
        times = list(range(T0, T0 + HOUR_MS, 60_000))
        a = air(times, pm25_ugm3=[10.0] * 60)
        other = tuple((name, "air-2" if name == "sensor" else value) for name, value in AIR)
        b = air(times, pm25_ugm3=[40.0] * 60)._replace(tags=other)
        for each in (a, b) if first == 0 else (b, a):
            bench.commit(each)
            if first == 0:
                bench.settle()
        bench.settle()
        found = bench.rows("air_quality_1h", "pm25_ugm3_mean", "qc_code")
        assert sorted(row[1:] for row in found) == [
            [10.0, "pm25_ugm3_mean:neighbour?"],
            [40.0, "pm25_ugm3_mean:neighbour?"],
        ]


def test_a_late_hour_is_judged_and_judges_the_hours_after_it(tmp_path: Path, closes: Closes) -> None:
    """A second sensor, which has nothing of the late hour, is nobody's step."""
    bench = closes(Bench(tmp_path, T0))
    beside = tuple((name, "air-2" if name == "sensor" else value) for name, value in AIR)
    first, second, third = (range(T0 + n * HOUR_MS, T0 + (n + 1) * HOUR_MS, 60_000) for n in range(3))
    for minutes in (second, third):
        bench.commit(air(minutes, pm25_ugm3=[300.0] * 60))
    bench.commit(air(third, pm25_ugm3=[300.0] * 60)._replace(tags=beside))
    bench.settle()
    codes = ("pm25_ugm3_mean", "qc_code")
    assert [row[2] or "" for row in bench.rows("air_quality_1h", *codes, sensor="air-1")] == ["", ""]
    bench.commit(air(first, pm25_ugm3=[10.0] * 60))
    bench.settle()
    told = [[10.0, ""], [300.0, "pm25_ugm3_mean:step?"], [300.0, ""]]
    assert [[row[1], row[2] or ""] for row in bench.rows("air_quality_1h", *codes, sensor="air-1")] == told
