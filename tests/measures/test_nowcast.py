"""NowCast stays within its hours, remembers gaps, and needs the present."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.index import NotInStandard
from measures.nowcast import nowcast

HOURS = st.lists(st.none() | st.floats(0, 900), min_size=12, max_size=12)


@settings(max_examples=60)
@given(HOURS)
def test_it_lies_between_the_hours_and_needs_two_of_the_newest_three(hours: list[float | None]) -> None:
    found = nowcast("PM2.5", hours)
    present = [hour for hour in hours if hour is not None]
    if sum(hour is not None for hour in hours[-3:]) < 2:
        assert found is None
        return
    assert found is not None
    assert min(present) - 1e-9 <= found.mean_ugm3 <= max(present) + 1e-9
    assert Fraction(1, 2) <= found.weight <= 1
    assert found.mean_ugm3 - Fraction(1, 10) < found.value_ugm3 <= found.mean_ugm3


def test_equal_hours_are_their_own_nowcast() -> None:
    found = nowcast("PM10", [42.9] * 12)
    assert found is not None
    assert found.weight == 1
    assert found.value_ugm3 == 42


def test_a_gap_keeps_its_place() -> None:
    found = nowcast("PM2.5", [40, None, 10])
    assert found is not None
    assert found.mean_ugm3 == (10 + Fraction(1, 4) * 40) / (1 + Fraction(1, 4))


def test_the_newest_hour_may_be_missing_and_old_hours_are_left_out() -> None:
    assert nowcast("PM2.5", [10, 10, None]) is not None
    assert nowcast("PM2.5", [500] * 30 + [7] * 12) == nowcast("PM2.5", [7] * 12)
    assert nowcast("PM2.5", []) is None


def test_noise_counts_as_zero_and_a_code_is_refused() -> None:
    assert nowcast("PM2.5", [-1, -2, -0.5]) == nowcast("PM2.5", [0, 0, 0])
    with pytest.raises(ValueError, match="-999"):
        nowcast("PM2.5", [5, 5, -999])


def test_an_hour_of_zero_is_a_value_like_any_other() -> None:
    found = nowcast("PM2.5", [30, 0, 30])
    assert found is not None
    assert found.weight == Fraction(1, 2)
    assert found.mean_ugm3 == (30 + Fraction(30, 4)) / (1 + Fraction(1, 2) + Fraction(1, 4))


@pytest.mark.parametrize(("pollutant", "noise"), [("PM2.5", 9), ("PM10", 54)])
def test_noise_is_as_wide_as_the_cleanest_band(pollutant: str, noise: int) -> None:
    assert nowcast(pollutant, [0, -noise]) == nowcast(pollutant, [0, 0])
    with pytest.raises(ValueError, match="is no concentration"):
        nowcast(pollutant, [0, -noise - 0.1])


def test_there_is_none_for_ozone() -> None:
    with pytest.raises(NotInStandard, match="NowCast has no O3"):
        nowcast("O3", [50] * 12)
