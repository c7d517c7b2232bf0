"""Grades, signals and detectors: limits belong to the side the standard says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measures import congestion, detectors, signals
from measures.detectors import Kind, Setting, Status

GOOD = detectors.Day(2000, 100, 100, 0, 0, 0, 0, 0.02)


@given(st.floats(0, 200), st.floats(0, 200), st.floats(1, 130))
def test_slower_is_never_a_better_grade(one: float, other: float, free: float) -> None:
    slow, fast = sorted((one, other))
    grades = [congestion.segment_grade(speed, free) for speed in (fast, slow)]
    assert congestion.GRADES.index(str(grades[0])) <= congestion.GRADES.index(str(grades[1]))


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_delay_never_lowers_the_performance_index(one: float, other: float) -> None:
    low, high = (congestion.performance_index(dtp).tpi for dtp in sorted((one, other)))
    assert 0 <= low <= high <= 10


def test_a_grade_of_nothing_is_none() -> None:
    assert congestion.segment_grade(None, 60) is None
    assert congestion.segment_grade(0, 60) == "严重拥堵"


def test_impossible_traffic_is_refused() -> None:
    with pytest.raises(ValueError, match="free-flow speed"):
        congestion.segment_grade(30, 0)
    with pytest.raises(ValueError, match="is no speed"):
        congestion.segment_grade(-1, 60)
    with pytest.raises(ValueError, match="outside 0 to 1"):
        congestion.performance_index(1.01)
    with pytest.raises(ValueError, match="outside 0 to 1"):
        congestion.performance_index(-0.01)
    for times in ((0, 60), (60, 0)):
        with pytest.raises(ValueError, match="both must be above 0"):
            congestion.ratios(*times)
    with pytest.raises(ValueError, match="a speed limit of 0 km/h"):
        congestion.free_flow_kmh([50], 0)
    with pytest.raises(ValueError, match="is no speed"):
        congestion.free_flow_kmh([50, -0.5], 80)
    with pytest.raises(ValueError, match="below 0"):
        congestion.signal_los(-1)


def test_free_flow_is_the_fastest_ninth_up_to_the_limit() -> None:
    assert congestion.free_flow_kmh([50] * 8 + [70], 80) == 70
    assert congestion.free_flow_kmh([50] * 16 + [90, 70], 120) == 80
    assert congestion.free_flow_kmh([None, 40], 80) == 40
    assert congestion.free_flow_kmh([0], 80) == 0, "they stood"
    assert congestion.free_flow_kmh([None], 80) is None


def test_levels_of_service() -> None:
    """HCM 6th ed. Exhibits 12-15 and 19-8: a level ends with the number that stands there."""
    for grade, tops in (
        (congestion.freeway_los, (11, 18, 26, 35, 45)),
        (congestion.signal_los, (10, 20, 35, 55, 80)),
    ):
        assert [grade(top) for top in (0, *tops)] == list("AABCDE")
        assert [grade(top + 0.1) for top in tops] == list("BCDEF")
    assert congestion.freeway_los(5, over_capacity=True) == "F"


def test_a_grade_ends_above_its_lower_limit_and_a_performance_index_begins_at_it() -> None:
    """GB/T 33171-2016 Table 4 and Annex C."""
    assert [congestion.segment_grade(limit + 0.1, 100) for limit in (70, 50, 40, 30)] == [*congestion.GRADES[:4]]
    assert [congestion.segment_grade(limit, 100) for limit in (70, 50, 40, 30)] == [*congestion.GRADES[1:]]
    told = [congestion.performance_index(dtp) for dtp in (0, 0.3, 0.5, 0.6, 0.7, 1)]
    assert told == [*zip((0, 2, 4, 6, 8, 10), (*congestion.GRADES, congestion.GRADES[-1]), strict=True)]


@pytest.mark.parametrize(
    ("lost_s", "flows", "why"),
    [
        *((12, [(900, 1800), (900, 1800)], "oversaturated"), (12, [(0, 1800)], "no flow"), (12, [], "no cycle")),
        *((-1, [(1, 2)], "no cycle"), (1, [(-1, 2)], "below 0"), (1, [(1, 0)], "below 0")),
    ],
)
def test_a_junction_without_a_cycle(lost_s: float, flows: list[tuple[int, int]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signals.webster(lost_s, [signals.Phase(*flow) for flow in flows])


def test_the_greens_fill_the_cycle() -> None:
    timing = signals.webster(16, [signals.Phase(500, 1600), signals.Phase(300, 1600)])
    assert timing.cycle_s == 58
    assert sum(timing.effective_green_s) == pytest.approx(58 - 16)


@pytest.mark.parametrize(
    ("kind", "day", "status"),
    [
        *((Kind.MAINLINE, replace(GOOD, samples=1224), Status.INSUFFICIENT),),
        *((Kind.MAINLINE, replace(GOOD, samples=1225, zero_occ=0), Status.GOOD),),
        *((Kind.MAINLINE, replace(GOOD, zero_occ=1180), Status.CARD_OFF),),
        *((Kind.MAINLINE, replace(GOOD, zero_occ=1179), Status.GOOD),),
        *((Kind.MAINLINE, replace(GOOD, zero_occ=1180, high_occ=900), Status.CARD_OFF),),
        *((Kind.MAINLINE, replace(GOOD, zero_occ_pos_flow=1000), Status.INTERMITTENT),),
        *((Kind.MAINLINE, replace(GOOD, min_occ_delta_4h=None), Status.GOOD),),
        *((Kind.MAINLINE, replace(GOOD, min_occ_delta_4h=0.00001), Status.GOOD),),
        *((Kind.RAMP, replace(GOOD, zero_occ=2000, high_occ=2000, zero_flow=1899), Status.GOOD),),
    ],
)
def test_a_detectors_diagnosis(kind: Kind, day: detectors.Day, status: Status) -> None:
    assert detectors.status(kind, day) == status


def test_a_country_road_may_be_empty_longer() -> None:
    empty = replace(GOOD, zero_occ=1600)
    assert detectors.status(Kind.MAINLINE, empty, Setting.RURAL) == Status.GOOD
    assert detectors.status(Kind.MAINLINE, empty) == Status.CARD_OFF


def test_speed_from_a_single_loop() -> None:
    assert detectors.g_factor_speed_mph(20, 0.02) == 50
    assert detectors.g_factor_speed_mph(20, 0) is None
    assert detectors.g_factor_speed_mph(0, 0.02) == 0
    assert detectors.g_factor_speed_mph(20, 1) == 1, "a lane that stands"
    for length in (0, -22):
        with pytest.raises(ValueError, match="an effective length"):
            detectors.g_factor_speed_mph(20, 0.02, length)
    assert detectors.g_factor_speed_mph(None, 0.02) is None
    with pytest.raises(ValueError, match="percent for a ratio"):
        detectors.g_factor_speed_mph(20, 2)
