"""Indices of hours and days from hourly means: what one sensor's trouble does to the others, and what a day is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.numbers.indices import Scored, daily, hourly
from collector.numbers.reporting import STATES, GasState, Reporting, Standard
from collector.numbers.windows import day_of
from measures.gases import MOLAR_MASS_G_MOL, US_25C, ReferenceState, ugm3_from_ppb
from measures.index import Index
from wire.times import HOUR_MS

CHINA, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo = CHINA) -> int:
    """A local time in ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def hours_of(first_ms: int, **columns: Sequence[float | None]) -> dict[int, dict[str, Any]]:
    """Full hours one after the other, from columns of their means."""
    found: dict[int, dict[str, Any]] = {}
    for name, column in columns.items():
        for number, mean in enumerate(column):
            if mean is not None:
                found.setdefault(first_ms + number * HOUR_MS, {}).update({name + "_mean": mean, name + "_n": 60})
    return found


def hour_of(standard: Standard, gas_state: GasState = "25C", **means: float) -> Scored | None:
    """The index of one hour of 2026."""
    first_ms = at("2026-06-01T12:00")
    reporting = Reporting(CHINA, (standard,), gas_state)
    return hourly(standard, reporting, hours_of(first_ms, **{name: [mean] for name, mean in means.items()}), first_ms)


def day_of_us(day: str, hours: dict[int, dict[str, Any]]) -> Scored | None:
    """The US index of a day in New York; gases at 25 °C."""
    return daily("us", Reporting(NEW_YORK, ("us",)), hours, day_of(at(day + "T12:00", NEW_YORK), NEW_YORK))


def index_of(found: Scored | None) -> Index:
    """The index, which must be there."""
    assert found is not None
    assert found.index is not None
    return found.index


# A drifted sensor


def test_a_gas_far_below_zero_takes_away_its_own_part_of_the_european_index_and_no_other() -> None:
    alone = hour_of("eu", pm25_ugm3=120.0)
    beside = hour_of("eu", pm25_ugm3=120.0, no2_ugm3=-12.0)
    assert index_of(alone).category == "Very poor"
    assert beside == alone


def test_particles_far_below_zero_are_a_missing_pollutant_in_china() -> None:
    bad, good = hour_of("china", pm25_ugm3=-36.0, no2_ugm3=700.0), hour_of("china", pm25_ugm3=-36.0, no2_ugm3=20.0)
    assert (index_of(bad).value, index_of(bad).primary) == (
        150,
        ("NO2",),
    )  # HJ 633-2026 5.3.1: above 100 it is published
    assert good is not None
    assert good.index is None  # a good one is not: what is missing may be worse
    assert good.fields()["category"] == "NA"


def test_an_hour_far_below_zero_is_missing_in_nowcast_and_leaves_the_gases_alone() -> None:
    first_ms = at("2026-06-01T00:00", NEW_YORK)
    pm: list[float | None] = [20.0] * 12
    pm[6] = -10.0
    without: list[float | None] = [*pm]
    without[6] = None
    no2 = [None] * 11 + [300.0]
    reporting, now_ms = Reporting(NEW_YORK, ("us",)), first_ms + 11 * HOUR_MS
    found = hourly("us", reporting, hours_of(first_ms, pm25_ugm3=pm, no2_ugm3=no2), now_ms)
    assert found is not None
    assert found.parts.keys() == {"PM2.5", "NO2"}
    expected = hourly("us", reporting, hours_of(first_ms, pm25_ugm3=without, no2_ugm3=no2), now_ms)
    assert expected is not None
    assert found.parts == expected.parts


# Which hours an hour looks back to


@pytest.mark.parametrize(("standard", "count"), [("us", 12), ("china-2012", 24), ("uk", 24)])
@pytest.mark.parametrize("other", [-1, 0], ids=["the hour before them", "the hour after them"])
def test_particles_of_an_hour_are_those_of_the_hours_that_end_with_it(
    standard: Standard, count: int, other: int
) -> None:
    """NowCast of twelve hours (EPA-454/B-24-002), means of 24 (HJ 633-2012, DAQI): a dust storm beside them is none."""
    first_ms = at("2026-06-01T00:00")
    alone = hours_of(first_ms, pm25_ugm3=[20.0] * count)
    storm = hours_of(first_ms + (other if other else count) * HOUR_MS, pm25_ugm3=[500.0])
    newest_ms = first_ms + (count - 1) * HOUR_MS
    found = [hourly(standard, Reporting(CHINA, (standard,)), hours, newest_ms) for hours in (alone, alone | storm)]
    assert index_of(found[0]) == index_of(found[1])
    if count == 24:  # the oldest of NowCast's hours weighs a two thousandth here
        first = alone | hours_of(first_ms, pm25_ugm3=[900.0])
        dusty = hourly(standard, Reporting(CHINA, (standard,)), first, newest_ms)
        assert index_of(dusty).value > index_of(found[0]).value


@pytest.mark.parametrize("standard", ["china-2012", "china-2026"])
@pytest.mark.parametrize("first_bad_hour", [0, 16], ids=["the first eight hours", "the last eight hours"])
def test_a_chinese_day_of_ozone_is_its_worst_eight_hours_and_none_of_another_day(
    standard: Standard, first_bad_hour: int
) -> None:
    """HJ 633: 200 µg/m³ lie between 160 (100) and 215 (150)."""
    day = day_of(at("2026-06-01T12:00"), CHINA)
    hours = [20.0] * 24
    hours[first_bad_hour : first_bad_hour + 8] = [200.0] * 8
    around = hours_of(day[0] - 8 * HOUR_MS, o3_ugm3=[500.0] * 8 + hours + [500.0] * 8)
    found = daily(standard, Reporting(CHINA, (standard,)), around, day)
    assert found is not None
    assert found.parts == {"O3": 137}


@pytest.mark.parametrize(("hours_after", "is_monitored"), [(-24, False), (-23, True), (0, True), (1, False)])
def test_monitored_is_what_had_a_value_in_the_24_hours_that_end_with_an_hour(
    hours_after: int, is_monitored: bool
) -> None:
    """HJ 633-2026 5.3.1: an index up to 100 is NA while a pollutant is missing; one that nobody measures is not."""
    newest_ms = at("2026-06-01T12:00")
    scanty = {newest_ms + hours_after * HOUR_MS: {"no2_ugm3_mean": 20.0, "no2_ugm3_n": 44}}
    hours = hours_of(newest_ms, pm25_ugm3=[20.0])
    for time_ms, fields in scanty.items():
        hours[time_ms] = hours.get(time_ms, {}) | fields
    found = hourly("china-2026", Reporting(CHINA), hours, newest_ms)
    assert found is not None
    assert (found.index is None) == is_monitored


@pytest.mark.parametrize(("highest", "value"), [(160.0, None), (160.5, None), (160.6, 101), (161.0, 101)])
def test_a_chinese_day_of_ozone_above_the_limit_counts_although_hours_are_missing(
    highest: float, value: int | None
) -> None:
    """HJ 663-2013: with fewer than 14 eight-hour means a maximum above 160 µg/m³ is valid, rounded by GB/T 8170."""
    day = day_of(at("2026-06-01T12:00"), CHINA)
    found = daily("china-2026", Reporting(CHINA), hours_of(day[0], o3_ugm3=[highest] * 12), day)
    assert found is not None
    assert (found.index.value if found.index else None) == value


@pytest.mark.parametrize(("count", "category"), [(1, "NA"), (12, "NA"), (24, "优")])
def test_a_day_of_2012_is_not_known_by_the_ozone_of_a_few_of_its_hours(count: int, category: str) -> None:
    """A station that began at 23:00, with 212 µg/m³ of PM2.5, had a good day by its one hour of ozone."""
    day = day_of(at("2016-06-01T12:00"), CHINA)
    air = hours_of(day[1] - count * HOUR_MS, o3_ugm3=[8.0] * count)
    air[day[1] - HOUR_MS] |= {"pm25_ugm3_mean": 212.0, "pm25_ugm3_n": 60}
    found = daily("china-2012", Reporting(CHINA, ("china-2012",)), air, day)
    assert found is not None
    assert found.fields()["category"] == category


@pytest.mark.parametrize("minutes", [44, 45])
def test_an_hour_or_a_day_without_enough_of_its_only_pollutant_is_na(minutes: int) -> None:
    """HJ 633-2026 5.3.1: it is published as NA. Left out, the number of before would stay where air was corrected."""
    day = day_of(at("2026-06-01T12:00"), CHINA)
    hours = {day[0] + n * HOUR_MS: {"pm25_ugm3_mean": 20.0, "pm25_ugm3_n": minutes} for n in range(24)}
    for found in (hourly("china", Reporting(CHINA), hours, day[0]), daily("china", Reporting(CHINA), hours, day)):
        assert found is not None
        assert (found.fields()["category"], found.parts) == (("优", {"PM2.5": 29}) if minutes == 45 else ("NA", {}))
    assert daily("china", Reporting(CHINA), {}, day) is None


def test_clean_air_is_due_to_nothing_and_each_pollutant_has_a_field() -> None:
    clean, foul = (
        hour_of("china-2026", pm25_ugm3=10.0, co_mgm3=0.0),
        hour_of("china-2026", pm25_ugm3=60.0, o3_ugm3=200.0),
    )
    assert clean is not None
    assert foul is not None
    shares = {"level": 1, "completeness": 1.0, "pm25_index": 15, "co_index": 0}
    assert clean.fields() == {"value": 15, "category": "优", "primary": "-", **shares}
    shares = {"level": 2, "completeness": 1.0, "pm25_index": 100, "o3_index": 100}
    assert foul.fields() == {"value": 100, "category": "良", "primary": "O3,PM2.5", **shares}


# States of gases


@pytest.mark.parametrize(("day", "value"), [("2018-08-31", 102), ("2018-09-01", 95)])
def test_gases_of_before_the_amendment_of_2018_are_taken_as_they_were_published(day: str, value: int) -> None:
    span, reporting = day_of(at(day + "T12:00"), CHINA), Reporting(CHINA, ("china",), "0C")
    hours = hours_of(span[0], no2_ugm3=[83.0] * 24)
    assert index_of(daily("china", reporting, hours, span)).value == value
    for hour_ms in (span[0], span[1] - HOUR_MS):
        found = hourly("china", reporting, hours_of(hour_ms, no2_ugm3=[204.0]), hour_ms)
        assert (index_of(found).value > 100) == (value > 100)


@pytest.mark.parametrize(("gas_state", "stored"), [("25C", 200.0), ("20C", 203.4), ("0C", 218.3)])
def test_china_means_gases_at_25_degrees_whatever_they_are_stored_at(gas_state: GasState, stored: float) -> None:
    found = index_of(hour_of("china", gas_state, no2_ugm3=stored))
    assert (found.value, found.category) == (100, "良")


# A day in the United States


def test_a_day_of_gases_needs_eighteen_hours() -> None:
    first_ms = at("2026-01-10T00:00", NEW_YORK)
    assert day_of_us("2026-01-10", hours_of(first_ms, no2_ugm3=[300.0] * 17)) is None
    found = day_of_us("2026-01-10", hours_of(first_ms, no2_ugm3=[300.0] * 18))
    assert index_of(found).value == 112


@pytest.mark.parametrize(("ppb", "value"), [(70.9, None), (71.0, 101)])
def test_a_day_of_much_ozone_counts_although_hours_are_missing(ppb: float, value: int | None) -> None:
    """40 CFR 50 App. U section 3: with fewer than 13 eight-hour means a maximum above 0.070 ppm is valid."""
    first_ms = at("2026-01-10T10:00", NEW_YORK)
    o3 = ppb * 47.998 / US_25C.litres_per_mol
    found = day_of_us("2026-01-10", hours_of(first_ms, o3_ugm3=[o3] * 12))
    assert (index_of(found).value if found else None) == value


def test_carbon_monoxide_of_an_evening_counts_where_its_eight_hours_end() -> None:
    first_ms = at("2026-01-10T00:00", NEW_YORK)
    co = [0.0] * 17 + [12.0] * 8 + [0.0] * 23  # 17:00 to 01:00
    before, after = (day_of_us(day, hours_of(first_ms, co_mgm3=co)) for day in ("2026-01-10", "2026-01-11"))
    assert index_of(before).value == 97  # seven of the eight hours: 9.1 ppm
    assert index_of(after).value == 116  # all eight: 10.4 ppm


def test_a_day_in_summer_is_one_of_standard_time() -> None:
    assert datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(NEW_YORK).dst()
    first_ms = at("2026-07-01T00:00", NEW_YORK)
    no2 = [300.0] + [10.0] * 24  # 00:00 in summer is 23:00 of the day before
    found = day_of_us("2026-07-01", hours_of(first_ms, no2_ugm3=no2))
    assert index_of(found).value < 50
    no2 = [10.0] * 24 + [300.0]
    found = day_of_us("2026-07-01", hours_of(first_ms, no2_ugm3=no2))
    assert index_of(found).value == 112


@pytest.mark.parametrize(("place", "day"), [("America/Havana", "2026-03-08"), ("Africa/Cairo", "2026-04-24")])
def test_a_day_of_standard_time_begins_at_its_midnight_also_where_the_clock_goes_on_just_then(
    place: str, day: str
) -> None:
    zone = ZoneInfo(place)
    span = day_of(at(day + "T12:00", zone), zone)
    assert datetime.fromtimestamp(span[0] / 1000, zone).hour == 1, "there is no 00:00"
    no2 = [300.0] + [10.0] * 24
    found = daily("us", Reporting(zone, ("us",)), hours_of(span[0], no2_ugm3=no2), span)
    assert index_of(found).value == 112


# Means that lie on a breakpoint


@pytest.mark.parametrize(
    ("name", "gas", "per_ppm", "tops"),
    [
        ("co_mgm3", "CO", 1, "4.4 9.4 12.4 15.4 30.4"),
        ("o3_ugm3", "O3", 1000, "0.054 0.070 0.085 0.105"),
        ("no2_ugm3", "NO2", 1000, "0.053 0.100 0.360 0.649 1.249"),
        ("so2_ugm3", "SO2", 1000, "0.035 0.075 0.185"),
    ],
)
@pytest.mark.parametrize(("gas_state", "state"), STATES.items())
def test_a_gas_on_the_first_step_of_a_level_is_not_truncated_to_the_level_below(
    name: str, gas: str, per_ppm: int, tops: str, gas_state: GasState, state: ReferenceState
) -> None:
    """4.5 ppm of carbon monoxide, stored as mg/m³ with six decimals and converted back, are 4.4999997."""
    first_ms = at("2026-06-01T00:00", NEW_YORK)
    reporting = Reporting(NEW_YORK, ("us",), gas_state)
    step = Decimal("0.1") if gas == "CO" else Decimal("0.001")
    for level, top in enumerate(tops.split(), start=1):
        for ppm, expected in ((Decimal(top), level), (Decimal(top) + step, level + 1)):
            mean = round(ugm3_from_ppb(ppm * per_ppm, MOLAR_MASS_G_MOL[gas], state), 6)
            found = hourly("us", reporting, hours_of(first_ms, **{name: [mean] * 8}), first_ms + 7 * HOUR_MS)
            assert index_of(found).level == expected, ppm
