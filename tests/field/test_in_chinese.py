"""What a technician of a Chinese city reads at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.language import OURS
from edge_agent.doctor.broker_checks import NETWORK_CURE
from edge_agent.doctor.result import fail, ok
from edge_agent.doctor.screen import screen
from edge_agent.doctor.sensor_checks import _no_port
from edge_agent.lines.not_opened import NOT_PERMITTED
from lamppost import _build
from wire.both import same, zh
from wire.cells import width_of


def test_the_doctor_speaks_chinese_to_whoever_reads_it_and_english_to_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands spoke English alone: on a ladder in a Chinese city, with the page beside them in Chinese."""
    words = ["agent", "doctor", "--only", "config", "--only", "sensor", "-c", str(tmp_path / "none.yaml")]

    def said(language: str, *more: str) -> str:
        monkeypatch.setenv(OURS, language)
        shown: str = CliRunner().invoke(_build("agent", "doctor"), [*words, *more]).output
        return shown

    assert " 失败 config.valid        没有文件" in said("zh")
    assert "      -> lamppost agent setup\n 跳过 sensor              需先通过 config.valid\n" in said("zh")
    assert " skip sensor              needs config.valid\n" in said("en")
    english, chinese = (json.loads(said(language, "--json"))["results"] for language in ("en", "zh"))
    assert english == chinese


def test_a_doctors_report_in_chinese_has_sixty_cells_and_no_english_words() -> None:
    wide = fail("sensor.air-1", _no_port(NOT_PERMITTED), NETWORK_CURE)
    lines = zh(screen([wide, ok("temp", same("48 °C"))], 1.0)).splitlines()
    assert max(map(width_of, lines)) <= 60
    assert lines[0].startswith(" 失败 sensor.air-1        串口打不开：没有权限")
    assert lines[-2:] == [
        "失败 1，警告 0，跳过 0，正常 1，用时 1.0 秒",
        "发给管理中心：sudo lamppost agent support-bundle",
    ]
