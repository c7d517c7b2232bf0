"""`lamppost alerts` at a terminal: one id for every command, and bad input is refused before the collector is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.alerts.book import Book
from collector.commands.alerts import app
from collector.rules.desk import Desk
from collector.rules.loading import parse
from collector.rules.transition import Series, transition
from collector.statedb import open_state
from wire.exits import Exit, Failure

NOW = time.time_ns() // 1_000_000
RULE = {
    "alert": "pm25-high", "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75",
    "text": {"zh": "过高", "en": "too high"},
}  # fmt: skip

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command line of a collector at whose two stations one rule fires, and which does not run."""
    (rule,) = parse([RULE])
    desk = Desk()
    nodes = (Series.of("air_quality", {"site": "east", "node": node, "sensor": "air-1"}) for node in ("lp-1", "lp-2"))
    desk.hear([transition(series, rule, NOW, 80.0, "firing", NOW) for series in nodes], NOW)
    with closing(open_state(tmp_path / "state.db")) as db:
        book = Book(db)
        with book.commit():
            book.save_desk(desk.changes())
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings = tmp_path / "collector.yaml"
    settings.write_text(json.dumps({"store": store, "state_file": str(tmp_path / "state.db")}))

    def told(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "-c", str(settings)])
        if isinstance(done.exception, Failure):
            raise done.exception
        return done.output

    return told


def test_the_preview_of_a_silence_names_alerts_as_the_list_does(run: Run) -> None:
    listed = {word for word in run("list").split() if word.startswith("a-")}
    assert len(listed - {"a-"}) >= 2
    shown = run("silence", "node=*", "--preview")
    assert {line.split()[0] for line in shown.splitlines()[:2]} <= listed


@pytest.mark.parametrize("words", [("ack", "nosuch"), ("unack", "nosuch"), ("note", "nosuch"), ("show", "nosuch")])
def test_an_alert_that_is_not_known_is_a_slip_with_a_cure(run: Run, words: tuple[str, str]) -> None:
    with pytest.raises(Failure) as refused:
        run(*words)
    assert (refused.value.code, refused.value.word) == (Exit.USAGE, "alert-unknown")
    assert "lamppost alerts list" in refused.value.cure


def test_a_silence_for_ever_is_a_slip(run: Run) -> None:
    with pytest.raises(Failure) as refused:
        run("silence", "node=lp-1", "--for", "200d")
    assert (refused.value.code, refused.value.word) == (Exit.USAGE, "silence-too-long")


def test_one_is_no_plural(run: Run) -> None:
    assert run("silences") == "0 silences\n"
    assert run("history") == "0 changes\n"
