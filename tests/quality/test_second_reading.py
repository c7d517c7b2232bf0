"""Two readings of the standards agree on the indices of any hours and days, to the hour that looks furthest back."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.numbers.indices import Scored, daily, hourly
from collector.numbers.reporting import GasState, Reporting, Standard
from collector.numbers.windows import day_of
from tests.quality import second_reading as second
from tests.quality.second_reading import FIELDS, Air, Read
from wire.times import HOUR_MS

ZONES = {"Asia/Shanghai": 8, "America/New_York": -5, "Europe/London": 0}
"""Places with the hours of their standard time."""
DAYS = ("2026-02-28", "2026-03-01", "2026-03-08", "2026-03-29", "2026-11-01", "2024-02-29")
"""Ordinary ones, those on which China's edition or a clock changes, and a leap day."""
HIGHEST = {"PM2.5": 700, "PM10": 900, "NO2": 4500, "O3": 1400, "SO2": 3000, "CO": 170}
HOURLY: dict[Standard, Callable[[Air, int], Read]] = {
    "china-2012": lambda air, hour: second.china_hour(air, hour, 2012),
    "china-2026": lambda air, hour: second.china_hour(air, hour, 2026),
    "us": second.us_hour,
    "eu": second.eu_hour,
    "uk": second.uk_hour,
}


def some_hours(seed: int, first: int, count: int) -> dict[int, dict[str, Any]]:
    """Hours as they are stored: of few pollutants or many, clean or foul, whole, scanty or away."""
    rng = random.Random(seed)
    kept = rng.choice((0.6, 0.8, 0.95, 1.0))
    hours: dict[int, dict[str, Any]] = {}
    for name in rng.sample([*FIELDS], rng.randint(1, len(FIELDS))):
        middle = rng.random() ** 3 * HIGHEST[name]
        for hour in range(first, first + count):
            if rng.random() < kept:
                mean = round(middle * rng.uniform(0.6, 1.4) if rng.random() < 0.9 else rng.uniform(-0.5, 3), 3)
                fields = {FIELDS[name] + "_mean": mean, FIELDS[name] + "_n": rng.choice((60, 60, 60, 45, 44, 61))}
                hours.setdefault(hour, {}).update(fields)
    return hours


def told(score: Scored | None) -> Read:
    """What is stored of an index, as the second reading tells it."""
    if score is None:
        return None
    index = score.index
    value, primary = (None, ()) if index is None else (index.value, index.primary)
    return value, score.parts, primary, score.completeness


@pytest.mark.parametrize("standard", [*HOURLY])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), state=st.sampled_from(["0C", "20C", "25C"]))
def test_of_an_hour(standard: Standard, seed: int, state: GasState) -> None:
    newest = 490_000  # in 2025
    hours = some_hours(seed, newest - 26, 30)
    stored = {hour * HOUR_MS: fields for hour, fields in hours.items()}
    found = hourly(standard, Reporting(ZoneInfo("Asia/Shanghai"), (standard,), state), stored, newest * HOUR_MS)
    assert told(found) == HOURLY[standard](Air(hours, state), newest)


@pytest.mark.parametrize("standard", ["china", "us"])
@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    state=st.sampled_from(["0C", "20C", "25C"]),
    place=st.sampled_from([*ZONES]),
    day=st.sampled_from(DAYS),
)
def test_of_a_day(standard: Standard, seed: int, state: GasState, place: str, day: str) -> None:
    zone, date = ZoneInfo(place), datetime.fromisoformat(day)
    first, end = (round((date + timedelta(days=n)).replace(tzinfo=zone).timestamp()) // 3600 for n in (0, 1))
    hours = some_hours(seed, first - 9, 44)
    stored = {hour * HOUR_MS: fields for hour, fields in hours.items()}
    span = day_of((first + 12) * HOUR_MS, zone)
    assert span == (first * HOUR_MS, end * HOUR_MS)
    found = told(daily(standard, Reporting(zone, (standard,), state), stored, span))
    if standard == "us":
        midnight = round((date - datetime(1970, 1, 1)).total_seconds()) // 3600 - ZONES[place]
        assert found == second.us_day(Air(hours, state), midnight)
    else:
        edition = 2026 if day >= "2026-03-01" else 2012
        assert found == second.china_day(Air(hours, state), first, end - first, edition)
