"""What the agent says of itself, where others look for it; and that it cannot, once."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.flapping import Flapping
from edge_agent.self_report import SelfReport
from edge_agent.sensors.sensor import Sensor
from edge_agent.tap import Tap
from tests.sensors.streams import PROFILES


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


def test_of_a_sensor_that_tells_of_its_case_and_of_dust_in_turn_one_line_is_drawn(tmp_path: Path) -> None:
    """Its line was of both: a bar of degrees, three of µg/m³."""
    agent: Any = SimpleNamespace(config=SimpleNamespace(status_file=tmp_path), recorder=SimpleNamespace(timeline=None))
    report = SelfReport(agent)
    sensor = Sensor("air-1", PROFILES["tera-nextpm"])
    port: Any = SimpleNamespace(path="/dev/a", open=True, trouble=None, flapping=Flapping(3, 60.0), counts=Counter())
    for pm25 in (11.0, 12.0, 13.0):
        for sensor.last_values in ({"case_temp_c": 24.0, "case_rh_pct": 40.0}, {"pm25_raw_ugm3": pm25}):
            told = report._sensor(sensor, port)
    assert told["recent"] == [11.0, 12.0, 13.0]


def test_a_socket_with_too_long_a_name_is_told_in_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tap = Tap(tmp_path / ("d" * 120) / "status.sock", {}, lambda: 0)
    asyncio.run(tap.open())
    assert "AF_UNIX path too long" in caplog.text
