"""The collector's report file: what `lamppost collector status` makes of it, also when the disk takes no more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from collector.health.alarms import Alarms
from collector.health.self_report import FRESH_MS, SelfReport, alarms_beside, path_beside

NOW = 1_790_000_000_000


def test_a_report_that_stands_still_while_the_collector_runs_is_itself_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "collector.db"
    report = SelfReport(path_beside(state), "c1")
    report.tell(Counter(batches=1), Alarms(), 0, NOW)
    assert alarms_beside(state, NOW + 1000, runs=True) == {}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    report.tell(Counter(batches=2), Alarms(), 0, NOW + FRESH_MS)  # costs nothing but the report
    later_ms = NOW + 2 * FRESH_MS
    (text, since_ms) = alarms_beside(state, later_ms, runs=True)["report"]
    assert since_ms == NOW
    assert str(path_beside(state)) in text
    assert "MiB are free" in text
    assert alarms_beside(state, later_ms, runs=False) == {}, "it does not run: the broker says so"
    assert alarms_beside(tmp_path / "another-machine.db", later_ms, runs=True) == {}
