"""What a station's air is judged to be: of all its sensors, and NA where too little is known to call it good."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.numbers.reporting import Reporting
from collector.stations.station_query import IndexRow
from collector.web.judging import judged
from collector.web.levels import Judgement
from collector.web.readings import look
from collector.web.site import Station
from tests.quality.bench import SHANGHAI, Bench, air
from wire.times import HOUR_MS

NOW_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS + 10 * 60_000
LAST_MS = NOW_MS // HOUR_MS * HOUR_MS - HOUR_MS
REPORTS = Reporting(SHANGHAI)


def row(sensor: str, time_ms: int = LAST_MS, standard: str = "HJ 633", edition: str = "2026", **parts: int) -> IndexRow:
    value = max(parts.values(), default=None)
    found = {f"{name}_index": part for name, part in parts.items()}
    return IndexRow(time_ms, sensor, standard, edition, value, "-", "-", 1.0, 1, found)


def judge(means: dict[str, float], *told: IndexRow, reports: Reporting = REPORTS) -> Judgement | None:
    measured = {(one.standard, one.edition, pollutant) for one in told for pollutant in one.pollutants}
    return judged(means, told, measured, reports, NOW_MS)


def test_particles_of_now_and_gases_of_the_last_hour_make_one_index_whichever_sensors_measure_them() -> None:
    found = judge({"PM2.5": 20.0}, row("air-1", pm25=180), row("gas-1", o3=130, no2=40))
    assert found is not None
    assert (found.number, found.pollutants, found.standard, found.hour_ms) == (130, ("O3",), "HJ 633-2026", LAST_MS)
    assert found.level.word_zh == "轻度污染"
    alone = judge({"PM2.5": 20.0}, row("gas-1", o3=20))
    assert alone is not None
    assert (alone.pollutants, alone.hour_ms) == (("PM2.5",), None)


def test_nobody_calls_air_good_of_which_a_pollutant_that_is_measured_here_is_missing() -> None:
    """HJ 633-2026 5.3.1: then an index up to 100 is NA, and a higher one is published."""
    silent = row("air-1", LAST_MS - 6 * HOUR_MS, pm25=60, pm10=50)
    assert judge({}, silent, row("gas-1", no2=30)) is None
    assert judge({}, silent, row("gas-1", no2=100)) is None
    bad = judge({}, silent, row("gas-1", no2=101))
    assert bad is not None
    assert (bad.number, bad.pollutants) == (101, ("NO2",))
    assert judge({"PM2.5": 20.0}, silent, row("gas-1", no2=30)) is None  # PM10 is missing
    both = judge({"PM2.5": 20.0, "PM10": 30.0}, silent, row("gas-1", no2=30))
    assert both is not None


def test_what_a_sensor_has_lost_is_missed_though_its_newest_hour_does_not_name_it(tmp_path: Path) -> None:
    """Its stored hour is NA, and so is the page: one channel of a sensor that tells particles and ozone fell silent."""
    bench = Bench(tmp_path, LAST_MS)
    times = range(NOW_MS // HOUR_MS * HOUR_MS - 3 * HOUR_MS, NOW_MS, 60_000)
    ozone = [80.0 if time_ms < LAST_MS - HOUR_MS else None for time_ms in times]
    bench.now_ms = NOW_MS
    bench.commit(air(times, pm25_ugm3=[30.0] * len(times), o3_ugm3=ozone))
    bench.settle(days=0)
    [view] = look(bench.store, [Station("lp-1", "s", "路灯", "lamppost")], NOW_MS)
    assert [(row.value, row.category, row.pollutants) for row in view.indices] == [(None, "NA", {"PM2.5": 43})]
    assert view.judgement is None
    bench.close()


def test_the_edition_of_2012_publishes_what_there_is() -> None:
    rows = [row("air-1", LAST_MS - 6 * HOUR_MS, edition="2012", pm25=60), row("gas-1", edition="2012", no2=30)]
    found = judge({}, *rows, reports=Reporting(SHANGHAI, ("china-2012",)))
    assert found is not None
    assert (found.number, found.standard) == (30, "HJ 633-2012")


@pytest.mark.parametrize(("ago", "is_there"), [(0, True), (1, True), (2, False)])
def test_hours_of_sensors_are_stored_one_after_the_other(ago: int, is_there: bool) -> None:
    found = judge({}, row("air-1", LAST_MS - ago * HOUR_MS, pm25=60), row("gas-1", no2=30))
    assert (found is not None) == is_there


def test_an_old_index_says_nothing_of_now() -> None:
    assert judge({}, row("gas-1", LAST_MS - 3 * HOUR_MS, no2=150)) is None


def test_codes_are_no_means() -> None:
    assert judge({"PM2.5": -999.0}) is None


def test_of_another_standard_the_worst_sensor_of_the_newest_hour_is_told() -> None:
    us = Reporting(SHANGHAI, ("us", "china"))
    rows = [row("air-1", LAST_MS - HOUR_MS, "US EPA AQI", "2024-05", pm25=300)]
    rows += [row(name, LAST_MS, "US EPA AQI", "2024-05", pm25=value) for name, value in (("air-1", 40), ("air-2", 60))]
    found = judge({"PM2.5": 400.0}, *rows, row("gas-1", o3=400), reports=us)
    assert found is not None
    assert (found.number, found.standard, found.hour_ms) == (60, "US EPA AQI-2024-05", LAST_MS)
