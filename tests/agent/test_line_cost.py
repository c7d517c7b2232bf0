"""What the line costs a day is shown, and said when it is more than its budget."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.delivery.line_cost import DAY_S, OVER_BUDGET_S, TELLING_S, THRIFTY_S, LineCost
from edge_agent.screens.status import screen, troubles

NOW_MS = 1_790_000_000_000
SAID: dict[str, Any] = {
    "node": "lp-0017", "site": "jianguo-rd-east", "version": "0.1.0", "at_ms": NOW_MS, "up_s": 600, "connected_s": 500,
    "acked_s": 3, "accepted": 900, "refused": 0, "waiting_rows": 5, "oldest_ms": NOW_MS - 4000, "spool_bytes": 2**20,
    "clock": "synced", "disk_ok": True, "sensors": [],
}  # fmt: skip
MIB = 2**20


@pytest.mark.parametrize(
    ("a_day", "budget", "line"),
    [
        (None, None, None),
        (3 * MIB, None, "line     3.0 MiB a day"),
        (3 * MIB, 20 * MIB, "line     3.0 MiB a day of 20.0 MiB"),
        (0, 20 * MIB, "line     0.0 MiB a day of 20.0 MiB"),
    ],
)
def test_the_screen_has_a_line_for_it(a_day: int | None, budget: int | None, line: str | None) -> None:
    said = SAID | {"line_bytes_a_day": a_day, "bytes_per_day": budget}
    assert next((each for each in screen(said, NOW_MS).splitlines() if each.startswith("line ")), None) == line
    assert troubles(said, NOW_MS) == []


def test_more_than_the_budget_is_a_trouble() -> None:
    said = SAID | {"line_bytes_a_day": 34 * MIB, "bytes_per_day": 20 * MIB}
    assert troubles(said, NOW_MS) == ["the line costs 34.0 MiB a day of 20.0 MiB: read sensors less often"]


def test_nothing_is_said_of_the_first_minutes() -> None:
    cost = LineCost(None, 5.0)
    cost.note(0, 100.0)
    assert cost.a_day(1000, 100.0 + TELLING_S - 1) is None
    assert cost.a_day(1000, 100.0 + DAY_S) == 1000


def test_only_the_last_24_hours_count() -> None:
    cost = LineCost(None, 5.0)
    for hour in range(49):  # a backlog drained on the first day
        cost.note(10**9 if hour < 24 else 10**9 + (hour - 24) * 1000, hour * 3600.0)
        for step in range(1, 12):
            cost.note(10**9 + max(0, hour - 24) * 1000, hour * 3600.0 + step * 300)
    assert cost.a_day(10**9 + 24_000, 48 * 3600.0) == pytest.approx(24_000, rel=0.05)


def test_ordinary_batches_are_sealed_slower_while_the_day_costs_more_than_its_budget() -> None:
    cost = LineCost(20 * MIB, 5.0)
    cost.note(0, 0.0)
    assert cost.pace_s(True, 0, 1.0) == THRIFTY_S
    assert cost.pace_s(True, 30 * MIB, DAY_S) == OVER_BUDGET_S
    assert cost.pace_s(False, 30 * MIB, DAY_S) == THRIFTY_S  # on the disk they cost nothing
    assert cost.pace_s(True, 19 * MIB, DAY_S) == THRIFTY_S
    assert LineCost(None, 5.0).pace_s(True, 10**12, DAY_S) == 5.0


def test_a_slow_pace_is_no_silence_of_the_collector() -> None:
    late = SAID | {"oldest_ms": NOW_MS - 245_000, "acked_s": 241, "seal_s": OVER_BUDGET_S}
    assert troubles(late, NOW_MS) == []
    assert troubles(late | {"seal_s": 5.0}, NOW_MS) != []


def test_the_screen_tells_what_was_urgent_and_who_flaps() -> None:
    said = SAID | {"urgent": {"sealed": 7, "held": {"air-1": 12, "air-2": 9}}}
    lines = "urgent   7 sent at once\n         air-1 flaps: 12 not\n         air-2 flaps: 9 not\n"
    assert lines in screen(said, NOW_MS), "a line a sensor: it fits sixty columns"
    quiet = SAID | {"urgent": {"sealed": 0, "held": {}}}
    assert not any(line.startswith("urgent") for line in screen(quiet, NOW_MS).splitlines())
