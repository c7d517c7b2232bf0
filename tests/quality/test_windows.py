"""Windows: the same readings give the same minutes, hours, days and indices, in whatever order they come."""

from __future__ import annotations

import csv
import math
import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.numbers import rollups, window_maker
from collector.numbers.open_windows import OpenWindows
from collector.numbers.reporting import Reporting
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import day_of
from collector.stores.store import Later, Select, Table
from simulator.replay import I94
from tests.closes import Closes
from tests.quality.bench import AIR, LANE, SHANGHAI, Bench, air, flow
from tests.stored import put
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

NOON = 1_772_337_600_000  # 2026-03-01T12:00+08:00
EVENING = NOON + 10 * HOUR_MS


def readings(seed: int, start_ms: int, count: int, step_ms: int = 30_000) -> list[tuple[int, float, float, str | None]]:
    rng = random.Random(seed)
    times = sorted(rng.sample(range(start_ms, start_ms + count * step_ms, step_ms // 2), count))
    codes = [rng.choice([None] * 9 + ["pm25_raw_ugm3:range", "pm10_ugm3:spike?"]) for _ in times]
    return [(t, round(rng.uniform(0, 300), 1), rng.randrange(400), code) for t, code in zip(times, codes, strict=True)]


def table(rows: list[tuple[int, float, float, str | None]]) -> Table:
    times, pm25, pm10, codes = (list(column) for column in zip(*rows, strict=True))
    return air(times, codes, pm25_ugm3=pm25, pm10_ugm3=pm10)


def chunks(rows: list[Any], sizes: list[int]) -> list[list[Any]]:
    found, at = [], 0
    while at < len(rows):
        size = sizes[len(found) % len(sizes)]
        found.append(rows[at : at + size])
        at += size
    return found


def test_a_backlog_that_goes_on_in_an_hour_that_was_computed_is_not_forgotten_by_a_restart(
    tmp_path: Path, closes: Closes
) -> None:
    rows = readings(4, EVENING, 40)
    bench = closes(Bench(tmp_path, EVENING + DAY_MS))
    for chunk in (rows[:20], rows[20:]):
        bench.commit(table(chunk))
        assert bench.rows("air_quality_1h", "pm25_ugm3_n")
    assert bench.rollups.waiting(bench.now_ms + 60_000)
    bench.restart()
    bench.settle()
    plain = closes(Bench(tmp_path, EVENING + DAY_MS))
    plain.commit(table(rows))
    plain.settle()
    assert bench.everything() == plain.everything()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**16),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    shuffled=st.booleans(),
)
def test_any_order_repetition_and_restart_gives_the_same_windows_and_indices(
    tmp_path: Path, seed: int, sizes: list[int], shuffled: bool, closes: Closes
) -> None:
    rows, mess = readings(seed, EVENING, 400), random.Random(seed)
    plain = closes(Bench(tmp_path, EVENING - HOUR_MS))
    for chunk in chunks(rows, [20]):
        plain.now_ms = chunk[-1][0] + 1000
        plain.commit(table(chunk))
    plain.settle()
    messy = closes(Bench(tmp_path, EVENING - HOUR_MS))
    parts = chunks(rows, sizes)
    parts += mess.sample(parts, len(parts) // 5)
    if shuffled:
        mess.shuffle(parts)
    for part in parts:
        messy.now_ms = max(messy.now_ms, part[-1][0] + mess.choice([0, 1000, 600_000]))
        messy.commit(table(part))
        if mess.random() < 0.1:
            messy.restart()
    messy.settle()
    expected = plain.everything()
    assert expected["p_air_index"]
    assert messy.everything() == expected


def test_an_hour_is_closed_from_memory_and_equals_what_the_database_says(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = range(NOON, NOON + 2 * HOUR_MS, MINUTE_MS)
    bench.commit(air([NOON - HOUR_MS], pm25_ugm3=[1.0]))
    for start in range(0, 120, 10):
        bench.now_ms = times[start + 9]
        bench.commit(air(times[start : start + 10], pm25_ugm3=[float(n) for n in range(start, start + 10)]))
    assert bench.rollups.counts["rebuilt_hours"] == 1  # the one in which the series was first seen
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", "pm25_ugm3_n", "completeness")[-1] == [NOON, 29.5, 60, 1.0]
    assert len(bench.rows("air_quality_1m", "pm25_ugm3_mean")) == 120  # the last minute is still open


def test_the_minute_in_which_a_collector_starts_is_told_whole_or_not_at_all(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON))
    for second, is_start in ((0, False), (20, False), (40, True), (60, False), (120, False)):
        bench.now_ms = NOON + 1000 * second
        if is_start:
            bench.restart()
        bench.commit(air([bench.now_ms], pm25_ugm3=[10.0]))
    assert bench.rows("air_quality_1m", "pm25_ugm3_n") == [[NOON + MINUTE_MS, 1]]
    bench.settle()
    assert bench.rows("air_quality_1m", "pm25_ugm3_n") == [[NOON, 3], [NOON + MINUTE_MS, 1], [NOON + 2 * MINUTE_MS, 1]]


def test_a_series_is_forgotten_when_it_has_been_silent_for_more_than_a_day_and_no_sooner() -> None:
    """What was told of it to the rules is forgotten with it."""
    windows = OpenWindows(lambda _: SHANGHAI)
    key = ("air_quality", AIR)
    for spoke in (NOON, NOON + 25 * HOUR_MS):
        windows.take(air([spoke], pm25_ugm3=[10.0]), spoke)
        over = spoke + HOUR_MS + 2 * MINUTE_MS
        for now in (spoke + MINUTE_MS, over - 1, over):
            assert windows.close_idle(now) == []
            is_closed = windows.due[key, spoke] == 0 or spoke in windows.hours[key]
            assert is_closed == (now == over), "a minute of silence does not end an hour"
    assert windows.close_idle(spoke + 26 * HOUR_MS - 1) == []
    assert windows.close_idle(spoke + 26 * HOUR_MS) == [key]
    assert windows.close_idle(spoke + 26 * HOUR_MS) == []


@pytest.mark.parametrize("anew", [False, True])
def test_windows_do_not_wait_for_a_time_to_which_a_clock_that_was_ahead_had_put_them_off(
    tmp_path: Path, anew: bool, closes: Closes
) -> None:
    """What came late, of a sensor that is silent since, was computed by the wrong time: a year later."""
    bench = closes(Bench(tmp_path, NOON + 365 * DAY_MS))
    bench.commit(air([NOON - 5 * HOUR_MS + n for n in range(20)], pm25_ugm3=[10.0] * 20))
    bench.commit(air([NOON + n for n in range(20)], pm25_ugm3=[10.0] * 20))
    bench.commit(air([NOON - 5 * HOUR_MS + 30], pm25_ugm3=[31.0]))
    bench.now_ms = NOON + 5 * MINUTE_MS
    if anew:
        bench.restart()
    for _ in range(8):
        bench.now_ms += 10 * MINUTE_MS
        bench.told += bench.rollups.step(bench.now_ms)
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean") == [[NOON - 5 * HOUR_MS, 11.0], [NOON, 10.0]]
    assert bench.rows("air_quality_1d", "pm25_ugm3_n") == []
    bench.settle()
    assert bench.rollups.waiting(bench.now_ms) == 0


def test_an_hour_that_began_by_a_clock_that_was_ahead_is_over_in_time_and_minutes_go_on_once_it_is_set_back() -> None:
    windows, key = OpenWindows(lambda _: SHANGHAI), ("air_quality", AIR)
    windows.take(air([NOON], pm25_ugm3=[10.0]), NOON + 8 * HOUR_MS)
    for minute in range(1, 4):
        windows.take(air([NOON + minute * MINUTE_MS], pm25_ugm3=[10.0]), NOON + minute * MINUTE_MS)
    assert list(windows.minutes[key]) == [NOON + MINUTE_MS, NOON + 2 * MINUTE_MS], (
        "it has seen them from their beginning"
    )
    windows.take(air([NOON + 4 * MINUTE_MS], pm25_ugm3=[10.0]), NOON + 8 * HOUR_MS)
    windows.close_idle(NOON + 4 * MINUTE_MS)
    windows.close_idle(NOON + HOUR_MS + 2 * MINUTE_MS)
    assert windows.due[key, NOON] == 0


def test_only_the_field_that_failed_leaves_its_windows(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    codes = ["pm25_raw_ugm3:range", None, "pm10_raw_ugm3:spike?"]
    times = [NOON, NOON + 1000, NOON + 2000]
    bench.commit(air(times, codes, pm25_ugm3=[9000.0, 10.0, 12.0], pm10_ugm3=[20.0, 30.0, 400.0]))
    bench.settle()
    names = ("pm25_ugm3_mean", "pm25_ugm3_max", "pm25_ugm3_n", "pm10_ugm3_mean", "pm10_ugm3_n", "qc")
    assert bench.rows("air_quality_1m", *names) == [[NOON, 11.0, 12.0, 2, 150.0, 3, 4]]


def test_a_backfilled_day_rewrites_the_windows_it_touches_and_no_other(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - DAY_MS))
    start = day_of(NOON, SHANGHAI)[0]
    for day in (0, 1, 2):
        if day == 1:
            continue  # this day comes late
        times = list(range(start + day * DAY_MS, start + (day + 1) * DAY_MS, MINUTE_MS))
        bench.now_ms = times[-1] + 1000
        bench.commit(air(times, pm25_ugm3=[40.0 + day] * len(times)))
    bench.settle()
    written: list[Any] = []
    write = bench.store.write
    bench.store.write = lambda rows: written.extend(rows) or write(rows)  # type: ignore[method-assign]
    times = list(range(start + DAY_MS, start + 2 * DAY_MS, MINUTE_MS))
    bench.commit(air(times, pm25_ugm3=[80.0] * len(times)))
    bench.settle()
    spans = {
        name: {row.time_ns // 1_000_000 for row in written if row.measurement == name}
        for name in {row.measurement for row in written}
    }
    assert spans["air_quality_1m"] == set(times)
    assert spans["air_quality_1h"] == set(range(start + DAY_MS, start + 2 * DAY_MS, HOUR_MS))
    assert spans["air_quality_1d"] == {start + DAY_MS}
    assert bench.rows("air_quality_1d", "pm25_ugm3_mean", "pm25_ugm3_n", "completeness") == [
        [start, 40.0, 24, 1.0],
        [start + DAY_MS, 80.0, 24, 1.0],
        [start + 2 * DAY_MS, 42.0, 24, 1.0],
    ]
    # an hourly index of the US or of 2012 looks back a day: so far, and no farther, its rows are renewed
    assert min(spans["air_index"]) >= start + DAY_MS
    assert max(spans["air_index"]) < start + 3 * DAY_MS


def test_the_rules_see_each_window_once_and_none_of_the_past(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = list(range(NOON, NOON + 4 * HOUR_MS, MINUTE_MS))
    for start in range(0, 240, 20):
        bench.now_ms = times[start + 19] + 1000
        bench.commit(air(times[start : start + 20], pm25_ugm3=[10.0] * 20))
    bench.commit(air([NOON + 30_000], pm25_ugm3=[500.0]))
    bench.settle()
    hours = [time for table in bench.told if table.measurement == "air_quality_1h" for time in table.times_ms]
    assert hours == [NOON, NOON + HOUR_MS, NOON + 2 * HOUR_MS, NOON + 3 * HOUR_MS]
    assert bench.rows("air_quality_1h", "pm25_ugm3_max")[0] == [NOON, 500.0]


def test_the_rules_see_an_hour_with_what_came_late_for_it_while_it_was_open(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    for minute in range(-60, 61):
        bench.now_ms = NOON + minute * MINUTE_MS
        bench.commit(air([bench.now_ms], pm25_ugm3=[10.0]))
        if minute == 30:
            bench.commit(air([NOON + 30_000], pm25_ugm3=[500.0]))
    bench.settle()
    told = [table for table in bench.told if table.measurement == "air_quality_1h" and table.times_ms[0] == NOON]
    assert [table.columns["pm25_ugm3_max"][0] for table in told] == [500.0]


def test_the_rules_see_the_new_hour_and_not_the_old_one_that_was_computed_with_it(
    tmp_path: Path, closes: Closes
) -> None:
    bench = closes(Bench(tmp_path, NOON + DAY_MS))
    for times in ([NOON], [NOON + MINUTE_MS, NOON + HOUR_MS]):
        bench.told.clear()
        bench.commit(air(times, pm25_ugm3=[10.0] * len(times)))
        bench.settle(days=0)
    hours = [table for table in bench.told if table.measurement == "air_quality_1h"]
    assert [(table.times_ms, table.columns["pm25_ugm3_n"]) for table in hours] == [([NOON + HOUR_MS], [1])]
    assert bench.rows("air_quality_1h", "pm25_ugm3_n") == [[NOON, 2], [NOON + HOUR_MS, 1]]


@pytest.mark.parametrize("now_ms", [NOON - HOUR_MS, NOON + DAY_MS], ids=["from memory", "from the database"])
def test_an_hour_says_how_much_of_it_was_there_and_how_far_it_went(now_ms: int, tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, now_ms))
    times = [NOON + n * MINUTE_MS for n in range(45)]
    bench.commit(Table("weather", AIR, times, {"temp_c": [float((n + 3) % 7 - 3) for n in range(45)]}))
    bench.settle()
    names = ("temp_c_min", "temp_c_max", "temp_c_n", "completeness", "qc")
    assert bench.rows("weather_1h", *names) == [[NOON, -3.0, 3.0, 45, 0.75, None]], "nobody judged it"
    assert bench.rows("weather_1d", *names) == [[day_of(NOON, SHANGHAI)[0], -3.0, 3.0, 1, 0.041667, None]]


def test_hours_that_another_collector_left_open_are_made_by_the_one_that_takes_over(
    tmp_path: Path, closes: Closes
) -> None:
    bench = closes(Bench(tmp_path, EVENING))
    table = air([EVENING - hour * HOUR_MS for hour in (4, 2, 1)], pm25_ugm3=[10.0] * 3, cq=[0.0] * 3)
    put(bench.store, table)  # by the other one
    bench.rollups.look_up(bench.now_ms)
    bench.settle()
    assert bench.rows("air_quality_1h", "pm25_ugm3_n") == [[EVENING - 2 * HOUR_MS, 1], [EVENING - HOUR_MS, 1]]


def test_a_late_reading_of_the_hour_that_was_closed_a_moment_before(tmp_path: Path, closes: Closes) -> None:
    """Both in one round: the hour is not stored from memory, and is computed with it."""
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    bench.commit(air(list(range(NOON, NOON + HOUR_MS, MINUTE_MS)), pm25_ugm3=[10.0] * 60))
    bench.now_ms = NOON + HOUR_MS + 5_000
    for table in (air([NOON + HOUR_MS], pm25_ugm3=[10.0]), air([NOON + 30_000], pm25_ugm3=[71.0])):
        put(bench.store, table)
        bench.rollups.observe([table], bench.now_ms)
    assert [table for table in bench.rollups.step(bench.now_ms) if table.measurement == "air_quality_1h"] == []
    bench.settle()
    names = ("pm25_ugm3_mean", "pm25_ugm3_max", "pm25_ugm3_n")
    assert bench.rows("air_quality_1h", *names)[0] == [NOON, round((59 * 10 + 40.5) / 60, 6), 71.0, 60]


def test_windows_wait_for_a_database_that_is_away(tmp_path: Path, closes: Closes) -> None:
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    write = bench.store.write
    times = list(range(NOON, NOON + HOUR_MS, MINUTE_MS))
    bench.commit(air(times, pm25_ugm3=[10.0] * 60))
    bench.store.write = lambda rows: Later("away")  # type: ignore[method-assign]  # noqa: ARG005
    bench.now_ms = NOON + 2 * HOUR_MS
    for _ in range(5):
        bench.now_ms += 20_000
        assert bench.rollups.step(bench.now_ms) == []
    bench.store.write = write  # type: ignore[method-assign]
    bench.settle()
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", "pm25_ugm3_n") == [[NOON, 10.0, 60]]


def test_a_takeover_with_a_full_disk_is_made_up_for_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes
) -> None:
    """The hour that this collector had open goes on in another one's memory; both halves are in the database."""
    bench = closes(Bench(tmp_path, NOON + MINUTE_MS))
    bench.commit(air([NOON], pm25_ugm3=[10.0]))
    bench.now_ms += 30 * MINUTE_MS
    other = air([NOON + 20 * MINUTE_MS], pm25_ugm3=[30.0])
    put(bench.store, other)

    def is_full(_: WindowBook) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(WindowBook, "nothing_is_live", is_full)
        bench.rollups.look_up(bench.now_ms)
        with pytest.raises(sqlite3.OperationalError):
            bench.rollups.step(bench.now_ms)
    bench.settle()
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", "pm25_ugm3_n") == [[NOON, 20.0, 2]]


def test_a_citys_hours_are_stored_over_some_steps_and_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes
) -> None:
    monkeypatch.setattr(rollups, "HOURS_AT_ONCE", 3)
    monkeypatch.setattr(window_maker, "ROWS_PER_WRITE", 10)
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = list(range(NOON, NOON + HOUR_MS, MINUTE_MS))
    names = [f"lp-{number}" for number in range(7)]
    for number, name in enumerate(names):
        tags = (("node", name), ("sensor", "air-1"), ("site", "s"))
        bench.rollups.observe([air(times, pm25_ugm3=[5.0 * number] * 60)._replace(tags=tags)], bench.now_ms)
        bench.rollups.observe([air([NOON + HOUR_MS], pm25_ugm3=[10.0])._replace(tags=tags)], NOON + HOUR_MS)
    written, asked = [], []
    write, select = bench.store.write, bench.store.select
    monkeypatch.setattr(bench.store, "write", lambda rows: (written.append(len(rows)), write(rows))[1])
    monkeypatch.setattr(bench.store, "select", lambda question: (asked.append(question), select(question))[1])
    hours = []
    for _ in range(3):
        hours.append(len({t.tags for t in bench.rollups.step(NOON + HOUR_MS) if t.measurement == "air_quality_1h"}))
    assert hours == [3, 3, 1]
    assert len(asked) == 3
    assert max(written) == 10
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean") == [[NOON, 5.0 * number] for number in range(7)]
    stored = bench.store.select(Select("air_index", ("value",), group_by=("node",)))
    indices = [1, 8, 15, 22, 29, 36, 43]  # HJ 633-2026: 50/35 of the mean, upwards; each node's own
    assert {s.tags["node"]: s.rows for s in stored} == {n: [[NOON, v]] for n, v in zip(names, indices, strict=True)}


def test_an_hour_that_is_told_twice_counts_once(tmp_path: Path, closes: Closes) -> None:
    """I-94 2017 repeats an hour once per weather word, 1892 times in all (simulator/real_data/README.md)."""
    with I94.open(newline="") as file:
        rows = [(row["time_local"], int(row["traffic_volume_veh_h"])) for row in csv.DictReader(file)]
    by_month: dict[str, list[tuple[int, int]]] = {}
    for text, volume in rows:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        by_month.setdefault(text[:7], []).append((round(moment.timestamp() * 1000), volume))
    bench = closes(Bench(tmp_path, min(by_month["2017-01"])[0], Reporting(ZoneInfo("UTC"))))
    for month in by_month.values():
        once = dict(month)
        again = dict(item for at, item in enumerate(month) if item in month[:at])
        for some in (once, again):
            times = sorted(some)
            bench.now_ms = max(bench.now_ms, times[-1])
            bench.commit(flow(times, count=[some[t] for t in times], duration_s=[3600.0] * len(times)))
    bench.settle()
    assert len(rows) == 10605
    hours = bench.rows("traffic_flow_1h", "count_sum", "count_n", "flow_vph_mean")
    assert len(hours) == 8713
    assert sum(row[1] for row in hours) == sum(row[1] for row in bench.rows("traffic_flow_1d", "count_sum")) == 29420221
    assert all(row[2] == 1 and row[3] == row[1] for row in hours)


def test_minutes_that_an_agent_thinned_enter_hours_and_days(tmp_path: Path, closes: Closes) -> None:
    """But for one whose readings had come before it: they count, and once."""
    bench = closes(Bench(tmp_path, NOON - HOUR_MS))
    times = list(range(NOON, NOON + HOUR_MS, MINUTE_MS))
    bench.commit(air(times[:30], pm25_ugm3=[10.0] * 30))
    thinned: dict[str, list[Any]] = {"pm25_ugm3_mean": [20.0] * 31, "pm25_ugm3_n": [60] * 31}
    bench.commit(Table("air_quality_1m", AIR, times[29:], thinned, frozenset({"pm25_ugm3_n"})))
    counts: dict[str, list[Any]] = {
        "count_mean": [5.0, 7.5],
        "count_n": [1, 2],
        "duration_s_mean": [60.0, 30.0],
        "duration_s_n": [1, 2],
        "speed_tms_kmh_mean": [80.0, 40.0],
    }
    bench.commit(flow([NOON], count=[5], duration_s=[60.0], speed_tms_kmh=[80.0]))
    bench.commit(
        Table("traffic_flow_1m", LANE, [NOON, NOON + MINUTE_MS], counts, frozenset({"count_n", "duration_s_n"}))
    )
    bench.settle()
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", "pm25_ugm3_n") == [[NOON, 15.0, 60]]
    names = ("count_sum", "duration_s_sum", "speed_tms_kmh_mean", "flow_vph_mean")
    assert bench.rows("traffic_flow_1h", *names) == [[NOON, 20, 120.0, 50.0, 600.0]]


def test_an_hour_of_noise_is_the_level_of_its_energy(tmp_path: Path, closes: Closes) -> None:
    """Leq of a minute of 90 dB in an hour of 50 dB is 72.2 dB, from memory and from the database alike."""
    levels = [90.0 if n == 30 else 50.0 for n in range(60)]
    truth = round(10 * math.log10((1e9 + 59e5) / 60), 6)
    bench = closes(Bench(tmp_path, NOON - 2 * HOUR_MS))
    for start_ms in (NOON, NOON + HOUR_MS):
        for n, level in enumerate(levels):
            bench.now_ms = start_ms + n * MINUTE_MS
            bench.commit(air([bench.now_ms], noise_db=[level]))
    bench.now_ms = NOON + 3 * HOUR_MS
    bench.settle()
    names = ("noise_db_mean", "noise_db_min", "noise_db_max")
    hours = [[start_ms, truth, 50.0, 90.0] for start_ms in (NOON, NOON + HOUR_MS)]
    assert bench.rows("air_quality_1h", *names) == hours
    bench.rollups.again(("air_quality", AIR), [NOON], bench.now_ms)
    bench.settle()
    assert bench.rows("air_quality_1h", *names) == hours


@pytest.mark.parametrize(
    ("kind", "tags", "odd"),
    [
        ("air_quality", AIR, {"pm25_ugm3_mean": 1104.0, "pm25_ugm3_max": 65535.0}),
        ("air_quality", AIR, {"noise_db_mean": -5000.0}),
        ("traffic_flow", LANE, {"n_speed_045_kmh_mean": -3.0, "n_speed_045_kmh_n": 1}),
    ],
)
def test_a_thinned_minute_in_which_a_sensor_said_what_cannot_be_leaves_its_hour(
    kind: str, tags: Any, odd: dict[str, float], tmp_path: Path, closes: Closes
) -> None:
    """A reading of 65535 was tested where it came alone; thinned among 59 others it was in the mean of the hour."""
    bench = closes(Bench(tmp_path, NOON + 2 * HOUR_MS))
    good = {"air_quality": "pm10_ugm3", "traffic_flow": "count"}[kind]
    columns: dict[str, list[Any]] = {f"{good}_mean": [20.0], f"{good}_n": [60]}
    columns |= {name: [value] for name, value in odd.items()}
    whole = frozenset(name for name in columns if name.endswith("_n"))
    bench.commit(Table(kind + "_1m", tags, [NOON], columns, whole))
    bench.settle()
    assert bench.rows(kind + "_1h", f"{good}_mean") == [[NOON, {"pm10_ugm3": 20.0, "count": 1200.0}[good]]]
    assert not any(bench.rows(kind + "_1h", next(iter(odd)), next(iter(odd)).replace("_mean", "_sum")))


def test_an_hour_that_breaks_its_making_keeps_no_other_from_being_made(tmp_path: Path, closes: Closes) -> None:
    """What stood in one task with it was put off with it, ten seconds each time, for ever."""
    bench = closes(Bench(tmp_path, NOON + 2 * HOUR_MS))
    told, ask = list[str](), bench.store.select

    def breaks(question: Select) -> Any:
        if question.where.get("node") == "lp-1":
            raise ArithmeticError
        return ask(question)

    bench.store.select = breaks  # type: ignore[method-assign]
    bench.rollups.on_broken = lambda what, error: told.append(f"{what}: {type(error).__name__}")
    there = tuple(dict(AIR, node="lp-2").items())
    tables = [air([NOON], pm25_ugm3=[10.0])._replace(tags=tags) for tags in (AIR, there)]
    for table in tables:
        bench.store.write(bench.store.render(table))
    bench.rollups.observe(tables, bench.now_ms)
    for _ in range(30):
        bench.now_ms += MINUTE_MS
        bench.rollups.step(bench.now_ms)
    assert told == ["the making of windows: ArithmeticError"]
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", node="lp-2") == [[NOON, 10.0]]
    bench.store.select = ask  # type: ignore[method-assign]
    bench.settle()
    assert bench.rows("air_quality_1h", "pm25_ugm3_mean", node="lp-1") == [[NOON, 10.0]], "mended by the next day"
