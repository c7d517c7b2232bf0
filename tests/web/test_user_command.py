"""`lamppost user`: accounts are made and taken away at a terminal, and a password stands in no argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.commands.user import app
from collector.files import trail
from collector.web.desk.accounts import Accounts
from collector.web.desk.file import DeskFile
from wire.exits import Exit, Failure

PASSWORD, OTHER = "a long enough one", "and another long one"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = tmp_path / "collector.yaml"
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings.write_text(json.dumps({"store": store, "state_file": str(tmp_path / "state.db")}))

    def told(*words: str, stdin: str = "") -> str:
        done = CliRunner().invoke(app, [*words, "-c", str(settings)], input=stdin)
        if isinstance(done.exception, Failure):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return told


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple[DeskFile, Accounts]]:
    """The desk as a collector that runs has it open."""
    with closing(DeskFile(tmp_path / "desk.db")) as file:
        yield file, Accounts(file)


def test_who_is_added_may_log_in_and_who_is_removed_is_out_at_once(run: Run, tmp_path: Path) -> None:
    with running(tmp_path) as (file, accounts):
        link = accounts.setup_token
        assert link is not None
        run("add", "wang.lei", stdin=PASSWORD + "\n")
        assert not accounts.may_set_up(link), "the link of the first start is of no more use"
        session = accounts.log_in("wang.lei", PASSWORD, 1_000)
        assert session is not None
        (listed,) = json.loads(run("list", "--json"))
        assert (listed["name"], listed["seen_ms"]) == ("wang.lei", 1_000)
        assert "wang.lei" in run("list")

        run("passwd", "wang.lei", stdin=OTHER + "\r\n")
        assert accounts.session(session, 2_000) is None
        assert accounts.log_in("wang.lei", PASSWORD, 2_000) is None
        session = accounts.log_in("wang.lei", OTHER, 2_000)
        assert session is not None

        assert json.loads(run("remove", "wang.lei", "--json"))["state"] == "removed"
        assert accounts.session(session, 3_000) is None
        assert accounts.log_in("wang.lei", OTHER, 3_000) is None
        with file.use() as db:
            noted = [(line.what, line.about) for line in reversed(trail.newest(db, 9))]
    assert noted == [(what, "wang.lei") for what in ("user-added", "user-password", "user-removed")]


@pytest.mark.parametrize(
    ("words", "stdin", "word"),
    [
        (("add", "li"), "short\n", "bad-password"),
        (("add", "li"), "", "bad-password"),
        (("add", "Li!"), PASSWORD, "bad-name"),
        (("add", "zhao"), PASSWORD, "account-exists"),
        (("passwd", "li"), PASSWORD, "no-such-account"),
        (("remove", "li"), "", "no-such-account"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(run: Run, words: tuple[str, ...], stdin: str, word: str) -> None:
    run("add", "zhao", stdin=PASSWORD)
    with pytest.raises(Failure) as refused:
        run(*words, stdin=stdin)
    assert (refused.value.code, refused.value.word) == (Exit.USAGE, word)
    assert [each["name"] for each in json.loads(run("list", "--json"))] == ["zhao"]


@pytest.mark.parametrize("caller", ["wanglei", None])
def test_the_trail_names_who_called_sudo(
    caller: str | None, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands run as the collector's user: everybody was called `lamppost`."""
    monkeypatch.setenv("LOGNAME", "lamppost")
    monkeypatch.delenv("SUDO_USER", raising=False)
    if caller is not None:
        monkeypatch.setenv("SUDO_USER", caller)
    run("add", "anna", stdin=PASSWORD)
    with running(tmp_path) as (file, _), file.use() as db:
        assert trail.newest(db, 1)[0].who == (caller or "lamppost")
