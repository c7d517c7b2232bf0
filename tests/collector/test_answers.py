"""What a station answers the office, shown and written down: whoever holds a station may say anything, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from collector.commands import stations
from collector.commands.options import load_settings
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.stations import asking
from collector.stations.fleet import history
from collector.web.desk.file import DeskFile
from tests.closes import Closes
from wire.exits import Exit, Failure
from wire.status import Birth

NODE = "lp-0017"
SENSOR = {"name": "air-1", "profile": "nova-sds011@1", "frames": 1, "frame": "AA", "values": [{"pm25_raw_ugm3": 1.0}]}


@pytest.fixture
def file(tmp_path: Path, closes: Closes) -> Path:
    file = tmp_path / "collector.yaml"
    state = f"state_file: {tmp_path / 'collector.db'}\n"
    file.write_text(f"store: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\n{state}")
    registry = Registry(closes(open_state(load_settings(file).state_file)))
    registry.update(Birth(NODE, "here", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced"), 1)
    registry.save()
    return file


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("doctor",), {}),
        (("doctor",), {"results": [{"state": ["fail"]}]}),
        (("doctor", "--json"), {"results": 5}),
        (("identify",), {"led": "ACT", "seconds": "ten"}),
        (("frames",), {"sensors": ["air-1"]}),
        (("frames",), {"sensors": [SENSOR | {"at_ms": 1e20}]}),
        (("frames",), {"sensors": [SENSOR | {"at_ms": 1, "values": [{"pm25_raw_ugm3": "much"}]}]}),
        (("config", "show"), {"text": "node: lp-0017\n"}),
        (("config", "set", "seal_s=10"), {"digest": "0"}),
    ],
)
def test_an_answer_that_no_agent_gives_is_told_in_a_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: dict[str, Any]
) -> None:
    """It was a traceback of the office's own."""
    monkeypatch.setattr(asking, "ask", lambda *_: {"ok": True, **said})
    verb = 2 if words[0] == "config" else 1
    done = CliRunner().invoke(stations.app, [*words[:verb], NODE, *words[verb:], "--config", str(file)])
    assert isinstance(done.exception, Failure), done.exception
    assert (done.exception.word, str(done.exception)) == ("bad-answer", f"{NODE} answers what no agent says")


def test_settings_stand_in_the_trail_also_when_nobody_waits_for_their_outcome(
    file: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes
) -> None:
    """Ctrl-C within the two minutes of the trial: the station kept them, and the trail named nobody."""
    (file.parent / "new.yaml").write_text("node: lp-0017\n")
    settings = load_settings(file)

    def asked(_s: object, _n: str, _v: str, arguments: dict[str, Any], _t: float) -> dict[str, Any]:
        if arguments["do"] == "show":
            raise KeyboardInterrupt
        if arguments["text"] == "":
            raise Failure(Exit.TIMED_OUT, "no-answer", "it has not answered")
        return {"ok": True}

    monkeypatch.setattr(asking, "ask", asked)
    monkeypatch.setattr("time.sleep", lambda _: None)
    words = ["config", "apply", NODE, str(file.parent / "new.yaml"), "--config", str(file)]
    assert CliRunner().invoke(stations.app, words).exit_code == Exit.INTERRUPTED
    (file.parent / "new.yaml").write_text("")
    assert CliRunner().invoke(stations.app, words).exit_code != 0
    kept = [version.outcome for version in history(closes(open_state(settings.state_file)), NODE)]
    assert kept == ["no answer", "on trial"]
    told = [(line.what, line.about) for line in closes(DeskFile(settings.desk_file)).trail(9)]
    assert told == [("settings sent", f"{NODE} version 2: no answer"), ("settings sent", f"{NODE} version 1: on trial")]
