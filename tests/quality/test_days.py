"""Days: where a station's own begin, what they are made of, and the index of each under every standard."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.alerts import stored
from collector.numbers.reporting import Reporting, Standard
from collector.numbers.windows import day_of, hour_of
from collector.questions.canned import CANNED
from collector.rules.parsing import parse
from collector.stores.store import Table
from tests.closes import Closes
from tests.quality.bench import AIR, SHANGHAI, Bench, air
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

NOON = 1_772_337_600_000  # 2026-03-01T12:00+08:00


@pytest.mark.parametrize(
    ("zone", "local", "hours"),
    [
        ("Europe/Berlin", 1_774_738_800_000, 23),
        ("Europe/Berlin", 1_792_879_200_000, 25),
        ("America/Havana", 1_793_520_000_000, 25),  # 2026-11-01T03:00-05:00; its midnight comes twice
        ("Asia/Shanghai", NOON, 24),
    ],
)
def test_a_day_is_the_stations_own(zone: str, local: int, hours: int) -> None:
    start, end = day_of(local, ZoneInfo(zone))
    assert (end - start) / HOUR_MS == hours


def test_hours_of_a_half_hour_zone_begin_at_half_past() -> None:
    assert hour_of(NOON + 40 * MINUTE_MS, ZoneInfo("Asia/Kolkata")) == NOON + 30 * MINUTE_MS
    assert hour_of(NOON + 20 * MINUTE_MS, ZoneInfo("Asia/Kathmandu")) == NOON + 15 * MINUTE_MS, "at +05:45"


def test_a_day_is_made_of_valid_hours_of_each_quantity(tmp_path: Path, closes: Closes) -> None:
    """GB 3095-2026 Table 4: 45 minutes make an hour. What one quantity lacks takes nothing from the other."""
    bench = closes(Bench(tmp_path, NOON + DAY_MS))
    for start, minutes, pm25, pm10 in ((NOON, 45, 10.0, 20.0), (NOON + HOUR_MS, 44, 500.0, 500.0)):
        times = range(start, start + minutes * MINUTE_MS, MINUTE_MS)
        bench.commit(air(times, pm25_ugm3=[pm25] * minutes, pm10_ugm3=[pm10] * 40 + [None] * (minutes - 40)))
    bench.settle()
    names = ("pm25_ugm3_mean", "pm25_ugm3_max", "pm25_ugm3_n", "completeness", "pm10_ugm3_mean")
    assert bench.rows("air_quality_1d", *names) == [[day_of(NOON, SHANGHAI)[0], 10.0, 10.0, 1, 0.041667, None]]


def test_a_day_of_a_sensor_that_tells_every_five_minutes_is_made_of_its_own_full_hours(
    tmp_path: Path, closes: Closes
) -> None:
    """No standard's 45 minutes are asked of weather: such a station had no days at all. Of pollutants they are."""
    bench = closes(Bench(tmp_path, NOON + DAY_MS))
    for start, readings, temp in ((NOON, 12, 10.0), (NOON + HOUR_MS, 9, 14.0), (NOON + 2 * HOUR_MS, 8, 50.0)):
        times = range(start, start + readings * 5 * MINUTE_MS, 5 * MINUTE_MS)
        bench.commit(Table("weather", AIR, list(times), {"temp_c": [temp] * readings}))
        bench.commit(air(times, pm25_ugm3=[temp] * readings, co2_ppm=[400.0 + temp] * readings))
    bench.settle()
    start = day_of(NOON, SHANGHAI)[0]
    assert bench.rows("weather_1d", "temp_c_mean", "temp_c_n", "completeness") == [[start, 12.0, 2, 0.083333]]
    assert bench.rows("air_quality_1d", "co2_ppm_mean", "pm25_ugm3_mean") == [[start, 412.0, None]]


def test_rain_of_an_hour_that_is_mostly_missing_is_in_the_day(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON + DAY_MS))
    for start, minutes, stood in ((NOON, 60, 1.0), (NOON + 2 * HOUR_MS, 20, 7.0)):
        times = [start + n * MINUTE_MS for n in range(minutes)]
        rain = [stood + (n == minutes - 1) for n in range(minutes)]
        bench.commit(Table("weather", AIR, times, {"rain_mm": rain, "temp_c": [stood] * minutes}))
    bench.settle()
    names = ("rain_mm_sum", "temp_c_mean", "completeness")
    assert bench.rows("weather_1d", *names) == [[day_of(NOON, SHANGHAI)[0], 7.0, 1.0, 0.041667]]


def test_a_china_day_begins_at_midnight_in_china(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - DAY_MS))
    start = day_of(NOON, SHANGHAI)[0]
    assert start == NOON - 12 * HOUR_MS
    times = list(range(start, start + DAY_MS, MINUTE_MS))
    bench.commit(air(times, pm25_ugm3=[59.5] * len(times), pm10_ugm3=[100.0] * len(times)))
    bench.settle()
    names = ("value", "category", "primary", "pm25_index", "pm10_index", "completeness")
    rows = bench.rows("air_index", *names, period="1d", edition="2026")
    assert rows == [[start, 100, "良", "PM2.5", 100, 86, 1.0]]  # 59.5 rounds half to even: 60
    assert len(bench.rows("air_index", "value", period="1h", edition="2026")) == 24


def test_one_day_under_five_standards(tmp_path: Path, closes: Closes) -> None:
    standards: tuple[Standard, ...] = ("china-2026", "china-2012", "us", "eu", "uk")
    bench = closes(Bench(tmp_path, NOON - DAY_MS, Reporting(SHANGHAI, standards)))
    start = day_of(NOON, SHANGHAI)[0]
    times = list(range(start, start + DAY_MS, MINUTE_MS))
    columns = {"pm25_ugm3": 65.0, "pm10_ugm3": 90.0, "no2_ugm3": 60.0, "o3_ugm3": 120.0, "co_mgm3": 1.0}
    bench.commit(air(times, None, **{name: [value] * len(times) for name, value in columns.items()}))
    bench.settle()
    last = start + 23 * HOUR_MS

    def index(standard: str, edition: str, period: str) -> Any:
        rows = bench.rows(
            "air_index", "value", "category", "primary", standard=standard, edition=edition, period=period
        )
        return rows[-1]

    assert index("HJ 633", "2026", "1h") == [last, 105, "轻度污染", "PM2.5"]
    assert index("HJ 633", "2012", "1h") == [last, 88, "良", "PM2.5"]
    assert index("HJ 633", "2026", "1d") == [start, 105, "轻度污染", "PM2.5"]
    assert index("US EPA AQI", "2024-05", "1h") == [last, 158, "Unhealthy", "PM2.5"]
    assert index("US EPA AQI", "2024-05", "1d") == [start, 158, "Unhealthy", "PM2.5"]
    assert index("EEA EAQI", "2024", "1h") == [last, 4, "Poor", "NO2,O3,PM2.5"]
    assert index("UK DAQI", "2013", "1h") == [last, 9, "High", "PM2.5"]


def test_a_pollutant_that_is_missing_hides_a_good_index_and_not_a_bad_one(tmp_path: Path, closes: Closes) -> None:
    for pm25, expected in ((40.0, [None, "NA", 60]), (90.0, [128, "轻度污染", 128])):
        bench = closes(Bench(tmp_path, NOON - DAY_MS))
        start = day_of(NOON, SHANGHAI)[0]
        times = list(range(start, start + DAY_MS, MINUTE_MS))
        o3 = [50.0] * 60 + [None] * (len(times) - 60)
        bench.commit(air(times, pm25_ugm3=[pm25] * len(times), o3_ugm3=o3))
        bench.settle()
        rows = bench.rows("air_index", "value", "category", "pm25_index", period="1d", edition="2026")
        assert rows == [[start, *expected]]


def test_hours_that_come_late_together_are_in_the_means_of_all_that_look_back_at_them(
    tmp_path: Path, closes: Closes
) -> None:
    """HJ 633-2012: particles by the 24 hours that end with an hour, of which 20 must be there."""
    bench = closes(Bench(tmp_path, NOON + 4 * DAY_MS, Reporting(SHANGHAI, ("china-2012",))))
    for first in (NOON + DAY_MS, NOON, NOON + 2 * DAY_MS):
        times = range(first, first + DAY_MS, MINUTE_MS)
        bench.commit(air(times, pm25_ugm3=[28.0] * len(times)))
        bench.settle()
    found = bench.rows("air_index", "pm25_index", period="1h")
    assert found == [[NOON + hour * HOUR_MS, 40] for hour in range(19, 72)]


def test_a_us_day_looks_into_the_next_morning_and_back_into_the_evening_before(tmp_path: Path, closes: Closes) -> None:
    """40 CFR 50 App. U: the last eight hours of ozone begin at 23:00 of standard time, which is midnight in summer."""
    zone = ZoneInfo("America/New_York")
    start, end = day_of(NOON + 120 * DAY_MS, zone)
    bench = closes(Bench(tmp_path, end, Reporting(zone, ("us",))))

    def hour(at: int, o3: float, co: float = 1.0) -> None:
        bench.commit(air(range(at, at + HOUR_MS, MINUTE_MS), o3_ugm3=[o3] * 60, co_mgm3=[co] * 60))

    for at in range(start - 6 * HOUR_MS, end, HOUR_MS):  # the first eight hours of carbon monoxide begin at 17:00
        hour(at, 20.0, 80.0 if at == start - 6 * HOUR_MS else 1.0)
    for at in range(end, end + 8 * HOUR_MS, HOUR_MS):
        hour(at, 800.0 if at == end + 7 * HOUR_MS else 100.0)
        bench.now_ms = at + HOUR_MS
    bench.settle()
    rows = bench.rows("air_index", "o3_index", "co_index", period="1d")
    assert [start, 174, 100] in rows  # (7 x 100 + 800) / 8 µg/m³ and (80 + 7) / 8 mg/m³


def test_an_index_that_late_readings_hide_keeps_no_number_for_questions_and_rules(
    tmp_path: Path, closes: Closes
) -> None:
    bench = closes(Bench(tmp_path, NOON))
    start, end = day_of(NOON, SHANGHAI)
    times = list(range(start, end, MINUTE_MS))
    bench.commit(air(times, pm25_ugm3=[40.0] * len(times)))
    bench.settle()
    asked = CANNED["index"].ask(start, end, {"every": "1d"})
    assert [series.rows for series in bench.store.select(asked)] == [[[start, 60, "良", "PM2.5", 1.0]]]
    bench.commit(air([start + 1], o3_ugm3=[50.0]))
    bench.settle()
    assert bench.store.select(asked) == []
    rule = {"alert": "bad-day", "kind": "air_index", "window": {"last": "value"}, "raise": "> 50"}
    rules = parse([rule | {"scope": {"period": "1d"}, "text": {"zh": "差", "en": "bad"}}])
    told = [cells for series, _, cells in stored.since(bench.store, rules, end, end) if "1d" in str(series)]
    assert {"value": [None], "category": ["NA"]} in told
