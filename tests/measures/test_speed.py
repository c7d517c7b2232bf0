"""Spot speeds: the two means keep Wardrop's order, and a histogram never loses more than its bin."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.speed import (
    BIN_KMH,
    merged_space_mean_kmh,
    merged_time_mean_kmh,
    percentile_85_kmh,
    percentile_from_histogram,
    space_mean_kmh,
    time_mean_kmh,
)

SPEEDS = st.lists(st.floats(0, 250), min_size=1, max_size=60)
MOVING = st.lists(st.floats(0.5, 250), min_size=1, max_size=30)


def test_no_vehicle_has_no_speed() -> None:
    for mean in (time_mean_kmh, space_mean_kmh, percentile_85_kmh):
        assert mean([]) is None
        assert mean([None, None]) is None
    assert percentile_from_histogram([], 85) is None
    assert percentile_from_histogram([0, 0, 0], 85) is None


def test_a_missing_reading_is_left_out_and_zero_is_kept() -> None:
    assert time_mean_kmh([None, 0, 10]) == 5
    assert space_mean_kmh([None, 0, 10]) == 0
    assert percentile_85_kmh([None, 0]) == 0


@pytest.mark.parametrize("speed", [-1.0, math.nan, math.inf])
def test_what_is_no_speed_is_named(speed: float) -> None:
    with pytest.raises(ValueError, match="km/h is no speed"):
        time_mean_kmh([50, speed])


@settings(max_examples=60)
@given(SPEEDS)
def test_means_and_percentile_lie_within_the_speeds_and_space_is_below_time(speeds: list[float]) -> None:
    time_mean, space_mean, v85 = time_mean_kmh(speeds), space_mean_kmh(speeds), percentile_85_kmh(speeds)
    assert time_mean is not None
    assert space_mean is not None
    assert v85 is not None
    slack = 1e-9 * (1 + max(speeds))
    assert min(speeds) - slack <= space_mean <= time_mean + slack <= max(speeds) + 2 * slack
    assert min(speeds) <= v85 <= max(speeds)
    assert sum(speed <= v85 + slack for speed in speeds) >= 0.85 * (len(speeds) - 1)


def histogram(speeds: list[float]) -> list[int]:
    bins = [int(speed // BIN_KMH) for speed in speeds]
    return [bins.count(at) for at in range(max(bins) + 1)]


@settings(max_examples=100)
@given(SPEEDS)
def test_v85_of_a_histogram_is_less_than_a_bin_off(speeds: list[float]) -> None:
    exact, rebuilt = percentile_85_kmh(speeds), percentile_from_histogram(histogram(speeds), 85)
    assert exact is not None
    assert rebuilt is not None
    assert abs(rebuilt - exact) <= BIN_KMH


@settings(max_examples=40)
@given(MOVING, MOVING)
def test_intervals_add_up_to_the_mean_of_all_their_vehicles(first: list[float], second: list[float]) -> None:
    counts = [len(first), len(second), 0]
    times = [time_mean_kmh(first), time_mean_kmh(second), None]
    spaces = [space_mean_kmh(first), space_mean_kmh(second), None]
    assert merged_time_mean_kmh(times, counts) == pytest.approx(time_mean_kmh(first + second))
    assert merged_space_mean_kmh(spaces, counts) == pytest.approx(space_mean_kmh(first + second))


def test_an_interval_without_vehicles_has_no_say() -> None:
    assert merged_time_mean_kmh([50.0, 0.0], [10, 0]) == 50
    assert merged_space_mean_kmh([50.0, 0.0], [10, 0]) == 50
    assert merged_time_mean_kmh([50.0], [0]) is None
    assert merged_space_mean_kmh([None], [3]) is None
    for mean, count in ((math.inf, 3), (math.nan, 3), (-1.0, 3), (50.0, -1)):
        with pytest.raises(ValueError, match="neither may be below 0"):
            merged_time_mean_kmh([mean], [count])


def test_a_vehicle_that_stood_stops_the_space_mean_and_one_that_crept_does_not() -> None:
    assert merged_space_mean_kmh([50.0, 0.0], [10, 1]) == 0
    crept = 5e-324  # the reciprocal of it is no number
    assert space_mean_kmh([crept, 100.0]) == merged_space_mean_kmh([crept, 100.0], [1, 1]) == 2 * crept


def test_a_histogram_holds_no_fewer_than_nobody() -> None:
    with pytest.raises(ValueError, match="fewer than 0 vehicles"):
        percentile_from_histogram([3, -1], 85)
