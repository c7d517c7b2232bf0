"""Means, windows, masks and geometry: arithmetic without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.web import chart, levels, map
from collector.web.air import minute_means
from collector.web.condition import conditions
from collector.web.feed import Feed, Subscription
from collector.web.heard import sound_counts
from collector.web.privacy import FEW, mask, mask_lanes, public_alerts, tens
from collector.web.readings import View, look
from collector.web.site import AlertView, Station
from collector.web.vehicles import total, traffic
from collector.web.words import Words
from tests.web.city import City
from wire.times import HOUR_MS, MINUTE_MS

NOW_MS = 1_790_000_030_000


def test_the_hourly_mean_weighs_minutes_not_readings(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    start = NOW_MS // MINUTE_MS * MINUTE_MS
    busy = [start - 2 * MINUTE_MS + n * 1000 for n in range(60)]
    city.write("lp-0001", "air-1", "air_quality", busy, {"pm25_ugm3": [10.0] * 60})
    city.write("lp-0001", "air-1", "air_quality", [start - MINUTE_MS], {"pm25_ugm3": [30.0]})
    view = look(city.store, city.stations[:1], NOW_MS)[0]
    assert view.pm25[0].mean == pytest.approx(20)
    assert view.pm25[0].minutes == 2
    assert view.pm25[0].latest == 30
    assert not view.pm25[0].complete
    city.close()


def test_zero_is_a_value_and_corrected_goes_before_raw(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    city.write("lp-0001", "air-1", "air_quality", [NOW_MS - 5000], {"pm25_ugm3": [0.0], "pm25_raw_ugm3": [9.0]})
    air = look(city.store, city.stations[:1], NOW_MS)[0].pm25[0]
    assert (air.latest, air.mean, air.corrected) == (0.0, 0.0, True)
    city.close()


@pytest.mark.parametrize(("value", "shown"), [(-2.87, "0"), (-0.2, "0"), (0.0, "0"), (37.5, "38"), (None, "–")])
def test_particles_below_zero_are_kept_and_shown_as_zero(value: float | None, shown: str) -> None:
    """A raw 0 at 100 % humidity is -2.87 µg/m³ by Barkjohn 2021: the number is kept, and clamped for display alone."""
    assert Words("en", "UTC", lambda: 0).particles(value) == shown


def test_a_reading_that_failed_is_in_no_figure_of_the_page(tmp_path: Path) -> None:
    """Whether its minute is rolled up already or not: stored hours and alerts leave it out, and so does a card."""
    city = City(tmp_path, NOW_MS)
    times = list(range(NOW_MS - 50 * MINUTE_MS, NOW_MS, 5000))
    bad = {100: "pm25_raw_ugm3:range", len(times) - 3: "pm25_raw_ugm3:range", 200: "no2_raw_ppb:range"}
    pm25 = [3000.0 if "pm25" in bad.get(n, "") else 20.0 for n in range(len(times))]
    flags = {
        "qc": [4 if n in bad else 1 for n in range(len(times))],
        "qc_code": [bad.get(n) for n in range(len(times))],
    }
    columns = {"pm25_ugm3": pm25, "pm25_raw_ugm3": pm25, "pm10_ugm3": [30.0] * len(times)}
    city.write("lp-0001", "air-1", "air_quality", times, columns | flags)
    for rolled in (False, True):
        if rolled:
            city.roll_up()
        view = look(city.store, city.stations[:1], NOW_MS)[0]
        if rolled:
            assert (view.pm25[0].mean, view.pm25[0].highest) == (20.0, 20.0)
            assert view.pm25[0].minutes >= 50
        assert view.pm25[0].by_minute[-1][1] == 20.0
        assert view.pm10[0].mean == 30.0
        assert (view.pm25[0].latest, view.particles_failed) == (20.0, False)
        assert not view.pm25[0].corrected, "that a reading is left out is no calibration"
    city.close()


def test_a_sensor_that_says_only_what_cannot_be_is_live_and_has_no_value(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    times = list(range(NOW_MS - 20 * MINUTE_MS, NOW_MS, 10_000))
    code = "pm25_raw_ugm3:range,pm10_raw_ugm3:range"
    saturated: dict[str, list[object]] = {"pm25_ugm3": [6553.5], "pm10_ugm3": [6553.5], "qc": [4], "qc_code": [code]}
    for time_ms in times:
        city.started_ms = time_ms
        city.write("lp-0001", "air-1", "air_quality", [time_ms], saturated)
        city.roll_up()
    hot = {"temp_c": [85.0], "rh_pct": [40.0], "qc": [4], "qc_code": ["temp_c:range"]}
    city.write("lp-0001", "weather-1", "weather", times[-1:], hot)
    view = look(city.store, city.stations[:1], NOW_MS)[0]
    assert (view.pm25, view.pm10, view.judgement) == ([], [], None)
    assert (view.freshness, view.air_ms, view.particles_failed) == ("live", times[-1], True)
    assert [other.quantity.name for other in view.others] == ["rh_pct"]
    assert [one.word for one in conditions(view, 0, silenced=False, retired=False)] == ["out_of_range"]
    city.close()


def test_lanes_add_up_and_speed_is_weighted_by_vehicles() -> None:
    rows: list[list[Any]] = [[0, 30, 3, 40.0, 60.0], [0, 10, None, 80.0, 60.0], [60_000, 0, 0, None, 60.0]]
    hour = traffic(rows, 400_000)
    assert hour is not None
    assert hour.hour.values == {"count": 40, "heavy_count": None, "speed_tms_kmh": 50.0, "flow_vph": 1200.0}
    assert hour.hour.hidden == ("heavy_count",)


def test_vehicles_are_told_in_whole_windows_of_five_minutes_however_often_and_early_one_asks() -> None:
    counts = [9, 8, 2, 7, 6, *([20, 1, 9, 9, 9] * 13)]
    rows = [[n * MINUTE_MS, count, 0, 50.0 + n, 60.0] for n, count in enumerate(counts)]
    told: dict[int, set[object]] = {}
    for now_ms in range(6 * MINUTE_MS, 70 * MINUTE_MS, 10_000):
        seen = traffic([row for row in rows if row[0] + MINUTE_MS <= now_ms], now_ms)
        assert seen is not None
        told.setdefault((now_ms - MINUTE_MS) // (5 * MINUTE_MS), set()).add(repr((seen.hour, seen.windows)))
        assert [window.told.values["count"] for window in seen.windows[:2]] in ([32], [32, 48], [48, 48])
        assert len(seen.windows) <= 12
    assert all(len(one) == 1 for one in told.values()), "nothing changes but when a window is over"


@pytest.mark.parametrize(
    ("starts_s", "length_s", "in_part"),
    [
        ([0, 60, 120, 180, 240], 59.9, False),
        ([0, 60, 180, 240], 60.0, True),
        ([30, 150], 120.0, False),  # five minutes are no multiple of it: the next interval has the rest
        ([150], 120.0, True),
        ([0], 300.0, False),
        ([0], 43.0, True),
        ([*range(0, 280, 10)], 10.0, False),  # a tenth more or less nobody sees
        ([*range(0, 260, 10)], 10.0, True),
        ([0, 60], None, False),
    ],
)
def test_a_window_that_was_not_counted_from_end_to_end_says_so(
    starts_s: list[int], length_s: float | None, in_part: bool
) -> None:
    both_lanes = [[start_s * 1000, 9, 0, 50.0, length_s] for start_s in starts_s for _ in range(2)]
    seen = traffic(both_lanes, 7 * MINUTE_MS)
    assert seen is not None
    assert [window.in_part for window in seen.windows] == [in_part]
    assert seen.windows[0].counted_s == pytest.approx(len(starts_s) * (length_s or 0))


def test_a_station_whose_first_window_is_not_over_says_when_vehicles_are_told(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    assert not look(city.store, city.stations[:1], NOW_MS)[0].traffic_soon
    start = NOW_MS // (5 * MINUTE_MS) * 5 * MINUTE_MS
    city.write("lp-0001", "radar-1", "traffic_flow", [start], {"count": [9], "duration_s": [10.0]})
    view = look(city.store, city.stations[:1], start + 60_000)[0]
    assert (view.traffic, view.traffic_soon) == (None, True)
    view = look(city.store, city.stations[:1], start + 7 * MINUTE_MS)[0]
    assert view.traffic is not None
    assert not view.traffic_soon
    city.close()


@given(st.integers(0, 50), st.none() | st.integers(0, 50), st.none() | st.floats(0, 200))
@settings(max_examples=60)
def test_a_mask_shows_no_small_count_and_nothing_made_of_one(
    count: int, heavy: int | None, speed: float | None
) -> None:
    shown, hidden = mask({"count": count, "heavy_count": heavy, "speed_tms_kmh": speed, "duration_s": 60.0})
    assert shown["count"] is None or shown["count"] >= FEW
    assert shown["heavy_count"] is None or shown["heavy_count"] >= FEW
    if count < FEW:
        assert shown["speed_tms_kmh"] is None
        assert "count" in hidden
    assert shown["duration_s"] == 60.0


def test_flow_is_made_of_intervals_whose_length_is_known() -> None:
    assert total([[0, 10, 0, 50.0, 60.0], [MINUTE_MS, 10, 0, 50.0, None]]).values["flow_vph"] == 600


@given(st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(0, 12)), min_size=1, max_size=4))
@settings(max_examples=200)
def test_no_vehicle_is_had_by_taking_lanes_off_their_sum(
    lanes: list[tuple[int, int | None]],
) -> None:
    rows = [{"count": count, "heavy_count": heavy, "speed_tms_kmh": 40.0} for count, heavy in lanes]
    shown = mask_lanes(rows)
    for name in ("count", "heavy_count"):
        there = [(row[name], one.values[name]) for row, one in zip(rows, shown, strict=True) if row[name] is not None]
        hidden = [true or 0 for true, told in there if told is None]
        assert all(told is None or told >= FEW for _, told in there)
        assert not sum(hidden) or len(hidden) == len(there) or (len(hidden) > 1 and sum(hidden) >= FEW)
    assert mask_lanes([{"count": 0}, {"count": 42}])[1].values == {"count": 42}, "where nobody passed, nobody is hidden"


def test_no_vehicle_and_one_are_masked_alike() -> None:
    none = [[n * MINUTE_MS, 0, 0, None, 60.0] for n in range(5)]
    assert total(none) == total([[0, 1, 0, 44.0, 60.0], *none[1:]])


def test_an_hour_beside_its_windows_is_told_in_tens() -> None:
    rows = [[n * MINUTE_MS, 1 if n < 5 else 11, 0, 83.0 if n < 5 else 40.0, 60.0] for n in range(60)]
    seen = traffic(rows, 61 * MINUTE_MS)
    assert seen is not None
    assert (seen.hour.values["count"], seen.hour.values["speed_tms_kmh"]) == (610, 40)
    assert [tens(count) for count in (5, 14, 15, 25)] == [10, 10, 20, 30]


def test_hours_that_go_on_from_window_to_window_tell_nothing_of_one_that_hides_its_vehicles() -> None:
    """Of a road with ten vehicles a window, three of five hidden counts could be had by looking on for an hour."""
    told = set()
    for count in range(FEW):
        around = [5 + 7 * n % 13 for n in range(12)]
        rows: list[list[Any]] = [
            [5 * n * MINUTE_MS, each, 0, 40.0, 300.0] for n, each in enumerate([*around, count, *around])
        ]
        rows[12][3] = 90.0 if count else None
        hours = [traffic(rows, (5 * n + 1) * MINUTE_MS) for n in range(12, 26)]
        told.add(repr([seen.hour for seen in hours if seen is not None]))
    assert len(told) == 1
    quiet = traffic([[5 * n * MINUTE_MS, n % 4, 0, None, 300.0] for n in range(12)], 61 * MINUTE_MS)
    assert quiet is not None
    assert quiet.hour.values["count"] == 20, "where most are hidden, their sum is told"


def test_a_count_that_failed_a_test_is_in_no_figure() -> None:
    sound = [0, 5, None, 50.0, 60.0, None]
    impossible = [MINUTE_MS, 2**40, None, 50.0, 60.0, "count:range"]
    too_fast = [2 * MINUTE_MS, 7, None, 999.0, 60.0, "speed_tms_kmh:range,count:traffic?"]
    assert sound_counts([sound, impossible, too_fast]) == [sound, [*too_fast[:3], None, *too_fast[4:]]]


def test_an_alert_on_traffic_is_public_without_its_value_and_one_on_wrong_way_driving_is_not() -> None:
    words = ("夜间: 超速", "Night: too fast")
    fast = AlertView("f", "firing", "major", "fast", *words, "n", 310_000, "speed_tms_kmh", 131.0, 120.0, "km/h")
    fast = replace(fast, kind="traffic_flow", detail_zh="：触发时 131", detail_en=": began at 131")
    air = replace(fast, kind="air_quality", quantity="pm25_ugm3")
    wrong = replace(fast, rule="wrong-way", quantity="wrong_way_count", value=1.0)
    shown, same = public_alerts([fast, wrong, air])
    assert (shown.text_zh, shown.text_en, shown.value, shown.since_ms) == (*words, None, 300_000)
    assert (shown.detail_zh, shown.detail_en) == ("", "")
    assert same == air


def test_the_collector_s_own_troubles_are_public_without_addresses_files_and_cures() -> None:
    words = ("数据库不可用", "The database is away")
    own = AlertView("f", "firing", "critical", "collector-database", *words, "collector", 0, kind="collector")
    (shown,) = public_alerts([replace(own, detail_zh="：http://10.2.0.5:8086", detail_en=": http://10.2.0.5:8086")])
    assert shown == own


@given(st.lists(st.tuples(st.integers(0, 3_600_000), st.floats(0, 1000)), max_size=40).map(sorted))
@settings(max_examples=60)
def test_a_line_stays_in_its_box(points: list[tuple[int, float]]) -> None:
    drawn = chart.lines([("a", points)], chart.Frame(0, HOUR_MS), 2 * MINUTE_MS, 75.0)
    assert len(drawn.lines) == bool(points)
    for line in drawn.lines:
        numbers = line.path.replace(chart.RING, "").replace("M", " ").replace("L", " ").split()
        assert all(0 <= float(n) <= chart.SMALL.width for n in numbers)
        assert all(chart.SMALL.top - 0.1 <= float(n) <= chart.SMALL.bottom for n in numbers[1::2])


def test_a_gap_breaks_the_line_and_a_lone_point_is_wider_than_the_line() -> None:
    """A stroke of no length is as wide as the line is thick: one hour between two gaps was a dot of two pixels."""
    drawn = chart.lines([("a", [(0, 1.0), (60_000, 2.0), (600_000, 3.0)])], chart.Frame(0, HOUR_MS), 2 * MINUTE_MS)
    assert drawn.lines[0].path.count("M") == 2
    _, _, lone = drawn.lines[0].path.rpartition("M")
    _, drawn_as, ring = lone.partition("a")
    assert drawn_as, f"{lone} is as wide as the line is thick"
    assert float(ring.split()[0]) > 1


def test_minutes_are_means_of_their_own() -> None:
    assert minute_means([(0, 1.0), (10_000, 3.0), (60_000, 9.0)]) == [(0, 2.0), (60_000, 9.0)]


@pytest.mark.parametrize(
    ("index", "number"), [(0, 1), (50, 1), (51, 2), (100, 2), (150, 3), (300, 5), (301, 6), (500, 6)]
)
def test_levels_begin_where_the_standard_says(index: int, number: int) -> None:
    assert levels.of_index(index).number == number


def test_a_crowded_map_keeps_the_dirtiest_and_says_how_many_it_left_out(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    city.fill_an_hour()
    views = look(city.store, city.stations, NOW_MS)
    drawn = map.draw(views * 150)
    assert drawn is not None
    assert (len(drawn.markers), drawn.left_out) == (map.MARKERS_MAX, 150)
    assert sum(marker.view.station.node == "lp-0001" for marker in drawn.markers) == 150
    assert map.draw([]) is None
    live, silent = views[:1], views[1:2]
    crowded, both = map.draw(live * 400 + silent), map.draw(live + silent)
    assert crowded is not None
    assert both is not None
    assert {marker.view.station.node for marker in crowded.markers} == {"lp-0001"}
    assert crowded.frame == both.frame, "else the map jumps, and its ground is drawn anew, whenever others are dirtiest"
    city.close()


@given(st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), min_size=1, max_size=5))
@settings(max_examples=40)
def test_every_marker_is_inside_the_map(places: list[tuple[float, float]]) -> None:
    views = [
        View(Station(f"n{i}", "s", "", "", (), lat, lon), 0, 1, [], [], [], None, None)
        for i, (lat, lon) in enumerate(places)
    ]
    for box in (map.WIDE, map.NARROW):
        drawn = map.draw(views, box)
        assert drawn is not None
        assert all(0 <= one.x <= box.width and 0 <= one.y <= box.height for one in drawn.markers)


@given(st.lists(st.tuples(st.floats(39.8, 40.0), st.floats(116.3, 116.5)), min_size=1, max_size=20))
@settings(max_examples=60)
def test_no_name_stands_on_a_marker_a_name_or_the_scale(places: list[tuple[float, float]]) -> None:
    views = [
        View(Station(f"n{i}", "s", "建国路东口", "Jianguo Rd East", (), lat, lon), 0, 1, [], [], [], None, None)
        for i, (lat, lon) in enumerate(places)
    ]
    drawn = map.draw(views, map.NARROW)
    assert drawn is not None
    half = {"middle": 0.5, "start": 0.0, "end": 1.0}
    rects = [(one.x - 14, one.y - 14, one.x + 14, one.y + 14) for one in drawn.markers] + [*map.NARROW.furniture]
    for one in drawn.markers:
        if one.en is not None:
            wide, left = 7.6 * 15, one.en.x - half[one.en.anchor] * 7.6 * 15
            rect = (left, one.en.y - 12, left + wide, one.en.y + 4)
            assert not any(a[0] < rect[2] and rect[0] < a[2] and a[1] < rect[3] and rect[1] < a[3] for a in rects)
            rects.append(rect)


def test_shapes_differ() -> None:
    assert len({level.shape for level in levels.LEVELS}) == 6


def test_a_full_queue_drops_the_oldest_and_counts() -> None:
    woken = []
    queue = Subscription(lambda: woken.append(1), queue_max=2)
    for n in range(3):
        queue.put({"node": n})
    assert queue.take() == [{"node": 1}, {"node": 2}]
    assert (queue.dropped, len(woken)) == (1, 1), "woken by the first that waits"
    queue.put({"node": 3})
    assert (queue.take(), len(woken)) == ([{"node": 3}], 2)


def test_batches_a_second_are_counted_from_the_first_news() -> None:
    feed = Feed()
    assert feed.batches_per_s() == 0.0
    for _ in range(30):
        feed.publish({"type": "readings", "node": "lp-0001"})
    feed.publish({"type": "alert"})
    assert 0 < feed.batches_per_s() <= 30
