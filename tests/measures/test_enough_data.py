"""Completeness: a mean of too little is no mean."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import completeness, series
from measures.rounding import Number

START = datetime(2026, 3, 1, tzinfo=UTC)


def _hours(values: Sequence[Number | None]) -> list[tuple[datetime, Number | None]]:
    return [(START + n * series.HOUR, value) for n, value in enumerate(values)]


@pytest.mark.parametrize("rule", completeness.RULES.values())
def test_a_rule_is_met_at_its_number(rule: completeness.Rule) -> None:
    assert rule.is_met(rule.required)
    assert not rule.is_met(rule.required - 1)
    with pytest.raises(ValueError, match="below 0"):
        rule.is_met(-1)


def test_each_regime_asks_for_as_much_as_it_says() -> None:
    """GB 3095-2026 Table 4, HJ 663-2013, 2008/50/EC Annexes I, VII and XI, 40 CFR 50 Appendices N and U, VIZ Berlin."""
    asked = {
        completeness.GB_3095: {"1h": 45, "8h": 6, "24h": 20, "month": 27, "february": 25, "year": 324},
        completeness.HJ_663_2013: {"8h-max": 14},
        completeness.EU_2008_50: {"1h": 45, "8h": 6, "8h-max": 18, "24h": 18, "year": 90},
        completeness.US_40_CFR_50: {"24h": 18, "8h-max": 13},
        completeness.BERLIN_VIZ: {"1h": 75},
    }
    listed = {(regime, period): n for regime, periods in asked.items() for period, n in periods.items()}
    assert {name: rule.required for name, rule in completeness.RULES.items()} == listed


def test_a_year_needs_its_months() -> None:
    full = dict.fromkeys(range(1, 13), 28)
    assert completeness.is_year_valid(full)
    assert completeness.is_year_valid(full | {2: 25, 7: 27})
    assert not completeness.is_year_valid(full | {2: 24})
    assert not completeness.is_year_valid(full | {7: 26, 8: 31})
    assert not completeness.is_year_valid(dict.fromkeys(range(1, 12), 30))


def test_a_day_over_the_limit_counts_with_few_hours() -> None:
    assert completeness.is_mda8_valid(14, 50, 160)
    assert not completeness.is_mda8_valid(13, 160, 160)
    assert completeness.is_mda8_valid(13, 160.1, 160)
    assert completeness.is_mda8_valid(13, 0.03, 0.070, completeness.US_8H_MAX)
    assert not completeness.is_mda8_valid(12, 0.070, 0.070, completeness.US_8H_MAX)
    assert completeness.is_mda8_valid(12, 0.071, 0.070, completeness.US_8H_MAX)
    assert not completeness.is_mda8_valid(0, None, 160)


def test_ozone_of_the_new_reference_is_valid_and_an_unknown_code_is_not_guessed() -> None:
    assert completeness.eea_validity(4).valid
    with pytest.raises(ValueError, match="5 is no EEA validity code"):
        completeness.eea_validity(5)


def test_a_day_wants_its_hours() -> None:
    day = START.date()
    assert series.daily_means(_hours([1.0] * 20 + [None] * 4), 20) == {day: 1}
    assert series.daily_means(_hours([1.0] * 19 + [None] * 5), 20) == {day: None}
    assert series.daily_means(_hours([0] * 24), 20) == {day: 0}


def test_eight_hours_want_six_and_the_first_seven_have_none() -> None:
    means = [mean for _, mean in series.running_8h_means(_hours([8] * 9 + [None] * 3))]
    assert means == [None] * 7 + [8, 8, 8, 8, None]
    with_a_hole = [row for n, row in enumerate(_hours([8] * 12)) if n not in (3, 4)]
    assert dict(series.running_8h_means(with_a_hole))[START + 8 * series.HOUR] == 8


@settings(max_examples=30)
@given(st.lists(st.none() | st.integers(0, 200), min_size=24, max_size=48))
def test_the_daily_maximum_is_never_above_the_highest_hour(values: list[int | None]) -> None:
    for highest in series.daily_maximum_8h(_hours(values)).values():
        assert highest is None or highest <= max(value for value in values if value is not None)


def test_exceedances_are_strict_and_exact() -> None:
    assert series.hours_above(_hours([0.1, 0.2, None, 0.3]), 0.6, factor=2) == 0
    assert series.hours_above(_hours([0.1, 0.2, None, 0.31]), 0.6, factor=2) == 1
    assert series.hours_above(_hours([10, 11, 5, 0]), 10) == 1


def test_repeated_rows_count_once() -> None:
    rows = [*_hours([5, 7]), *_hours([5, 8])]
    once = series.once_each(rows)
    assert once == series.Distinct(_hours([5, 7]), 2, 1)


def test_summary_runs_and_steps() -> None:
    found = series.summary(_hours([1, None, 2, 0]))
    assert (found.hours, found.valid_hours, found.capture_pct, found.mean, found.largest) == (4, 3, 75.0, 1.0, 2.0)
    assert series.summary(_hours([None])).mean is None
    assert series.longest_equal_run([1, 1, None, 1, 2, 2, 2]) == 3
    assert series.longest_equal_run([1, None, None, None, 1, 1]) == 2, "what is missing is no run"
    assert series.longest_equal_run([]) == 0
    assert series.longest_step([START]) is None
    late = START + timedelta(hours=5)
    assert series.longest_step([START, START + series.HOUR, late]) == (START + series.HOUR, timedelta(hours=4))
    with pytest.raises(ValueError, match="no data capture"):
        series.summary([])
    assert series.daily_means(_hours([Fraction(1, 3)] * 24), 24) == {START.date(): Fraction(1, 3)}
