"""Setting up by phone, seen from the terminal: what the phone is told when it could not go on, and how it ended."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.commands import setup as setup_cli
from edge_agent.setup.answers import Answers, Notebook
from edge_agent.setup_web.live import Live
from tests.field.filled import SENSOR
from wire.exits import Exit, Failure


class Shown:
    """What a phone was shown of a set-up."""

    def __init__(self) -> None:
        self.live, self.lines, self.ending = Live(list), [""], ""

    def say(self, text: str) -> None:
        self.lines.append(text)

    def finish(self, ending: str) -> None:
        self.ending = ending

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("checks", "proved", "ending"),
    [({"a": "ok"}, True, "proved"), ({"a": "fail"}, True, "proved_but"), ({"a": "ok"}, False, "unproved")],
)
def test_the_phone_hears_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checks: dict[str, str], proved: bool, ending: str
) -> None:
    record = {"checks": checks}
    assert by_phone(monkeypatch, tmp_path, lambda *_: (record, proved)).ending == ending


def test_the_phone_hears_why_a_proof_could_not_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise Failure(Exit.NOT_PERMITTED, "command-failed", "systemctl ended with 1", "journalctl")

    shown = by_phone(monkeypatch, tmp_path, fail)
    assert shown.ending == "unproved"
    assert "systemctl ended with 1. Cure: journalctl" in shown.lines


def test_a_forgotten_sudo_is_told_before_anything_is_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def keep(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Notebook, "keep", keep)
    with pytest.raises(PermissionError):
        by_phone(monkeypatch, tmp_path, pytest.fail)


def test_a_disk_that_takes_nothing_any_more_is_told_to_the_phone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page was gone, with all that had been typed."""
    told: list[str] = []

    def answers(trouble: Failure | None) -> Answers:
        if trouble is not None:
            told.append(str(trouble))
            monkeypatch.undo()
        return Answers(node="lp-1", site="here", sensors=[SENSOR])

    def keep(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "setup.json.new")

    monkeypatch.setattr(Notebook, "keep", keep)
    page: Any = SimpleNamespace(answers=answers)
    setup_cli._written(page, Notebook(tmp_path / "setup.json"), tmp_path / "agent.yaml", told.append)
    assert told == ["setup.json.new: Read-only file system"] * 2
    assert (tmp_path / "agent.yaml").exists()


def by_phone(monkeypatch: pytest.MonkeyPatch, folder: Path, prove: Callable[..., object]) -> Shown:
    """A set-up whose answers were taken, and whose proof goes as `prove` says."""
    shown = Shown()
    monkeypatch.setattr("edge_agent.setup_web.setup_page.open_page", lambda *_: shown)
    monkeypatch.setattr(setup_cli, "_written", lambda *_: Answers())
    monkeypatch.setattr(setup_cli, "_prove", prove)
    monkeypatch.setattr(setup_cli, "_screen", lambda _: "")
    with suppress(Failure):
        setup_cli._by_phone(Notebook(folder / "notes"), folder / "agent.yaml", "127.0.0.1", Live(list), 0, 1.0, False)
    return shown
