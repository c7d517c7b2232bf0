"""Every `lamppost ...` that help and documents show is one that the program takes: its words, options and values."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import lamppost
from tests.test_help import commands

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts and path.name != "CHANGELOG.md")
RUNS = re.compile(r"^(?:\S+@\S+)?[$]? ?(?:sudo (?:-u \w+ )?)?lamppost (.+)")
"""A line that a person would type."""


@cache
def parser(room: str) -> Any:
    """The command line with the room of `lamppost ROOM` in it, its commands doing nothing."""
    top: Any = get_command(lamppost._build(room))
    waiting = [top]
    while waiting:
        command = waiting.pop()
        command.callback = lambda **_: None
        waiting += getattr(command, "commands", {}).values()
    return top


def complaint(line: str) -> str | None:
    """What the command line says against the words behind `lamppost`, None when it takes them."""
    words = shlex.split(re.sub(r"[][]|\.{3}", "", line), comments=True)
    said = StringIO()
    with redirect_stderr(said), redirect_stdout(said), pytest.raises(SystemExit) as ended:
        parser(words[0]).main(words, prog_name="lamppost")
    last = said.getvalue().strip().rpartition("\n")[2]
    return last if ended.value.code and last.startswith("Error:") else None


def typed(text: str) -> Iterator[str]:
    """What is to be typed in lines of a document's block: without remarks two spaces away, lines joined at `\\`."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if found := RUNS.match(line.strip()):
            yield re.split(r"\s{2,}|\s[|>]\s|; | && ", found[1])[0]


def blocks(page: Path) -> Iterator[str]:
    for block in re.findall(r"(?ms)^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8")):
        yield from typed(block)


def mentioned(page: Path) -> Iterator[str]:
    """Commands named in running text; `set|edit` stands for two of them, words of a syntax for nothing."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    for line in re.findall(r"`(?:sudo )?lamppost ([a-z][^`]*)`", re.sub(r"\n\s*", " ", text)):
        words = re.split(r" > ", line)[0].split()
        for alternative in product(*(re.split(r"\\?\|", word) for word in words)):
            yield " ".join(alternative)


def helped() -> Iterator[tuple[str, str]]:
    for room, (place, _) in lamppost.ROOMS.items():
        found = lamppost._import(place)
        for words, text in commands(found, room) if isinstance(found, typer.Typer) else [(room, inspect.getdoc(found))]:
            examples = re.sub(r"Examples?:", "", text or "")
            yield from ((words, line) for line in typed(examples))


def test_examples_of_help_are_taken() -> None:
    examples = list(helped())
    assert len(examples) > 100
    assert [(words, line, said) for words, line in examples if (said := complaint(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_documents_are_taken(page: Path) -> None:
    assert [(line, said) for line in blocks(page) if (said := complaint(line))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_sentences_exist(page: Path) -> None:
    told = [line for line in mentioned(page) if (said := complaint(line)) and not said.startswith("Error: Missing")]
    assert told == []
