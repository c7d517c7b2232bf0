"""The set-up page's form: what was filled in becomes answers, and what cannot is said beside its field."""

from __future__ import annotations

import re
from typing import Any

import pytest

from edge_agent.commands.ports import free_ports
from edge_agent.lines import not_opened
from edge_agent.lines.ports import PortInfo
from edge_agent.setup_web import page
from edge_agent.setup_web.form import answers_of
from edge_agent.setup_web.live import Row
from edge_agent.setup_web.suggested import suggested
from edge_agent.setup_web.texts import TEXTS, Words, language_of
from tests.field.filled import FILLED, SENSOR
from wire.exits import Exit, Failure

EN = Words("en")


def test_what_was_filled_in_becomes_answers() -> None:
    answers, wrong = answers_of(FILLED, [SENSOR])
    assert wrong == {}
    assert answers is not None
    assert (answers.node, answers.site, answers.who, answers.where) == ("lp-0042", "here", "王磊", "-")
    assert (answers.lat, answers.lon) == (39.9, 116.4)
    assert answers.broker is not None
    assert (answers.broker.host, answers.broker.port) == ("10.0.0.1", 1884)


def test_nodes_of_a_cluster_stand_with_commas_between_and_are_suggested_again() -> None:
    text = "10.0.0.1:1884, broker-b:1885，broker-c"
    answers, _ = answers_of(FILLED | {"broker": text.replace("1:", "1：")}, [SENSOR])
    assert answers is not None
    assert answers.broker is not None
    assert (answers.broker.port, answers.broker.others) == (1884, ["broker-b:1885", "broker-c"])
    assert suggested(answers)["broker"] == text.replace("，", ", ")


def test_with_a_token_neither_name_nor_broker_is_wanted() -> None:
    answers, wrong = answers_of({"token": " abc ", "site": "here"}, [SENSOR])
    assert wrong == {}
    assert answers is not None
    assert (answers.token, answers.node, answers.broker) == ("abc", None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("node", "LP 17"), ("node", ""), ("node", "collector"), ("site", "Hier"), ("broker", "mqtt://u:p@x"),
        ("broker", "host:99999"), ("broker", "a, b:99999"), ("broker", "a,"), ("broker", ""),
        ("position", "116.4"), ("position", "116.4,39.9"),
        ("position", "39,9,116,4"), ("position", "nan,116.4"), ("position", "39.9,1_16.4"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_beside_its_field(field: str, value: str) -> None:
    answers, wrong = answers_of(FILLED | {field: value}, [SENSOR])
    assert answers is None
    assert list(wrong) == [field]


def test_nothing_typed_or_heard_becomes_markup() -> None:
    evil = '"><script>alert(1)</script>'
    row = Row(evil, evil, evil, {evil: 1}, evil, evil, 1, (evil,), evil)
    given = dict.fromkeys(("node", "token", "site", f"pick {evil}"), evil)
    made = page.form_page(EN, "k", given, {"site": evil}, [row], evil, 3, False)
    made += page.live_page(EN, [row], False, Failure(Exit.DEVICE_OR_PORT, "x", evil)) + page.progress_page(
        EN, [evil], None
    )
    assert "<script" not in made
    assert '""' not in made.replace('value=""', "").replace('class=""', "")


def test_why_a_port_is_shut_has_its_words_in_both_languages() -> None:
    """On the Chinese page it was English for all but two."""
    row = Row("/dev/a", trouble=not_opened.BUSY)
    assert "另一个程序正在读取" in page.live_page(Words("zh"), [row], False, None)
    assert not_opened.BUSY in page.live_page(Words("en"), [row], False, None)


@pytest.mark.parametrize(
    ("found", "zh", "en"),
    [
        ([], "没有串口", "no serial port here"),
        ([{"holder": "lamppost (pid 812)"}], "systemctl stop lamppost-agent", "Another program reads"),
        ([{"console": True}], "fix serial-console", "A login console"),
        ([{"permitted": False}], "用 sudo", "may not be opened"),
    ],
)
def test_why_there_is_nothing_to_search_is_said_in_the_language_of_the_page(
    monkeypatch: pytest.MonkeyPatch, found: list[dict[str, Any]], zh: str, en: str
) -> None:
    """Of a port that a login console had it said to check the wires, and in English "none of 1 ports is free"."""
    ports = [PortInfo("/dev/ttyS0", "/dev/ttyS0", "built-in", "number", serial_unique=True, **one) for one in found]
    monkeypatch.setattr("edge_agent.lines.ports.find_ports", lambda: ports)
    with pytest.raises(Failure) as refused:
        free_ports()
    in_zh, in_en = (page.live_page(Words(one), [], False, refused.value) for one in ("zh", "en"))
    assert zh in in_zh
    assert en in in_en
    assert "is free" not in in_zh
    assert "TX/RX" not in in_zh + in_en


def test_both_languages_have_every_word() -> None:
    assert all(
        text.zh and text and re.findall(r"{\w+}", text.zh) == re.findall(r"{\w+}", text) for text in TEXTS.values()
    )
    assert language_of(None, "zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert language_of(None, "en-GB,en;q=0.9,zh;q=0.1") == "en"
    assert language_of("zh", "en") == "zh"
    assert language_of("<", "") == "en"
