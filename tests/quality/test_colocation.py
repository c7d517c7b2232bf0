"""A sensor beside a reference: the line between them, and the files that make none."""

from __future__ import annotations

import random

import pytest

from collector.numbers.colocation import NoFit, fit, pairs


def test_a_line_is_found_and_a_poor_file_refused() -> None:
    rng = random.Random(1)
    lines = ["time,sensor,reference", *(f"{n},{n},{0.5 * n + 3 + rng.gauss(0, 0.1):.3f}" for n in range(50)), "x,,4"]
    found = fit(pairs(lines, "sensor", "reference", "pm25_ugm3"))
    assert (found.slope, found.offset) == (pytest.approx(0.5, abs=0.01), pytest.approx(3, abs=0.2))
    assert found.pairs == 50
    assert (found.lowest, found.highest) == (0, 49)
    around = fit([(n, 2.0 * n + (3 if n % 4 in (0, 3) else -3)) for n in range(40)])
    assert (around.slope, around.rmse) == (pytest.approx(2), pytest.approx(3)), "each pair lies 3 beside the line"
    with pytest.raises(NoFit, match="no column 'ref'; there are time, sensor, reference"):
        pairs(lines, "sensor", "ref", "pm25_ugm3")
    with pytest.raises(NoFit, match="at least 10"):
        fit([(1, 2)] * 9)
    with pytest.raises(NoFit, match="no line"):
        fit([(1, 2)] * 20)


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.5])
def test_a_line_and_its_fit_are_those_reckoned_by_hand(factor: float) -> None:
    """y = 2x + 3 with residuals that neither the mean nor x knows of: SSE 12, Sxx 143, R² = 4·143 / (4·143 + 12)."""
    found = fit([(x / factor, 2 * x + 3 + (1, -1, -1, 1)[(x - 1) % 4]) for x in range(1, 13)], factor)
    assert (found.slope, found.offset, found.rmse) == pytest.approx((2, 3, 1))
    assert found.r2 == pytest.approx(572 / 584)
    assert (found.pairs, found.lowest, found.highest) == (12, 1, 12)


def test_ten_pairs_are_enough_and_a_reference_that_goes_nowhere_with_the_sensor_is_no_line() -> None:
    line = [(float(x), 2.0 * x) for x in range(10)]
    assert fit(line).slope == pytest.approx(2)
    with pytest.raises(NoFit, match="9 pairs"):
        fit(line[:9])
    with pytest.raises(NoFit, match="slope 0"):
        fit([(float(x), float(y)) for x in range(5) for y in (0, 8)])
    with pytest.raises(NoFit, match="no line"):
        fit([(5.0, y) for _, y in line])


def test_the_ends_of_what_can_be_are_values() -> None:
    lines = ["sensor,reference", "-50,2000", "2000,-50"]
    assert pairs(lines, "sensor", "reference", "pm25_ugm3") == [(-50, 2000), (2000, -50)]


def test_what_is_no_value_turns_no_line() -> None:
    """Ways in which files say that a value is missing; R writes NA, pandas nan, a logger -999."""
    good = ["sensor,reference", *(f"{n},{2 * n + 1}" for n in range(20))]
    assert fit(pairs([*good, "NA,4", "4,nan", " ,3", "N/A,1", "7"], "sensor", "reference", "pm25_ugm3")).pairs == 20
    for cell in ("-999", "9999", "65535"):
        with pytest.raises(NoFit, match=f"line 22: {cell} is no value of pm25_raw_ugm3"):
            pairs([*good, f"{cell},4"], "sensor", "reference", "pm25_ugm3")
    for cell in ("inf", "12_5", "１２", "1.2.5"):
        with pytest.raises(NoFit, match=f"line 22: '{cell}' is no number"):
            pairs([*good, f"{cell},4"], "sensor", "reference", "pm25_ugm3")
    with pytest.raises(NoFit, match="does not rise"):
        fit([(n, 100.0 - n) for n in range(20)])
    with pytest.raises(NoFit, match="no line"):
        fit([(n, 7.0) for n in range(20)])
