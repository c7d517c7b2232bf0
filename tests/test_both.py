"""Texts in two languages: each says in Chinese what it says in English, and a screen of either stays in its columns."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from common.language import OURS, language
from wire.both import Both, in_language, joined, same, zh
from wire.cells import padded, width_of, wrapped

TOP = Path(__file__).parents[1]
CHINESE = re.compile("[\u4e00-\u9fff，：；（）]")
COMMAND = re.compile(
    r"(?:sudo )?lamppost (?:agent|stations|profiles|token) [a-z-]+|sudo (?!packs)[a-z]+|[a-z/]+\.md|--[a-z-]+"
)
SHOWN_BY = {"echo", "say", "prompt", "confirm", "choose", "choose_of", "ask", "Failure", "ok", "warn", "fail", "skip"}
"""Functions whose texts a person reads."""
SPEAKS_BOTH = (
    "collector/commands/alerts.py",
    "collector/commands/duty.py",
    "collector/commands/node.py",
    "collector/commands/stations.py",
    "collector/commands/token.py",
    "collector/init.py",
    "edge_agent/commands/care.py",
    "edge_agent/commands/command.py",
    "edge_agent/commands/config.py",
    "edge_agent/commands/enrol.py",
    "edge_agent/commands/ports.py",
    "edge_agent/commands/service.py",
    "edge_agent/commands/setup.py",
    "edge_agent/commands/spool.py",
    "edge_agent/commands/status.py",
    "edge_agent/commands/watch.py",
    "edge_agent/device/service.py",
    "edge_agent/device/update.py",
    "edge_agent/doctor",
    "edge_agent/identity",
    "edge_agent/lines",
    "edge_agent/screens",
    "edge_agent/setup",
    "edge_agent/setup_web",
    "lamppost.py",
)
"""Where each of them has its Chinese."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@cache
def pairs() -> list[tuple[str, ast.expr, ast.expr]]:
    """Every `Both(...)` that is written out, with its place."""
    return list(_pairs())


def _pairs() -> Iterator[tuple[str, ast.expr, ast.expr]]:
    for room in ("wire", "common", "device_profiles", "edge_agent", "collector", "lamppost.py"):
        for file in sorted((TOP / room).rglob("*.py")) or [TOP / room]:
            for call in calls(ast.parse(file.read_bytes())) if b"Both(" in file.read_bytes() else ():
                if called(call) == "Both" and len(call.args) == 2 and all(written(one) for one in call.args):
                    yield f"{file.relative_to(TOP)}:{call.lineno}", call.args[0], call.args[1]


def written(text: ast.expr) -> str:
    """What stands in a text itself."""
    constants = (node for node in ast.walk(text) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return "".join(str(one.value) for one in sorted(constants, key=lambda one: (one.lineno, one.col_offset)))


def says_chinese(text: ast.expr) -> bool:
    return bool(CHINESE.search(written(text))) or "zh(" in ast.unparse(text)


def filled_in(text: ast.expr) -> set[str]:
    """Names of what is filled into a text; not those of functions."""
    values = [node.value for node in ast.walk(text) if isinstance(node, ast.FormattedValue)]
    named = set(re.findall(r"{(\w+)}", written(text)))  # of a template that is filled in later
    functions = {id(call.func) for value in values for call in calls(value)}
    names = (node for value in values for node in ast.walk(value) if isinstance(node, ast.Name))
    return {name.id for name in names if id(name) not in functions} - {"zh", "map"} | named


def test_every_text_says_in_chinese_what_it_says_in_english() -> None:
    found = pairs()
    assert len(found) > 200
    assert [where for where, en, _ in found if CHINESE.search(written(en))] == [], "Chinese in the English"
    assert [where for where, _, chinese in found if not says_chinese(chinese)] == [], "no Chinese"
    assert [
        (where, filled_in(en), filled_in(other)) for where, en, other in found if filled_in(en) != filled_in(other)
    ] == []


def test_a_command_is_the_same_in_both() -> None:
    odd = [
        (where, command)
        for where, en, chinese in pairs()
        for command in (one.strip() for one in COMMAND.findall(written(en)))
        if command not in written(chinese)
    ]
    assert odd == []


def test_chinese_has_its_own_punctuation() -> None:
    odd = [
        (where, written(chinese))
        for where, _, chinese in pairs()
        if re.search("[\u4e00-\u9fff](?!,经度)[,;:?!]|[\u4e00-\u9fff]\\.( |$)", written(chinese))
    ]
    assert odd == []


def test_nothing_is_shown_in_english_alone_where_both_are_spoken() -> None:
    bare = [
        f"{file.relative_to(TOP)}:{call.lineno}"
        for place in SPEAKS_BOTH
        for file in sorted((TOP / place).rglob("*.py")) or [TOP / place]
        for call in calls(ast.parse(file.read_bytes()))
        if called(call) in SHOWN_BY
        for argument in call.args[called(call) == "Failure" and 2 :]
        if isinstance(argument, ast.Constant | ast.JoinedStr) and is_prose(written(argument))
    ]
    assert bare == []


def is_prose(text: str) -> bool:
    """Words of a language: no id of a check, no command."""
    return (
        bool(re.search("[a-z]{2}", text))
        and " " in text.strip()
        and not re.match(r"\s*(sudo|lamppost|ls|mosquitto:|journalctl|pip|--[a-z]+|node:) ", text)
    )


def test_a_text_reads_as_its_english_and_knows_its_chinese() -> None:
    text = Both("port 1 is closed", "端口 1 没有开放")
    assert text == "port 1 is closed"
    assert (in_language(text, "en"), in_language(text, "zh")) == ("port 1 is closed", "端口 1 没有开放")
    assert zh("lp-1") == "lp-1"
    assert same(text) is text
    assert zh(joined("; ", [text, "x"])) == "端口 1 没有开放; x"
    assert [zh(one) for one in (copy.deepcopy(text), pickle.loads(pickle.dumps(text)))] == [zh(text)] * 2


@pytest.mark.parametrize(
    ("environ", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN.UTF-8", OURS: "en"}, "en"),
        ({"LC_ALL": "C", OURS: "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "TERM": "linux"}, "en"),
        ({OURS: "zh", "TERM": "linux"}, "zh"),
    ],
)
def test_the_language_is_the_one_named_else_the_locales(environ: dict[str, str], spoken: str) -> None:
    assert language(environ) == spoken


@pytest.mark.parametrize("width", [20, 34, 51])
def test_chinese_is_wrapped_between_signs_and_no_mark_begins_a_line(width: int) -> None:
    text = (
        "端口 8883 在 4 秒内没有应答（被防火墙拦住了？），请告知管理中心：sudo lamppost agent doctor --only net.route"
    )
    lines = wrapped(text, width)
    assert max(map(width_of, lines)) <= width
    assert min(map(width_of, lines[:-2])) > width - 16
    assert [line for line in lines if line[0] in "，。；：？！）" or line[-1] in "（"] == []
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_english_is_wrapped_as_ever_and_a_column_counts_cells() -> None:
    assert wrapped("a name that is one-of-many words", 12) == ["a name that", "is", "one-of-many", "words"]
    assert [width_of(padded(word, 9)) for word in ("broker", "服务器", "µg/m³")] == [9, 9, 9]
    assert wrapped("", 9) == []
