"""`lamppost sim` as people call it: at every depth, steered, judged, and wrong orders told in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.commands.capture import app as capture_app
from edge_agent.lines import captures
from simulator import runs
from simulator.depths import captures as depth_file
from simulator.depths.control import ask
from simulator.notes import Notes
from simulator.scenario import scenario
from simulator.sim_cli import app
from simulator.verify.verdict import Verdict
from tests.servers import Influxd, wait_for
from tests.typed import typed
from wire.exits import Failure

QUICK = ("--small", "--duration", "10m")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMPPOST_SIM_HOME", str(tmp_path / "runs"))


def sim(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = typed("sim", *words)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def said(*words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sim(*words, "--json", code=code).stdout)
    return found


def test_a_run_is_kept_judged_again_and_shown_as_a_page(tmp_path: Path) -> None:
    ran = said("run", "dust-storm", *QUICK, "--fault", "drop@0.05")
    assert ran["verdict"]["missing"]["line"] > 0
    page = tmp_path / "verdict.html"
    judged = said("verify", "--run", ran["run"], "--html", str(page))
    assert judged == ran["verdict"]
    text = page.read_text()
    assert "PASS" in text
    assert text.count("<svg") >= 2
    assert "<script" not in text
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("faults", "same_as"),
    [
        (("link-down:20@+9s", "link-down:20@+19s"), ("link-down:30@+9s",)),  # it was mended when the first was over
        (("power-cut:20@+9s", "kill:1@+12s"), ("power-cut:20@+9s",)),  # the agent began in the dark
        (("power-cut:20@+41s",), ()),  # it strikes nobody, as the note says, and struck while the run settled
    ],
)
def test_what_overlaps_lasts_as_long_as_either_and_nothing_strikes_behind_the_end(
    faults: tuple[str, ...], same_as: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "short.yaml").write_text(CORNER.replace("5s", "40s"))
    run = ("run", str(tmp_path / "short.yaml"))
    ran = [said(*run, *(word for fault in each for word in ("--fault", fault))) for each in (faults, same_as)]
    assert ran[0]["hash"] == ran[1]["hash"]


@pytest.mark.real
def test_a_run_may_store_in_influxdb(influxd: Influxd) -> None:
    ran = said("run", "hostile-node", *QUICK, "--store", f"influx://127.0.0.1:{influxd.port}/simulated")
    assert ran["verdict"]["passed"]
    assert ran["verdict"]["stored"] > 100


def test_files_alone_are_the_same_bytes_twice(tmp_path: Path) -> None:
    ran = [said("run", "rush-hour", *QUICK, "--depth", "file", "--out", str(tmp_path / n)) for n in ("a", "b")]
    assert ran[0]["hash"] == ran[1]["hash"]
    for file in (tmp_path / "a").glob("*.hex"):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    air = captures.load(tmp_path / "a" / "lp-0001-air-1.hex")
    assert air.facts["profile"] == "plantower-pms5003@1"
    assert air.facts["line"] == "9600 8N1"


TOWN = """
title: {zh: 一个路口, en: A street corner}
start: "2026-05-13T08:00"
duration: 5m
stations: 1
sensors:
  air-1: {model: plantower-pms5003}
  air-2: {model: sensirion-sps30}
  co2-1: {model: winsen-mhz19b}
  bus-1: {model: rs485-modbus-weather}
  radar-1: {model: omnipresense-ops243a}
"""


def test_files_are_captures_that_every_tool_reads(tmp_path: Path) -> None:
    """Polled models speak too: both sides of the line are there, and nothing is damaged."""
    (tmp_path / "town.yaml").write_text(TOWN)
    town = scenario.load(str(tmp_path / "town.yaml"))
    assert depth_file.run(town, 7, tmp_path, "town")["reads"] > 200
    for name, of in town.sensors.items():
        file = tmp_path / f"lp-0001-{name}.hex"
        capture = captures.load(file)
        assert capture.facts["profile"] == f"{of.model}@1"
        assert len(capture.reads) > 10
        assert any(piece.written for piece in capture.pieces)
        shown = CliRunner().invoke(capture_app, ["show", str(file), "--json"])
        assert shown.exit_code == 0, shown.output


def test_files_end_within_a_sensor_when_somebody_ends_them(tmp_path: Path) -> None:
    """Ctrl-C was heard between two sensors only, however long one of them took."""
    (tmp_path / "town.yaml").write_text(TOWN)
    town = scenario.load(str(tmp_path / "town.yaml"))
    ran = depth_file.run(town, 7, tmp_path, "town", watch=lambda done: done < 0.1)
    assert not ran["whole"]
    (file,) = tmp_path.glob("*.hex")
    assert 100 < captures.load(file).seconds < 240, "half of five minutes is a tenth of five sensors"


def test_virtual_nodes_through_the_embedded_broker() -> None:
    ran = said("run", "rush-hour", "--depth", "mqtt", "--stations", "40", "--duration", "4s", "--seal", "1",
               "--speed", "1x", "--fault", "link-down:2@+1s on lp-0003")  # fmt: skip
    assert ran["verdict"]["passed"], ran
    assert ran["counts"]["connected"] >= 41
    assert ran["verdict"]["sent"] >= 0


CORNER = """
title: {zh: 一个气象站, en: A weather station}
start: "2026-05-13T08:00"
duration: 5s
stations: 1
sensors:
  wind-1: {model: vaisala-wmt700}
  wx-1: {model: vaisala-wxt, period_s: 1}
"""


def test_a_real_agent_at_terminals(tmp_path: Path) -> None:
    """Sensors that need no warming up: a few seconds tell, and what the line loses is explained."""
    (tmp_path / "corner.yaml").write_text(CORNER)
    words = ("--depth", "pty", "--speed", "1x", "--fault", "drop@0.2 on lp-0001/wind-1")
    ran = said("run", str(tmp_path / "corner.yaml"), *words)
    verdict = ran["verdict"]
    assert verdict["passed"], verdict
    assert verdict["lost"] == verdict["doubled"] == 0
    assert verdict["stored"] >= 3


@pytest.mark.long  # a plantower warms up for half a minute
def test_real_agents_at_terminals() -> None:
    ran = said("run", "dust-storm", "--depth", "pty", "--stations", "1", "--duration", "45s", "--speed", "1x")
    assert ran["verdict"]["passed"], ran["verdict"]
    assert ran["verdict"]["lost"] == ran["verdict"]["doubled"] == 0
    assert ran["verdict"]["stored"] > 0


def test_what_a_killed_run_has_left_in_memory_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "IN_RAM", tmp_path)
    (tmp_path / "lamppost-run-dead" / "inside").mkdir(parents=True)
    with runs.scratch() as one, runs.scratch() as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])
    assert not list(tmp_path.iterdir())


def test_a_run_is_steered_and_ends_early_with_what_there_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lamppost", "sim", "run", "disk-full", "--speed", "60x", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for("the run's control", lambda: any((tmp_path / "runs").glob("*/control")))
        folder = next((tmp_path / "runs").iterdir())
        assert said("ctl", "last", "pause")["paused"] is True
        assert ask(folder, {"do": "speed", "to": "600x"})["speed"] == "600x"
        assert ask(folder, {"do": "fault", "text": "drop@0.5 on lp-0001/air-1"})["paused"] is True
        assert "'bitflop' is not known" in ask(folder, {"do": "fault", "text": "bitflop@0.1"})["error"]
        assert "did you mean 'air-1'" in ask(folder, {"do": "fault", "text": "drop@0.5 on lp-0001/air-11"})["error"]
        assert "strikes nobody" in ask(folder, {"do": "fault", "text": "kill@+0s on lp-0099"})["error"]
        resumed = ask(folder, {"do": "resume"})["simulated_s"]
        wait_for("time to go on", lambda: ask(folder, {"do": "status"})["simulated_s"] > resumed + 300)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    ran = json.loads(out)
    assert ran["interrupted"] is True
    assert "Traceback" not in err
    assert ran["verdict"]["lost"] == 0
    assert ran["verdict"]["missing"]["line"] > 0
    assert not any((tmp_path / "runs").glob("*/control"))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("run", "rush-huor"), 2, "did you mean 'rush-hour'"),
        (("run", "no/such/street.yaml"), 2, "no/such/street.yaml does not exist. Cure"),
        (("run", "rush-hour", "--fault", "bitflip"), 2, "is not KIND"),
        (("run", "rush-hour", "--fault", "broker-down@0.5"), 2, "wants a time"),
        (("run", "rush-hour", "--fault", "bitflip@0_1"), 2, "'0_1' is no time"),  # it was each frame
        (("run", "rush-hour", "--duration", "99999999999d"), 2, "longer than ten years"),
        (("run", "rush-hour", "--speed", "fast"), 2, "write 1x, 60x or max"),
        (("run", "rush-hour", "--depth", "deep"), 2, "write chain, pty, mqtt, file"),
        (("run", "rush-hour", "--depth", "mqtt", "--stations", "5000"), 2, "start mosquitto"),
        (("run", "rush-hour", "--depth", "pty"), 2, "write --speed 1x"),
        (("run", "rush-hour", "--depth", "pty", "--speed", "1x", "--broker", "localhost:1"), 2, "name it with --store"),
        (("run", "rush-hour", "--duration", "long"), 2, "no length of time"),
        (("run", "rush-hour", "--from", "yesterday"), 2, "no time such as 2026-03-16T06:30"),
        (("run", "rush-hour", "--from", "9999-12-31"), 2, "a year from 1971 to 2199"),
        (("run", "rush-hour", "--store", "redis://x"), 2, "is no database"),
        (("run", "rush-hour", "--store", "influx://localhost:99999/city"), 2, "is no database"),
        (("run", "rush-hour", "--depth", "mqtt", "--broker", "localhost:99999"), 2, "is no address"),
        (("verify", "--run", "nothing"), 2, "no run 'nothing'"),
        (("ctl", "nothing", "pause"), 2, "no run 'nothing'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(words: tuple[str, ...], code: int, told: str) -> None:
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, Failure), result.output
    assert told in result.exception.line()
    assert "\n" not in result.exception.line()
    assert result.exception.code == code


def test_a_run_says_why_it_fails_and_that_it_was_ended_early(tmp_path: Path) -> None:
    (tmp_path / "corner.yaml").write_text(TOWN)
    told = sim("run", str(tmp_path / "corner.yaml"), "--fault", "drop@+2m on lp-0002", code=1)
    assert "\n  not allowed here: missing for warming_up\n" in told.stdout
    assert "expect: {missing: [...]}" in told.stdout
    assert told.stderr.startswith("note  drop@+2m on lp-0002 strikes nobody")
    verdict = Verdict(whole=False)
    assert verdict.lines()[1].endswith("ended early   PASS")
    assert verdict.as_json()["whole"] is False


def test_a_page_that_cannot_be_written_and_a_taken_folder_are_told(tmp_path: Path) -> None:
    told = sim("run", "dust-storm", "--small", "--duration", "2m", "--out", str(tmp_path / "mine")).stderr
    assert f"--run {tmp_path / 'mine'} --html" in told, "a folder of one's own is found from anywhere"
    sim("run", "dust-storm", "--small", "--duration", "1m", "--out", str(tmp_path / "mine"))
    words = ("verify", "--run", str(tmp_path / "mine"), "--html", str(tmp_path / "none" / "x.html"))
    assert sim(*words, code=4).stderr.endswith("x.html: No such file or directory\n")
    (tmp_path / "mine" / "notes.db").unlink()
    told = sim("run", "dust-storm", "--small", "--out", str(tmp_path / "mine"), code=2).stderr
    assert "readings.db is of no run. Cure: name another folder" in told
    assert (tmp_path / "mine" / "readings.db").exists()


def test_a_run_too_short_to_store_anything_is_told_so(tmp_path: Path) -> None:
    """It was `unable to open database file`, with the advice to start it."""
    notes = Notes(tmp_path / "notes.db")
    notes.say(store=f"sqlite://{tmp_path}/readings.db")
    notes.close()
    told = sim("verify", "--run", str(tmp_path), code=1).stderr
    assert "nothing was stored in" in told
    assert "Cure: give a longer --duration" in told


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGHUP,)])
def test_whoever_is_in_a_hurry_or_closes_the_terminal_leaves_no_program_behind(
    tmp_path: Path, signals: tuple[signal.Signals, ...]
) -> None:
    (tmp_path / "corner.yaml").write_text(CORNER.replace("5s", "5m"))
    out = tmp_path / "mine"
    command = [sys.executable, "-m", "lamppost", "sim", "run", str(tmp_path / "corner.yaml"), "--depth", "pty"]
    child = subprocess.Popen([*command, "--speed", "1x", "--out", str(out)], stdout=subprocess.PIPE)
    try:
        wait_for("a live agent", (out / "lp-0001.json").exists)
        assert len(programs_of(out)) == 2
        for number in signals:
            child.send_signal(number)
            wait_for("the run to end or to go on ending", lambda: child.poll() is not None or not_heard(child.pid))
        child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert programs_of(out) == []


def programs_of(folder: Path) -> list[str]:
    """The agents and collectors that run with settings of a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode()
            found += [line] * (f" run {folder}/" in line)
    return found


def not_heard(pid: int) -> bool:
    """True when no signal waits for a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return all(int(line.split()[1], 16) == 0 for line in lines if line.startswith(("SigPnd", "ShdPnd")))
