"""A station's past: what a day, a month and a year show, out of roll-ups, and what that costs."""

from __future__ import annotations

import math
import random
import re
import time
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.numbers.reporting import Reporting
from collector.numbers.windows import day_of
from collector.stores.store import Table
from collector.web import chart
from collector.web.history import EVERY_MS, columns, windows
from collector.web.readings import look
from collector.web.speeds import told
from collector.web.trend import SPANS, look_back, past_of
from collector.web.vehicles import summed
from tests.closes import Closes
from tests.web.city import City
from tests.web.served import Served
from tests.web.year import write_year
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS
from wire.traffic import SPEED_EDGES_KMH

NOW_MS = 1_790_000_030_000
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_a_year_has_a_line_of_days_and_a_calendar_that_counts_them(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    write_year(city.store, "lp-0001", NOW_MS)
    past = past_of(city.site(), "lp-0001", "year")
    days = [day for month in past.months for day in month.days if day is not None]
    assert len(past.months) == 12
    assert len(days) > 320
    assert {day.standard for day in days} == {"HJ 633-2026"}
    ((_, points),) = past.trend.air
    assert 340 < len(points) <= 366
    drawn = past.air(chart.WIDE)
    assert [step.level for step in drawn.steps] == list(range(1, len(drawn.steps) + 1))
    assert drawn.steps[-1].level == 6
    city.close()


def test_hours_of_traffic_are_told_in_tens_and_few_vehicles_not_at_all(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    start_ms = NOW_MS // HOUR_MS * HOUR_MS - 5 * HOUR_MS
    for lane in ("radar-1", "radar-2"):
        times = [start_ms + n * HOUR_MS for n in range(4)]
        counts = {"count": [103, 2, 0, 7], "duration_s": [3600.0] * 4, "speed_tms_kmh": [40.0, 30.0, None, 35.0]}
        city.write("lp-0001", lane, "traffic_flow", times, counts)
    city.roll_up()
    trend = past_of(city.site(), "lp-0001", "day").trend
    assert [one.flow_vph for one in trend.flow] == [210, None, None, 10]
    assert trend.flow[1].speed_kmh is None
    city.close()


def test_the_flow_of_an_hour_is_of_the_time_in_which_each_lane_was_watched(tmp_path: Path) -> None:
    """One lane's radar begins at half past; one interval of the other does not say how long it was."""
    city = City(tmp_path, NOW_MS)
    hour_ms = NOW_MS // HOUR_MS * HOUR_MS - 5 * HOUR_MS
    halves = [hour_ms, hour_ms + HOUR_MS // 2]
    whole = {"count": [100, 50], "duration_s": [1800.0, 1800.0]}
    city.write("lp-0001", "radar-1", "traffic_flow", halves, whole)
    city.write("lp-0001", "radar-2", "traffic_flow", halves[1:], {"count": [40], "duration_s": [1800.0]})
    next_ms = hour_ms + HOUR_MS
    untimed: dict[str, list[object]] = {"count": [100, 50], "duration_s": [1800.0, None]}
    city.write("lp-0001", "radar-1", "traffic_flow", [next_ms, next_ms + HOUR_MS // 2], untimed)
    city.roll_up()
    trend = past_of(city.site(), "lp-0001", "day").trend
    assert [(one.start_ms, one.flow_vph) for one in trend.flow] == [(hour_ms, 230), (next_ms, 200)]
    city.close()


def test_the_hour_in_which_a_station_moved_has_the_flow_of_one_street(tmp_path: Path) -> None:
    """It lies at both places, each with the vehicles of its part: added up, twice as many drove."""
    city = City(tmp_path, NOW_MS)
    start_ms = NOW_MS // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    for site, count, share in (("old", 150, 0.25), ("new", 450, 0.75)):
        tags = {"node": "lp-0001", "site": site, "sensor": "radar-1", "direction": "in", "lane": "1"}
        columns: dict[str, list[Any]] = {"count_sum": [count], "flow_vph_mean": [600.0], "completeness": [share]}
        hour = Table("traffic_flow_1h", tuple(sorted(tags.items())), [start_ms], columns, frozenset({"count_sum"}))
        city.store.write(city.store.render(hour))
    trend = past_of(city.site(), "lp-0001", "day").trend
    assert [one.flow_vph for one in trend.flow] == [600]
    city.close()


def test_the_speed_of_the_one_vehicle_that_had_one_is_not_told() -> None:
    """A lidar's lane counts thirty without a speed; beside it a radar saw one vehicle."""
    rows: list[list[object]] = [[0, 30, None, None, 300.0], [0, 1, None, 63.0, 300.0]]
    assert summed(rows)["speed_tms_kmh"] is None
    assert summed([rows[0], [0, 5, None, 50.0, 100.0]]) == {
        "count": 35, "heavy_count": None, "speed_tms_kmh": 50.0, "flow_vph": 420.0
    }  # fmt: skip


def test_speeds_of_a_span_are_shares_and_few_vehicles_are_told_with_others(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    times = [NOW_MS // HOUR_MS * HOUR_MS - n * HOUR_MS for n in (5, 4, 3)]
    cells: dict[str, list[object]] = {
        "n_speed_015_kmh": [1, None, 1],
        "n_speed_040_kmh": [20, 20, 20],
        "n_speed_055_kmh": [None, 20, 18],
        "n_length_0350_cm": [18, 36, 34],
        "n_length_0655_cm": [3, 4, 5],
    }
    columns = {"count": [21, 40, 39], "duration_s": [3600.0] * 3, "speed_tms_kmh": [40.0] * 3, **cells}
    city.write("lp-0001", "radar-1", "traffic_flow", times, columns)
    city.roll_up()
    told = past_of(city.site(), "lp-0001", "day").speeds
    assert told is not None
    assert [tuple(band) for band in told.bands] == [(10, 50, 62), (50, 60, 38)]
    assert 40 <= told.v50_kmh < 45 < told.v85_kmh < 60
    assert [(one.name, percent) for one, percent in told.classes if percent] == [("small", 88), ("medium", 12)]
    city.close()


def test_speeds_of_few_vehicles_are_not_told(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    columns: dict[str, list[object]] = {"count": [30], "duration_s": [3600.0], "n_speed_040_kmh": [30]}
    city.write("lp-0001", "radar-1", "traffic_flow", [NOW_MS // HOUR_MS * HOUR_MS - 5 * HOUR_MS], columns)
    city.roll_up()
    assert past_of(city.site(), "lp-0001", "day").speeds is None
    city.close()


@pytest.mark.parametrize(
    ("fast", "bands"),
    [
        ({150: 50}, [(150, None, 100)]),
        ({145: 45, 150: 5}, [(140, 150, 90), (150, None, 10)]),
        ({40: 47, 70: 3}, [(40, 80, 100)]),  # the last few go with those below
        ({0: 5, 35: 41, 45: 4}, [(0, 30, 10), (30, 50, 90)]),
        ({0: 4, 35: 46}, [(0, 40, 100)]),  # the first few with those above
        ({40: 49}, None),
    ],
)
def test_bands_of_speed_hold_five_vehicles_or_more(fast: dict[int, int], bands: list[object] | None) -> None:
    found = told([fast.get(edge, 0) for edge in SPEED_EDGES_KMH], [0] * 7, "china")
    assert (None if found is None else [tuple(band) for band in found.bands]) == bands


@pytest.mark.parametrize(
    ("long", "standard", "shares"),
    [
        ([0, 0, 45, 0, 0, 0, 5], "china", [("mini", 0), ("small", 90), ("medium", 0), ("large", 10)]),
        ([0, 3, 60, 0, 7, 0, 0], "china-2012", [("car-like", 90), ("lorry-like", 10)]),  # three mini cars are few
        ([5, 20, 20, 5, 0, 0, 0], "us", [("motorcycle", 10), ("short", 90), ("medium", 0), ("long", 0)]),
        ([5, 20, 20, 5, 0, 0, 0], "eu", [("car-like", 90), ("lorry-like", 10)]),
        ([0, 0, 60, 0, 0, 0, 3], "china", []),
        ([0, 0, 49, 0, 0, 0, 0], "china", []),
    ],
)
def test_classes_of_length_are_told_where_none_has_a_few(
    long: list[int], standard: str, shares: list[tuple[str, int]]
) -> None:
    found = told([0] * 8 + [50] + [0] * 22, long, standard)
    assert found is not None
    assert [(one.name, percent) for one, percent in found.classes] == shares
    assert (found.v15_kmh, found.v50_kmh, found.v85_kmh) == pytest.approx((40.785, 42.5, 44.215))


def test_the_week_before_is_what_the_clock_said_where_clocks_were_moved(tmp_path: Path, closes: Closes) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    times = ("2026-10-26T12:30+01:00", "2026-10-19T08:00+02:00")
    now, morning = (round(datetime.fromisoformat(text).timestamp() * 1000) for text in times)
    city = closes(City(tmp_path, now))
    city.write("lp-0001", "radar-1", "traffic_flow", [morning], {"count": [50], "duration_s": [3600.0]})
    city.roll_up()
    trend = look_back(city.store, "lp-0001", SPANS["day"], now, Reporting(berlin))
    assert trend.before == [(morning + 7 * DAY_MS + HOUR_MS, 50)], "eight o'clock lies over eight o'clock"


def test_the_week_before_lies_over_the_same_hours(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    hour_ms = NOW_MS // HOUR_MS * HOUR_MS - 4 * HOUR_MS
    columns = {"count": [50], "duration_s": [3600.0], "speed_tms_kmh": [40.0]}
    city.write("lp-0001", "radar-1", "traffic_flow", [hour_ms - 7 * DAY_MS], columns)
    city.roll_up()
    trend = past_of(city.site(), "lp-0001", "day").trend
    assert trend.before == [(hour_ms, 50)]
    assert past_of(city.site(), "lp-0001", "week").trend.before == []
    city.close()


def test_who_does_not_see_a_picture_of_the_past_hears_its_lowest_and_highest(aged: Served) -> None:
    page = aged.get("/en/station/lp-0001?span=week").text
    assert re.search(r'aria-label="PM2\.5, 7 days; air-1: lowest \d+, highest \d+ µg/m³', page)
    assert re.search(r'aria-label="Traffic, 7 days; highest \d+0 vehicles/h"', page)


@pytest.mark.parametrize("box", [chart.SMALL, chart.WIDE])
@pytest.mark.parametrize("length", SPANS)
def test_marks_of_time_have_room_and_words(aged: Served, length: str, box: chart.Box) -> None:
    ticks = past_of(aged.city.site(), "lp-0001", length).air(box).x_ticks
    assert 2 <= len(ticks) <= 8
    assert all(tick.text for tick in ticks)
    places = [tick.at for tick in ticks]
    assert min(b - a for a, b in pairwise(places)) > (44 if length != "year" else 50)


def test_a_station_is_judged_by_the_standard_it_reports(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    times = list(range(NOW_MS // HOUR_MS * HOUR_MS - 26 * HOUR_MS, NOW_MS, MINUTE_MS))
    city.reports["lp-0001"] = Reporting(SHANGHAI, ("us", "china"))
    city.write("lp-0001", "air-1", "air_quality", times, {"pm25_ugm3": [40.0] * len(times)})
    city.roll_up()
    (view,) = look(city.store, city.stations[:1], NOW_MS, city.reporting)
    assert view.judgement is not None
    told = view.judgement
    assert (told.standard, told.number, told.level.word_en) == (
        "US EPA AQI-2024-05",
        112,
        "unhealthy for sensitive groups",
    )
    assert told.hour_ms is not None
    assert {row.standard for row in view.indices} == {"US EPA AQI", "HJ 633"}
    city.reports["lp-0001"] = Reporting(SHANGHAI, ("china-2012",))
    (view,) = look(city.store, city.stations[:1], NOW_MS, city.reporting)
    assert view.judgement is None  # no 24-hour index of that edition was stored for this station
    city.close()


def test_the_year_s_pages_cost_less_than_a_second_of_work(aged: Served) -> None:
    for path in (
        "/station/lp-0001?span=year",
        "/en/station/lp-0001?span=month",
        "/api/v1/indices?node=lp-0001&limit=1000",
    ):
        began_s = time.process_time()
        assert aged.get(path).status == 200
        assert time.process_time() - began_s < 1.0, path


def test_a_station_says_how_it_is_measured(aged: Served) -> None:
    page = aged.get("/en/station/lp-0001").text
    assert "Plantower PMS5003 particle sensor" in page
    assert "not corrected, as the sensor gives it" in page
    assert "HJ 633, the edition in force on the day" in page
    assert re.search(r"Indices of the last full hour", page)


def test_readings_of_a_direction_and_of_noise_are_averaged_as_such(tmp_path: Path) -> None:
    """Wind from 350° and 10° is northerly; a minute of 80 dB and four of 60 dB are 73.6 dB."""
    city = City(tmp_path, NOW_MS)
    start_ms = NOW_MS // HOUR_MS * HOUR_MS - 5 * HOUR_MS
    times = [start_ms + n * 60_000 for n in range(5)]
    winds = {"wind_dir_deg": [350.0, 10.0, 350.0, 10.0, 0.0], "wind_speed_ms": [2.0] * 5}
    city.write("lp-0001", "wxt", "weather", times, winds)
    city.write("lp-0001", "ear", "air_quality", times, {"noise_db": [80.0, 60.0, 60.0, 60.0, 60.0]})
    city.roll_up()
    span = "lp-0001", start_ms, start_ms + 300_000, 300_000
    (wind,) = windows(city.store, "weather", *span)
    assert (wind["wind_dir_deg"], wind["wind_speed_ms"], wind["wind_dir_max_deg"]) == (0.0, 2.0, None)
    (noise,) = windows(city.store, "air_quality", *span)
    assert noise["noise_db"] == pytest.approx(10 * math.log10((1e8 + 4e6) / 5))
    city.close()


def test_the_past_of_a_station_elsewhere_goes_by_its_own_clock_and_says_so(tmp_path: Path) -> None:
    """Midnight in Sydney is the evening before in Shanghai: the table called each day of the chart the one before."""
    city, zone = City(tmp_path, NOW_MS), ZoneInfo("Australia/Sydney")
    city.reports["lp-0001"] = Reporting(zone, ("us",))
    midnights = [day_of(NOW_MS - n * DAY_MS, zone)[0] for n in range(5, 0, -1)]
    tags = (("node", "lp-0001"), ("sensor", "air-1"), ("site", "s"))
    city.store.write(
        city.store.render(Table("air_quality_1d", tags, midnights, {"pm25_ugm3_mean": [1.0, 2.0, 3.0, 4.0, 5.0]}))
    )
    served = Served(city)
    page, other = (served.get(f"/en/station/{node}?span=year").text for node in ("lp-0001", "lp-0002"))
    told = re.findall(r'<th scope="row">(20\d\d-\d\d-\d\d)</th><td>(\d)</td>', page)
    days = [datetime.fromtimestamp(time_ms / 1000, zone).strftime("%Y-%m-%d") for time_ms in midnights]
    assert told == [(day, str(n)) for n, day in enumerate(days, start=1)][::-1]
    assert "Times: Australia/Sydney" in page
    assert "Times: " not in other
    served.server.stop()
    city.close()


@pytest.mark.parametrize(("length", "kind", "enough"), [("week", "1h", 45), ("year", "1d", 20)])
def test_three_minutes_are_no_hour_and_three_hours_no_day(tmp_path: Path, length: str, kind: str, enough: int) -> None:
    """GB 3095-2026 Table 4. A sensor that never has enough is drawn as it is."""
    city = City(tmp_path, NOW_MS)
    times = [day_of(NOW_MS - n * DAY_MS, SHANGHAI)[0] for n in (4, 3, 2)]
    for sensor, counts in (("air-1", [3, enough - 1, enough]), ("air-2", [3, 3, enough - 1])):
        columns: dict[str, list[Any]] = {"pm25_ugm3_mean": [500.0, 20.0, 21.0], "pm25_ugm3_n": counts}
        tags = (("node", "lp-0001"), ("sensor", sensor), ("site", "s"))
        city.store.write(city.store.render(Table(f"air_quality_{kind}", tags, times, columns, frozenset(columns))))
    (_, enough_of), (_, seldom) = past_of(city.site(), "lp-0001", length).trend.air
    assert enough_of == [(times[2], 21.0)]
    assert [value for _, value in seldom] == [500.0, 20.0, 21.0]
    city.close()


def test_a_calendar_of_two_editions_names_both_and_each_day_its_own(tmp_path: Path) -> None:
    """The same 65 µg/m³ is 良 in February 2026 and 轻度污染 in March."""
    city = City(tmp_path, NOW_MS)
    tags = {"node": "lp-0001", "sensor": "air-1", "site": "s", "standard": "HJ 633", "period": "1d"}
    for edition, day, value, level in (("2012", "2026-02-28", 88, 2), ("2026", "2026-03-01", 105, 3)):
        time_ms = round(datetime.fromisoformat(day + "T00:00+08:00").timestamp() * 1000)
        columns: dict[str, list[Any]] = {
            "value": [value],
            "level": [level],
            "category": ["-"],
            "primary": ["PM2.5"],
            "completeness": [1.0],
        }
        own = tuple(sorted((tags | {"edition": edition}).items()))
        city.store.write(city.store.render(Table("air_index", own, [time_ms], columns, frozenset({"value", "level"}))))
    served = Served(city)
    page = served.get("/en/station/lp-0001?span=year").text
    assert "Standard: HJ 633-2012, HJ 633-2026<" in page
    assert 'title="2026-02-28: 88 moderate · HJ 633-2012"' in page
    assert 'title="2026-03-01: 105 lightly polluted · HJ 633-2026"' in page
    served.server.stop()
    city.close()


def test_two_sensors_that_measure_the_same_are_told_apart(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    for sensor, pm1, temp_c in (("air-1", 11.0, 20.0), ("air-2", 12.0, None)):
        city.write("lp-0001", sensor, "air_quality", [NOW_MS - 5000], {"pm1_ugm3": [pm1], "pm10_ugm3": [40.0]})
        if temp_c is not None:
            city.write("lp-0001", sensor, "weather", [NOW_MS - 5000], {"temp_c": [temp_c]})
    served = Served(city)
    page = served.get("/en/station/lp-0001").text
    assert re.findall(r"<dt>(.*?)</dt>", page)[:5] == [
        "PM10 latest · air-1",
        "PM10 latest · air-2",
        "air temperature",
        "PM1 · air-1",
        "PM1 · air-2",
    ]
    served.server.stop()
    city.close()


@pytest.mark.parametrize("every", ["1m", "5m", "15m", "1h"])
def test_windows_of_readings_are_those_that_a_second_reckoning_finds(tmp_path: Path, every: str) -> None:
    """Means of readings; where one failed, of the minutes without it. Counts, worst flags and clocks of all."""
    city, rng = City(tmp_path, NOW_MS), random.Random(4)
    length_ms = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}[every] * 1000
    assert EVERY_MS[every] == length_ms
    hour_ms = NOW_MS // HOUR_MS * HOUR_MS - 5 * HOUR_MS
    times = sorted(rng.sample(range(hour_ms, hour_ms + HOUR_MS, 1000), 240))
    codes = [rng.choice([None] * 30 + ["pm25_raw_ugm3:range", "pm25_raw_ugm3:spike?"]) for _ in times]
    qc = [1 if code is None else 3 if code.endswith("?") else 4 for code in codes]
    values, cq = [rng.uniform(5, 50) for _ in times], [rng.choice([0, 0, 1]) for _ in times]
    city.write("lp-0001", "air-1", "air_quality", times, {"pm25_ugm3": values, "qc": qc, "qc_code": codes, "cq": cq})
    city.roll_up()
    by_window: dict[int, list[int]] = defaultdict(list)
    for n, time_ms in enumerate(times):
        by_window[time_ms // length_ms * length_ms].append(n)
    found = windows(city.store, "air_quality", "lp-0001", hour_ms, hour_ms + HOUR_MS, length_ms)
    assert [row["time_ms"] for row in found] == sorted(by_window)
    for row in found:
        inside = by_window[row["time_ms"]]
        minutes: dict[int, list[float]] = defaultdict(list)
        for n in inside:
            if qc[n] != 4:
                minutes[times[n] // MINUTE_MS].append(values[n])
        mean: float | None = fmean(values[n] for n in inside)
        if max(qc[n] for n in inside) == 4:
            mean = fmean(map(fmean, minutes.values())) if minutes else None
        assert row["pm25_ugm3"] == (None if mean is None else pytest.approx(mean, abs=1e-5))
        assert (row["rows"], row["qc"], row["cq"]) == (
            len(inside),
            max(qc[n] for n in inside),
            max(cq[n] for n in inside),
        )
        assert set(row) == set(columns("air_quality"))
    city.close()
