"""Every command's --help: an example at least, each on a line of its own, also at sixty columns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import lamppost


def commands(room: typer.Typer, before: str) -> Iterator[tuple[str, str]]:
    """Words and help of every command below a room."""
    for command in room.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.rstrip("_").replace("_", "-")
        if not command.hidden:
            yield f"{before} {name}", inspect.getdoc(command.callback) or ""
    for group in room.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before} {group.name}")


@pytest.mark.parametrize("room", lamppost.ROOMS)
def test_every_command_shows_an_example(room: str) -> None:
    found = lamppost._import(lamppost.ROOMS[room][0])
    helps = dict(commands(found, room)) if isinstance(found, typer.Typer) else {room: inspect.getdoc(found) or ""}
    assert [words for words, text in helps.items() if "Example" not in text] == []


TEXT_ALONE = {
    "agent config": {"diff", "edit", "migrate", "sample", "schema", "set", "undo", "unset"},  # files and changes
    "agent service": {"install", "logs", "restart", "show", "uninstall"},  # systemd's own words
    "agent spool": {"export"},
    "agent": {"fix", "identify", "ready", "run", "support-bundle", "update"},
    "calibrate": {"formula", "set"},
    "capture": {"play", "record", "slice"},
    "collector": {"init", "run", "sample"},
    "grafana": {"provision"},
    "profiles": {"schema"},
    "query": {"show"},
    "rules": {"sample"},
    "stations": {"accept"},
}
"""What has no --json: its output is a file, a log, or nothing that a program needs beside the exit code."""


@pytest.mark.parametrize("room", lamppost.ROOMS)
def test_a_program_may_read_along(room: str) -> None:
    def without(command: Any, words: str, has: bool) -> Iterator[str]:
        has |= any("--json" in parameter.opts for parameter in command.params)
        for name, below in getattr(command, "commands", {}).items():
            yield from without(below, f"{words} {name}", has)
        if not hasattr(command, "commands") and not has:
            yield words

    whole: Any = typer.main.get_command(lamppost._build(room))
    told = {f"{group} {name}" for group, names in TEXT_ALONE.items() for name in names if group.split()[0] == room}
    assert set(without(whole.commands[room], room, False)) == told


@pytest.mark.parametrize("word", lamppost.ELSEWHERE)
def test_a_word_that_people_try_first_is_shown_where_it_stands(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert word not in lamppost.ROOMS
    monkeypatch.setattr("sys.argv", ["lamppost", word])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    for way in lamppost.ELSEWHERE[word]:
        assert f"lamppost {way}" in told
        assert CliRunner().invoke(lamppost._build(way.split()[0]), [*way.split(), "--help"]).exit_code == 0


def groups(room: typer.Typer, before: str) -> Iterator[str]:
    """Words of every group of commands, the room itself first."""
    yield before
    for group in room.registered_groups:
        assert group.typer_instance is not None
        yield from groups(group.typer_instance, f"{before} {group.name}")


@pytest.mark.parametrize("room", ["", *lamppost.ROOMS])
def test_a_list_of_commands_cuts_no_summary_short(room: str) -> None:
    found = lamppost._import(lamppost.ROOMS[room][0]) if room else None
    for words in groups(found, room) if isinstance(found, typer.Typer) else ([] if room else [""]):
        shown = CliRunner().invoke(lamppost._build(room), [*words.split(), "-h"], terminal_width=50).output
        assert "Commands:" in shown
        assert [line for line in shown.splitlines()[1:] if re.search(r"\w\.\.\.$", line)] == [], words


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("agent probe", ["lamppost agent probe", "lamppost agent probe /dev/serial0 --write"]),
        ("gaps", ["lamppost gaps --since 7d"]),
    ],
)
def test_examples_stay_one_a_line(words: str, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = CliRunner().invoke(lamppost._build(words.split()[0]), [*words.split(), "--help"]).output
    told = [line.removeprefix("  Examples:").removeprefix("  Example:").strip() for line in shown.splitlines()]
    assert all(line in told for line in lines), shown
