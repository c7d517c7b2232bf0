"""What the line costs a day is shown, and said when it is more than its budget."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.self_report import TELLING_S, _a_day
from edge_agent.status_screen import screen, troubles

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
    assert _a_day(1000, TELLING_S - 1) is None
    assert _a_day(1000, 86_400) == 1000
