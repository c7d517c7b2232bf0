"""Frozen values are found out; changing ones, and silence on the road, are not."""

from edge_agent.sensors.freshness import Freshness


def test_the_same_for_too_long_is_stale() -> None:
    freshness = Freshness(600)
    rows: list[dict[str, int | float]] = [{"co2_ppm": 410}]
    assert [freshness.stale(rows, t_s) for t_s in (0.0, 600.0, 601.0)] == [False, False, True]
    assert not freshness.stale([{"co2_ppm": 411}], 602.0)
    assert not freshness.stale([{"co2_ppm": 411}], 700.0)


def test_without_a_limit_or_without_rows_nothing_is_stale() -> None:
    assert not any(Freshness(None).stale([{"range_m": 6.0}], t_s) for t_s in (0.0, 1e6))
    empty = Freshness(10)
    assert not any(empty.stale([], t_s) for t_s in (0.0, 100.0, 1e6))
