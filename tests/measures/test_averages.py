"""Means of what does not add up: directions and levels of sound."""

import pytest

from measures import averages


def test_directions_are_added_as_unit_vectors() -> None:
    assert averages.mean_direction_deg([350, 10]) == 0
    assert averages.mean_direction_deg([0, 90]) == 45
    assert averages.mean_direction_deg([200.125]) == 200.125
    assert averages.mean_direction_deg([359.9999]) == 0, "never 360"
    assert averages.mean_direction_deg([90, 270]) is None, "they cancel out"
    assert averages.mean_direction_deg([]) is None


def test_levels_are_added_as_energy() -> None:
    """ISO 1996-1: half of the time 80 dB and half 60 dB are 10 lg((10^8 + 10^6) / 2)."""
    assert averages.equivalent_level_db([80, 60]) == pytest.approx(77.0329, abs=1e-4)
    assert averages.equivalent_level_db([0, 0]) == 0
    assert averages.equivalent_level_db([]) is None
    assert averages.energy(9999) == averages.energy(1000), "a number that no sound has must not overflow"
    assert averages.equivalent_level_db([-9999]) == pytest.approx(-1000), "nor have no logarithm"


def test_each_quantity_has_the_mean_that_is_its_own() -> None:
    assert averages.mean_of("wind_dir_deg", [350, 10]) == 0
    assert averages.mean_of("noise_db", [50, 50]) == pytest.approx(50)
    assert averages.mean_of("noise_db", [80, 60]) == pytest.approx(77.0329, abs=1e-4)
    assert averages.mean_of("pm25_ugm3", [350, 10]) == 180
    for quantity in ("wind_dir_deg", "noise_db", "pm25_ugm3"):
        assert averages.mean_of(quantity, []) is None
