"""Windows of traffic: counts are summed, speeds weighted by vehicles, percentiles taken from the sum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.numbers.flow import Flow
from collector.numbers.quality import Quality
from collector.numbers.stored_windows import StoredWindows
from collector.numbers.window_maker import WindowMaker
from collector.numbers.windows import day_of
from collector.stores.influx1 import Influx1
from collector.stores.store import Stored, Table
from tests.closes import Closes
from tests.quality.bench import LANE, SHANGHAI, Bench, flow
from tests.servers import Influxd
from tests.stored import put
from wire.times import HOUR_MS, MINUTE_MS

NOON = 1_772_337_600_000  # 2026-03-01T12:00+08:00


def test_traffic_is_summed_and_weighted(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = [NOON, NOON + 60_000, NOON + 120_000]
    bench.commit(
        flow(
            times,
            count=[10, 0, 30],
            heavy_count=[1, 0, 2],
            duration_s=[60.0, 60.0, 60.0],
            speed_tms_kmh=[50.0, None, 30.0],
            speed_sms_kmh=[48.0, None, 24.0],
            occupancy_ratio=[0.1, 0.0, 0.5],
        )
    )
    bench.settle()
    names = ("count_sum", "heavy_count_sum", "flow_vph_mean", "speed_tms_kmh_mean", "speed_sms_kmh_mean")
    hour = [NOON, 40, 3, 800.0, 35.0, round(40 / (10 / 48 + 30 / 24), 6)]
    assert bench.rows("traffic_flow_1h", *names) == [hour]
    assert bench.rows("traffic_flow_1d", *names) == [[day_of(NOON, SHANGHAI)[0], *hour[1:]]]
    for suffix in ("_1h", "_1d"):
        (row,) = bench.rows("traffic_flow" + suffix, "count_mean", "count_min", "count_max")
        assert row[1:] == [pytest.approx(40 / 3, abs=1e-6), 0, 30]
    assert bench.rows("traffic_flow_1h", "completeness", "occupancy_ratio_mean") == [[NOON, 0.05, 0.2]]


def test_flow_is_made_of_intervals_whose_length_is_known(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = [NOON, NOON + MINUTE_MS, NOON + 30 * MINUTE_MS]
    bench.commit(flow(times, count=[10, 10, 0], duration_s=[60.0, None, 60.0]))
    bench.settle()
    names = ("count_sum", "duration_s_sum", "flow_vph_mean")
    for suffix in ("_1h", "_1d"):
        (row,) = bench.rows("traffic_flow" + suffix, *names)
        assert row[1:] == [20, 120, 300]


def test_a_day_spans_what_its_hours_span(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    for at_ms, counts, speeds in ((NOON, [10, 30], [50.0, 30.0]), (NOON + HOUR_MS, [2, 4], [70.0, 60.0])):
        bench.commit(flow([at_ms, at_ms + MINUTE_MS], count=counts, duration_s=[60.0, 60.0], speed_tms_kmh=speeds))
    bench.settle()
    names = [f"{name}_{end}" for name in ("flow_vph", "speed_tms_kmh") for end in ("min", "max")]
    (day,) = bench.rows("traffic_flow_1d", *names)
    assert day[1:] == [120, 1800, 30, 70]
    assert [row[1:] for row in bench.rows("traffic_flow_1h", *names)] == [[600, 1800, 30, 50], [120, 240, 60, 70]]


def test_an_interval_that_begins_with_the_hour_is_that_hours_also_in_one_block(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    bench.commit(flow([NOON - MINUTE_MS, NOON, NOON + MINUTE_MS], count=[1, 20, 300], duration_s=[60.0] * 3))
    bench.settle()
    assert bench.rows("traffic_flow_1h", "count_sum") == [[NOON - HOUR_MS, 1], [NOON, 320]]


def test_speeds_and_lengths_add_up_and_percentiles_come_from_the_sum(tmp_path: Path, closes: Closes) -> None:
    """A slow and a fast interval: the mean of their V85 would be 57.5, which nobody drove."""
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    slow: dict[str, list[Any]] = {"count": [20], "duration_s": [60.0], "v85_kmh": [34.0]}
    slow |= {"n_speed_030_kmh": [20], "n_length_0350_cm": [20]}
    fast: dict[str, list[Any]] = {"count": [5], "duration_s": [60.0], "v85_kmh": [81.0]}
    fast |= {"n_speed_080_kmh": [5], "wrong_way_count": [1]}
    bench.commit(flow([NOON], **slow))
    bench.commit(flow([NOON + MINUTE_MS], **fast))
    bench.settle()
    for suffix in ("_1h", "_1d"):
        names = (
            "count_sum",
            "n_speed_030_kmh_sum",
            "n_speed_080_kmh_sum",
            "n_length_0350_cm_sum",
            "wrong_way_count_sum",
        )
        (row,) = bench.rows("traffic_flow" + suffix, *names)
        assert row[1:] == [25, 20, 5, 20, 1]
        (row,) = bench.rows("traffic_flow" + suffix, "v15_kmh", "v50_kmh", "v85_kmh")
        low, middle, high = row[1:]
        assert 30 <= low < middle < 35
        assert 80 <= high < 85


def test_an_hour_and_a_day_keep_the_worst_flag_the_ends_of_occupancy_and_how_many_drove() -> None:
    hour, day = Flow(), Flow()
    intervals: dict[str, list[Any]] = {"count": [3, 4, 0], "duration_s": [60.0] * 3, "occupancy_ratio": [0.3, 0.1, 0.0]}
    hour.readings(intervals | {"speed_tms_kmh": [50.0, 40.0, None], "qc": [1, 3, 1]}, 0, 3)
    day.below(hour.fields())
    day.below({"qc": 1})
    for window in (hour, day):
        told = window.fields()
        assert (told["qc"], told["speed_tms_kmh_n"], told["count_n"]) == (3, 7, 3)
        assert (told["occupancy_ratio_min"], told["occupancy_ratio_max"]) == (0.0, 0.3)
    assert "qc" not in Flow().fields(), "nobody judged it"


def test_vehicles_that_a_radar_says_stood_have_no_pace() -> None:
    hour = Flow()
    hour.readings({"count": [2, 4], "speed_sms_kmh": [0.0, 40.0]}, 0, 2)
    assert (hour.fields()["speed_sms_kmh_mean"], hour.fields()["speed_sms_kmh_n"]) == (40.0, 4)


def test_percentiles_of_an_hour_are_those_of_its_cells() -> None:
    """100 vehicles in 50 to 55 km/h: the one of rank p (n - 1) stands there, and each has a twentieth of a km/h."""
    hour = Flow()
    hour.readings({"count": [100], "n_speed_050_kmh": [100]}, 0, 1)
    told = [hour.fields()[name] for name in ("v15_kmh", "v50_kmh", "v85_kmh")]
    assert told == [round(50 + 5 * (0.99 * percent + 0.5) / 100, 2) for percent in (15, 50, 85)]


def test_late_intervals_give_the_same_histogram(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    early: dict[str, list[Any]] = {"count": [6], "duration_s": [60.0], "n_speed_030_kmh": [6]}
    bench.commit(flow([NOON + 2 * MINUTE_MS], **early))
    bench.settle()
    bench.now_ms += 3 * HOUR_MS
    late: dict[str, list[Any]] = {"count": [7], "duration_s": [60.0], "n_speed_050_kmh": [7], "wrong_way_count": [2]}
    bench.commit(flow([NOON], **late))
    bench.settle()
    names = ("n_speed_030_kmh_sum", "n_speed_050_kmh_sum", "wrong_way_count_sum", "v50_kmh")
    (row,) = bench.rows("traffic_flow_1h", *names)
    assert row[1:4] == [6, 7, 2]
    assert 50 <= row[4] < 55


def test_occupancy_is_weighted_by_the_seconds_in_which_it_was_known() -> None:
    first, second, day = Flow(), Flow(), Flow()
    known: dict[str, list[Any]] = {"count": [1] * 60, "duration_s": [60.0] * 60, "occupancy_ratio": [0.2] * 60}
    first.readings(known, 0, 60)
    second.readings(known | {"occupancy_ratio": [0.8] + [None] * 59}, 0, 60)
    for hour in (first, second):
        day.below(hour.fields())
    assert day.fields()["occupancy_ratio_mean"] == pytest.approx((0.2 * 3600 + 0.8 * 60) / 3660, abs=1e-6)
    older = Flow()
    older.below({"occupancy_ratio_mean": 0.5, "duration_s_sum": 3600.0, "count_sum": 60, "count_n": 60})
    assert older.fields()["occupancy_ratio_mean"] == 0.5


@pytest.mark.real
def test_a_series_without_a_lane_is_not_all_lanes_together(tmp_path: Path, influxd: Influxd, closes: Closes) -> None:
    """Its hour had the vehicles of every lane in it, where it came from the database and not from memory."""
    bench = closes(Bench(tmp_path, NOON + 2 * HOUR_MS))
    stores = bench.store, closes(Influx1(influxd.url, tmp_path.name.replace("-", "_")))
    whole = tuple((name, value) for name, value in LANE if name not in ("lane", "direction"))
    for store in stores:
        assert store.prepare() == Stored()
        for tags, count in ((LANE, 7), (whole, 30)):
            columns: dict[str, list[Any]] = {"count": [count], "duration_s": [60.0], "cq": [0]}
            table = Table("traffic_flow", tags, [NOON], columns, frozenset({"count", "cq"}))
            put(store, table)
        windows = StoredWindows(store, lambda _: bench.reporting, Quality({}))
        hours = [windows.hour(("traffic_flow", tags), NOON)[1]["count_sum"] for tags in (LANE, whole)]
        assert hours == [7, 30]
        written = WindowMaker(store, windows).written_since(NOON, ["traffic_flow"])
        assert sorted(key[1] for key, _ in written.times) == sorted([LANE, whole])
