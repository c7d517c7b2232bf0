"""Quality tests flag as IOOS' own do, compare exactly, and leave an instrument's floor alone."""

import pytest

from measures.qartod import aggregate, flat_line, gross_range, rate_of_change, spike


def test_floats_on_a_threshold_do_not_exceed_it() -> None:
    assert spike([0.8, 1.1, 0.8], 0.3) == [2, 1, 2]
    assert rate_of_change([0.8, 1.1], [0, 1], 0.3) == [1, 1]
    assert gross_range([0.3, 0.30000000000000004], (0, 0.3)) == [1, 4]


def test_what_lies_on_the_level_of_failure_is_suspect_only() -> None:
    assert spike([0, 10, 0], 5, 10) == [2, 3, 2]
    assert rate_of_change([0, 9], [0, 1], 5, 9) == [1, 3]


def test_a_value_beside_a_gap_is_not_judged_for_spikes() -> None:
    assert spike([1, None, 900, None, 1], 5) == [2, 9, 2, 9, 2]
    assert spike([], 5) == []
    assert spike([1], 5) == [2]


def test_a_rate_counts_the_time_that_passed() -> None:
    assert rate_of_change([0, 10, 20], [0, 1, 11], 5, 9) == [1, 4, 1]
    assert rate_of_change([0, None, 900], [0, 1, 2], 5) == [1, 9, 1]
    with pytest.raises(ValueError, match="position 2 is not after"):
        rate_of_change([0, 1, 2], [0, 1, 1], 5)


def test_flat_with_gaps_as_ioos_publishes_it() -> None:
    values = [1, None, None, 2, 2.0001, 2, 2.0001, 2, 4, None, 3, None, None, 3.00001]
    assert flat_line(values, 900, 3000, 4800, 0.01) == [1, 9, 9, 1, 3, 3, 4, 4, 1, 9, 1, 9, 9, 3]


def test_one_value_after_an_outage_is_no_line() -> None:
    assert flat_line([None, None, None, 5], 1, 2, 3, 0.1) == [9, 9, 9, 1]


def test_what_moves_by_the_tolerance_is_not_flat() -> None:
    assert flat_line([1.0, 1.1] * 3, 1, 2, 4, 0.1) == [1] * 6
    assert flat_line([1.0, 1.09] * 3, 1, 2, 4, 0.1) == [1, 1, 3, 3, 4, 4]
    for step_s in (0, -1):
        with pytest.raises(ValueError, match="a step of"):
            flat_line([1, 1], step_s, 2, 4, 0.1)


def test_an_instrument_may_rest_at_its_detection_limit() -> None:
    floor = [2] * 6
    assert flat_line(floor, 1, 2, 4, 0.1) == [1, 1, 3, 3, 4, 4]
    assert flat_line(floor, 1, 2, 4, 0.1, detection_limit=2) == [1] * 6
    assert flat_line([3] * 6, 1, 2, 4, 0.1, detection_limit=2) == [1, 1, 3, 3, 4, 4]


def test_the_worst_flag_wins_and_missing_only_where_all_miss() -> None:
    assert aggregate([[9, 9, 2, 1, 3], [9, 1, 9, 3, 4]]) == [9, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="5 is not a valid Flag"):
        aggregate([[5]])
    with pytest.raises(ValueError, match="shorter"):
        aggregate([[1, 1], [1]])
