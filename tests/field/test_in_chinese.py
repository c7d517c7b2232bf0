"""What a technician of a Chinese city reads at the terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.language import OURS
from edge_agent.cli import WORDS
from edge_agent.device.clock import synchronised
from edge_agent.doctor.broker_checks import NETWORK_CURE
from edge_agent.doctor.result import fail, ok
from edge_agent.doctor.screen import screen
from edge_agent.doctor.sensor_checks import _no_port
from edge_agent.lines.not_opened import NOT_PERMITTED
from firmware_stubs.models import MODELS
from lamppost import _build
from tests.field.conftest import WORLD, Field
from tests.field.expect import Terminal
from tests.field.test_setup import HASTY
from tests.typed import typed
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


@pytest.mark.real
def test_a_station_is_set_up_at_the_terminal_in_chinese(field: Field) -> None:
    field.broker.start()
    field.collector.start()
    field.stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD, period_s=0.2))
    field.stubs.start()
    field.config.unlink(missing_ok=True)
    person = Terminal([sys.executable, "-c", HASTY, "agent", "setup", "--config", str(field.config)], {OURS: "zh"})
    for question, answer in (
        ("有管理中心的令牌 [t]，还是在这里命名 [n]？ [t/N]", "n"),
        ("本机名称 [lp-", "大"),
        ("请用小写字母、数字和连字符", "lp-0017"),
        ("地点，如 jianguo-rd-east", "here"),
        ("您的姓名", "王磊"),
        ("灯杆、高度、方位", "17 号杆，北侧"),
        ("坐标（纬度,经度）", "39,9,116,4"),
        ("纬度,经度，如 39.9,116.4；没有就填 -", "39.9，116.4"),
        ("地址；集群各节点用逗号分开", "127.0.0.1"),
        ("端口", str(field.broker.port)),
        ("它要密码吗？", "n"),
        ("重新搜索 [a]，指定串口 [p]，退出 [q]？ [A/p/q]", "p"),
        ("串口，如", str(field.ports / "air")),
        ("就用它 [u]，重新搜索 [a]，指定串口 [p]，退出 [q]？ [U/a/p/q]", "u"),
    ):
        person.expect(question, 90)
        person.type(answer)
    if not synchronised():
        person.expect("等待校准 [w]，还是相信现在的时钟 [b]？")
        person.type("b")
    person.expect("已上报管理中心，记录号 1", 220)
    assert person.end() == 0, person.seen
    assert "已入库：PM2.5 35  PM10 55 µg/m³" in person.seen


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["status"],
            "lamppost: status 要写在另一个词后面。处理办法：lamppost agent status 或 lamppost collector status",
        ),
        (
            ["agent", "config", "set", "seal_s", "-c", "/none.yaml"],
            "lamppost: seal_s 没有值。处理办法：lamppost agent config set seal_s=VALUE",
        ),
        (
            ["agent", "config", "get", "-c", "/none.yaml"],
            "lamppost: 没有文件 /none.yaml。处理办法：sudo lamppost agent setup",
        ),
        (
            ["agent", "fix", "all"],
            "lamppost: 没有名为 all 的处理办法。处理办法：可选：serial-console、udev、journal、led",
        ),
        (
            ["alerts", "-c", "/none.yaml"],
            "lamppost: 没有文件 /none.yaml。处理办法：用 -c FILE 指定；还没有配置时：sudo lamppost collector init",
        ),
    ],
)
def test_what_is_refused_and_its_cure_are_chinese(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OURS, "zh")
    assert typed(*words).stderr == said + "\n"
    told = json.loads(typed(*words, "--json").stdout) if words[0] == "alerts" else {"message": ""}
    assert told["message"].isascii(), "programs read English"


def test_the_lists_of_words_are_chinese_and_fit_sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OURS, "zh")
    listed = typed("agent", "--help").stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(WORDS)
    assert max(map(width_of, listed)) <= 60
    every = typed("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line for line in [*listed, *every] if not re.search("[一-鿿]", line)] == []
