"""The sensor ledger's hours: what is told of them, and when."""

from __future__ import annotations

from edge_agent.hours import GRACE_MS, HOUR_MS, Hours

H = 1_790_000_000_000 // HOUR_MS * HOUR_MS


def told(hours: Hours, now_ms: int, closing: bool = False) -> list[tuple[int, int]]:
    """(time, accepted) of each row."""
    return [(row.time_ms, row.values["accepted"]) for row in hours.tick(now_ms, closing)]


def test_an_agent_that_stops_just_after_the_hour_tells_both_hours() -> None:
    hours = Hours()
    hours.accept("air-1", 7, H + HOUR_MS - 1)
    hours.accept("air-1", 3, H + HOUR_MS + 5)
    now_ms = H + HOUR_MS + 30_000
    assert told(hours, now_ms, closing=True) == [(H + HOUR_MS - 2, 7), (now_ms, 3)]


def test_an_hour_is_told_as_of_its_last_millisecond_when_it_is_closed() -> None:
    hours = Hours()
    hours.accept("air-1", 7, H + 10)
    hours.accept("air-1", 3, H + HOUR_MS + 5)
    assert told(hours, H + HOUR_MS + GRACE_MS)[0] == (H + HOUR_MS - 1, 7)
