"""What the agent says of itself, where others look for it; and that it cannot, once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.self_report import SelfReport
from edge_agent.tap import Tap


def report_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> SelfReport:
    agent: Any = SimpleNamespace(config=SimpleNamespace(status_file=file))
    made = SelfReport(agent)
    monkeypatch.setattr(made, "said", lambda: {"sensors": []})
    return made


def test_whoever_stands_at_the_box_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)  # the unit's
    try:
        report_to(tmp_path / "status.json", monkeypatch).write()
    finally:
        os.umask(before)
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_is_told_once_for_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    folder.touch()
    report = report_to(folder / "status.json", monkeypatch)
    for _ in range(2):
        report.write()
        report.write()
        folder.unlink()
        report.write()  # again it can
        (folder / "status.json").unlink()
        folder.rmdir()
        folder.touch()
    told = [line.getMessage() for line in caplog.records]
    assert len(told) == 2
    assert all("run/status.json cannot be written" in line and "Errno" not in line for line in told)


def test_a_socket_with_too_long_a_name_is_told_in_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tap = Tap(tmp_path / ("d" * 120) / "status.sock", {}, lambda: 0)
    asyncio.run(tap.open())
    assert "AF_UNIX path too long" in caplog.text
