"""The city: pure, ordered as physics wants it, and like the real data within the tolerances stated."""

from __future__ import annotations

import random
from itertools import pairwise, product
from pathlib import Path

import pytest

from simulator.city.city import City, Place
from simulator.city.events import EVENTS, Event
from simulator.city.likeness import compare
from simulator.city.replayed import Replayed
from simulator.scenario.scenario import load
from wire.times import HOUR_MS

NOON = 1_767_240_000_000  # 2026-01-01T12:00 in Beijing
MAY = 1_777_564_800_000  # 2026-05-01T00:00 there


@pytest.mark.long
@pytest.mark.parametrize("seed", [7])
def test_a_year_has_the_shape_of_the_real_data(seed: int) -> None:
    assert [check for check in compare(seed).checks if not check.kept] == []


def test_any_time_may_be_asked_in_any_order() -> None:
    times = [NOON + 37_001 * step for step in range(60)]
    there = [City(3).world("lp-0001", time) for time in times]
    rng = random.Random(1)
    city, mixed = City(3), list(enumerate(times))
    rng.shuffle(mixed)
    for at, time in mixed:
        assert city.world("lp-0001", time) == there[at]
    assert City(4).world("lp-0001", NOON) != there[0]
    assert city.world("lp-0002", NOON) != there[0]


@pytest.mark.parametrize("kind", EVENTS)
def test_sizes_are_ordered_and_nothing_is_negative_in_any_event(kind: str) -> None:
    city = City(5, (Event(kind, NOON - 6 * HOUR_MS, NOON + 30 * HOUR_MS, 1.5),))
    for step in range(150):
        time = NOON + step * 900_000
        air, sky = city.air("lp-0001", time), city.weather(time)
        assert 0 < air.pm1_ugm3 <= air.pm25_ugm3 <= air.pm10_ugm3
        assert min(air) > 0
        assert 0 < sky.rh_pct <= 100
        assert 0 <= sky.wind_dir_deg < 360
        assert sky.wind_speed_ms > 0


def test_a_street_is_louder_by_day_and_rain_is_an_intensity() -> None:
    city = City(7)
    night, rush = (city.world("a", NOON + hours * HOUR_MS)["noise_db"] for hours in (15, 20))
    assert 45 < night < rush - 5 < 75
    assert City(7, (Event("rain", NOON - HOUR_MS, NOON + HOUR_MS),)).world("a", NOON)["rain_rate_mmh"] > 2


def test_the_first_drop_of_rain_changes_little() -> None:
    """Relative humidity went from 16 % to 98 % within a second, ozone by 8 µg/m³, PM10 to half."""
    city = City(7)
    dry_ms = next(t for t in range(MAY, MAY + 31 * 24 * HOUR_MS, 600_000) if city.weather(t + 600_000).rain_mm_h > 0)
    wet_ms = dry_ms + 600_000
    while wet_ms - dry_ms > 1000:
        middle = (dry_ms + wet_ms) // 2
        dry_ms, wet_ms = (dry_ms, middle) if city.weather(middle).rain_mm_h > 0 else (middle, wet_ms)
    before, after = city.world("a", dry_ms), city.world("a", wet_ms)
    assert 0 < after["rain_rate_mmh"] < 0.1
    for name in ("rh_pct", "o3_ugm3", "pm10_ugm3"):
        assert after[name] == pytest.approx(before[name], rel=0.02), name


def test_a_replayed_wind_turns_the_shorter_way(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("time,wd_deg,ws_ms\n2020-01-01T00:00,350,1\n2020-01-01T01:00,20,3\n")
    replayed = Replayed(str(file), "2020-01-01T00:00", NOON)
    found = [replayed.at(NOON + n * HOUR_MS // 6)["wind_dir_deg"] for n in range(7)]
    assert found == pytest.approx([350, 355, 0, 5, 10, 15, 20])


def test_each_event_does_what_it_says() -> None:
    quiet = City(7)

    def with_event(kind: str, time: int) -> City:
        return City(7, (Event(kind, time - 4 * HOUR_MS, time + 4 * HOUR_MS),))

    night, rush = NOON + 10 * HOUR_MS, NOON + 24 * HOUR_MS + 20 * HOUR_MS  # a Saturday's eight o'clock
    before, smoke = quiet.air("a", night), with_event("fireworks", night).air("a", night)
    assert smoke.pm25_ugm3 > before.pm25_ugm3 + 300
    dust = with_event("dust", NOON).air("a", NOON)
    assert dust.pm10_ugm3 > 4 * dust.pm25_ugm3
    still = with_event("inversion", night)
    assert still.air("a", night).no2_ugm3 > before.no2_ugm3
    assert still.weather(night).mixing_m < quiet.weather(night).mixing_m
    flow, jam = quiet.traffic("a").flow(rush), with_event("jam", rush).traffic("a").flow(rush)
    assert jam.load > 1.5 * flow.load
    assert with_event("accident", rush).traffic("a").flow(rush).speed_kmh < 0.7 * flow.speed_kmh
    wet = with_event("rain", NOON)
    assert wet.weather(NOON).rain_mm_h > 2
    assert wet.air("a", NOON).pm25_ugm3 < quiet.air("a", NOON).pm25_ugm3


@pytest.mark.parametrize("seed", [5, 28, 49, 57, 60])
def test_under_an_inversion_the_air_fills_up_whatever_front_there_was(seed: int) -> None:
    """With these seeds a front had just swept the city, and three hours of inversion left it clean."""
    night = load("temperature-inversion")
    city, due_ms = night.city(seed), night.start_ms + 4 * HOUR_MS
    assert city.weather(due_ms).calm >= 2 * night.events[0].strength
    assert min(city.air("lp-0001", due_ms - n * HOUR_MS // 10).pm25_ugm3 for n in range(6)) > 120


@pytest.mark.parametrize("seed", [5, 25, 42, 68, 79, 81])
def test_a_drifting_sensor_stands_out_from_streets_that_differ_in_its_time(seed: int) -> None:
    """Where the air is clean a street has twice the dust of another: it showed too early or too late."""
    wants = load("sensor-drift")
    city, (drift,), (alert,) = wants.city(seed), wants.orders(), wants.expected_alerts(wants.start_ms + 3 * HOUR_MS)

    def unlike(end_ms: int) -> float:
        """How much more the sensor reads than its neighbours, in the mean of half an hour."""
        reads = dict.fromkeys(wants.nodes(), 0.0)
        for node, time_ms in product(reads, range(end_ms - HOUR_MS // 2, end_ms, HOUR_MS // 12)):
            hours = max(0.0, (time_ms - wants.start_ms) / 1000 - drift.from_s) / 3600
            factor = 1 + drift.amount * hours if drift.strikes(node, "air-1") else 1
            reads[node] += factor * city.air(node, time_ms).pm25_ugm3
        mine = reads.pop("lp-0002")
        return mine / (sum(reads.values()) / len(reads)) - 1

    assert unlike(alert["from_ms"]) < 0.85
    assert unlike(alert["until_ms"] - 5 * 60_000) > 1.0


def test_any_csv_is_replayed_by_the_names_of_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "time,pm25_raw_ugm3,co_ugm3,flow_vph,odd\n2020-01-01T00:00Z,10,500,100,x\n2020-01-01T01:00Z,30,,300,y\n"
    )
    replayed = Replayed(str(file), "2020-01-01T00:00", NOON)
    city = City(7, replayed=(replayed,))
    half = city.world("a", NOON + HOUR_MS // 2)
    assert half["pm25_ugm3"] == pytest.approx(20)
    assert half["co_mgm3"] == 0.5
    assert half["pm1_ugm3"] < half["pm25_ugm3"] < half["pm10_ugm3"]
    assert city.traffic("a").activity(NOON) == pytest.approx(0.5)
    for text, told in (("2020-01-01T00:00,NA", r"mine.csv:2: '2020-01-01T00:00' and pm25_ugm3 'NA'"),
                       ("2019-12-01T00:00,7", "pm25_ugm3 has nothing of 2020-01-01T00:00")):  # fmt: skip
        file.write_text(f"time,pm25_ugm3\n{text}\n")
        with pytest.raises(ValueError, match=told):
            Replayed(str(file), "2020-01-01T00:00", NOON)
    file.write_text("hour,pm25_ugm3\n1,2\n")
    with pytest.raises(ValueError, match="no column whose name begins with time"):
        Replayed(str(file), "2020-01-01T00:00", NOON)


def test_vehicles_are_the_same_asked_whole_or_in_parts_and_keep_their_distance() -> None:
    traffic = City(7).traffic("lp-0001")
    start = NOON + 19 * HOUR_MS
    whole = traffic.vehicles(start, start + 2 * HOUR_MS)
    parts = [one for cut in range(8) for one in traffic.vehicles(start + cut * 900_000, start + (cut + 1) * 900_000)]
    assert whole == parts
    assert len(whole) > 100
    for sign in (1, -1):
        lane = [one for one in whole if one.speed_kmh * sign > 0]
        assert min(b.time_ms - a.time_ms for a, b in pairwise(lane)) >= 1000
    hourly = sum(traffic.flow(start + n * 600_000, d).vph for n in range(12) for d in ("in", "out")) / 6
    assert len(whole) == pytest.approx(hourly, rel=0.15)


def test_co2_of_a_street_rises_by_night_and_in_the_morning_rush() -> None:
    """It swung by 8 ppm over a summer's day. Side streets of cities: 20 to 60, workdays' mornings 15 to 40 above
    weekends' (Idso et al. 2002, Phoenix: 22 to 36); the mean of Beijing is 448 (Yang et al. 2021)."""
    city = City(7, places=(Place("side", 300, 0.05), Place("kerb", 300, 0.8)))
    days = [MAY + day * 24 * HOUR_MS for day in range(91)]

    def mean(place: str, hour: int, weekdays: range = range(7)) -> float:
        found = [city.air(place, t + hour * HOUR_MS).co2_ppm for n, t in enumerate(days) if (n + 4) % 7 in weekdays]
        return sum(found) / len(found)  # the first of May 2026 is a Friday

    day = [mean("side", hour) for hour in range(24)]
    assert 430 < sum(day) / 24 < 460
    assert 20 < max(day) - min(day) < 60
    assert day[14] + 15 < day[3] < day[7]
    assert 15 < mean("side", 7, range(5)) - mean("side", 7, range(5, 7)) < 40
    assert mean("kerb", 8) > mean("side", 8) + 40
