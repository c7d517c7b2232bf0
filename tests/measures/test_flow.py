"""Flow and its kin: zero vehicles is a flow of zero and no headway."""

import pytest

from measures.flow import (
    density_from_occupancy_vpkm,
    density_vpkm,
    flow_vph,
    gap_s,
    headway_s,
    occupancy_ratio,
    peak_hour_factor,
)


def test_nobody_passing_is_a_flow_but_no_headway() -> None:
    assert flow_vph(0, 60) == 0
    assert headway_s(0, 60) is None


def test_a_missing_count_stays_missing() -> None:
    assert flow_vph(None, 60) is None
    assert headway_s(None, 60) is None
    assert occupancy_ratio(None, 60) is None
    assert density_vpkm(None, 50) is None


def test_a_minute_counts_sixtyfold() -> None:
    assert flow_vph(14, 60) == 840
    assert headway_s(14, 60) == pytest.approx(60 / 14)
    assert flow_vph(1, 0.5) == 7200, "an interval may be shorter than a second"


@pytest.mark.parametrize("duration_s", [0, -60, float("nan"), float("inf")])
def test_an_interval_without_length_is_refused(duration_s: float) -> None:
    with pytest.raises(ValueError, match="has no rate"):
        flow_vph(1, duration_s)


@pytest.mark.parametrize("count", [-1, float("inf"), float("nan")])
def test_a_count_below_0_or_without_end_is_refused(count: float) -> None:
    with pytest.raises(ValueError, match="below 0 or not finite"):
        flow_vph(count, 60)


def test_density_from_flow_and_from_occupancy() -> None:
    assert density_vpkm(1800, 90) == 20
    assert density_vpkm(0, 0) is None
    assert density_from_occupancy_vpkm(0.1, 6.5) == pytest.approx(15.384615)
    assert density_from_occupancy_vpkm(1, 8) == 125, "bumper to bumper"
    assert density_from_occupancy_vpkm(0.5, 0.8) == 625, "bicycles stand closer"
    for percent in (1.5, 3.5):
        with pytest.raises(ValueError, match="not percent"):
            density_from_occupancy_vpkm(percent, 6)
    with pytest.raises(ValueError, match="effective length"):
        density_from_occupancy_vpkm(0.1, 0)


def test_a_detector_cannot_be_covered_longer_than_the_interval() -> None:
    assert occupancy_ratio(6, 60) == 0.1
    assert occupancy_ratio(60, 60) == 1, "a queue stands on it"
    with pytest.raises(ValueError, match="covered for 61 s"):
        occupancy_ratio(61, 60)


def test_gap_and_peak_hour_factor() -> None:
    assert gap_s(2.0, 0.5) == 1.5
    assert gap_s(None, 0.5) is None
    assert gap_s(2.0, None) is None
    assert gap_s(2.0, 2.5) == 0, "a queue covers the detector longer than it takes to the next vehicle"
    assert peak_hour_factor(1000, 300) == pytest.approx(0.833333, abs=1e-6)
    assert peak_hour_factor(400, 100) == 1, "as many in each quarter of the hour"
    assert peak_hour_factor(400, 400) == 0.25, "all of them in one"
    assert [peak_hour_factor(*pair) for pair in ((0, 0), (None, 100), (400, None))] == [None] * 3
