"""Decimals are what they read as, and each standard rounds its own way."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measures.rounding import Number, exact, half_even, half_up, truncated, upward

DECIMALS = st.decimals(-10_000, 10_000, allow_nan=False, places=4)


@pytest.mark.parametrize(
    ("text", "decimals", "rounded"),
    [
        *(("0.5", 0, "0"), ("1.5", 0, "2"), ("2.5", 0, "2"), ("-2.5", 0, "-2"), ("-0.4", 0, "0")),
        *(("2.05", 1, "2.0"), ("2.15", 1, "2.2"), ("2.0500001", 1, "2.1"), ("1250", -2, "1200")),
        *(("9.995", 2, "10.00"), ("123456789012345678901234567890.5", 0, "123456789012345678901234567890")),
    ],
)
def test_gbt_8170_rounds_halves_to_the_even_neighbour(text: str, decimals: int, rounded: str) -> None:
    assert format(half_even(Decimal(text), decimals), "f") == rounded


def test_a_float_is_its_shortest_text() -> None:
    assert exact(2.2) == Fraction(22, 10)
    assert half_even(2.675, 2) == Decimal("2.68")  # a binary float lies below the half
    assert half_even(1.005, 2) == Decimal("1.00")
    assert upward(55.0) == 55


def test_the_us_way() -> None:
    assert half_up(Decimal("125.5")) == 126
    assert half_up(Decimal("124.5")) == 125
    assert truncated(Decimal("35.49"), 1) == Decimal("35.4")
    assert truncated(-0.09, 1) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), True])
def test_what_is_no_number_is_refused(value: Number) -> None:
    with pytest.raises(ValueError, match="not a"):
        exact(value)


@given(DECIMALS, st.integers(0, 3))
def test_rounding_moves_no_further_than_half_a_step(value: Decimal, decimals: int) -> None:
    step = Fraction(1, 10**decimals)
    for rounded in (half_even(value, decimals), half_up(value, decimals)):
        assert abs(exact(rounded) - exact(value)) <= step / 2
    cut = exact(truncated(value, decimals))
    assert abs(cut) <= abs(exact(value)) < abs(cut) + step
