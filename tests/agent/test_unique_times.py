"""What is remembered of the times that were given: an hour of them, in little memory."""

from __future__ import annotations

import tracemalloc

from edge_agent.reading import Reading, Series
from edge_agent.spool import unique_times
from edge_agent.spool.unique_times import FORGOTTEN_AT_ONCE, KNOWN_MAX, UniqueTimes

AIR = Series("air-1", "air_quality", (), None)
START_MS = 1_790_000_000_000


def give(times: UniqueTimes, time_ms: int) -> int:
    given_ms = times.unique(Reading(AIR, time_ms, {})).time_ms
    times.keep()
    return given_ms


def test_days_of_readings_take_no_more_memory_than_an_hour() -> None:
    times = UniqueTimes()
    give(times, START_MS)
    tracemalloc.start()
    try:
        for second in range(1, 3 * KNOWN_MAX):
            give(times, START_MS + 1000 * second)
        held = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    # what is made here and kept there: a thread that another test left behind allocates too
    ours = held.filter_traces([tracemalloc.Filter(True, file) for file in (__file__, unique_times.__file__)])
    used = sum(trace.size for trace in ours.traces)
    assert used < 10 * (KNOWN_MAX + FORGOTTEN_AT_ONCE)  # 8 bytes a time, and what an array keeps free


def test_a_clock_set_back_by_an_hour_gives_none_of_its_times_again() -> None:
    times = UniqueTimes()
    first = {give(times, START_MS + 1000 * second) for second in range(3 * KNOWN_MAX)}
    back_ms = START_MS + 1000 * 2 * KNOWN_MAX
    again = {give(times, back_ms + 1000 * second) for second in range(KNOWN_MAX)}
    assert len(again) == KNOWN_MAX
    assert not first & again
