"""`lamppost capture` and `agent watch` on real pseudo-terminals: a session becomes a file, and the file a sensor."""

from __future__ import annotations

import json
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from typer.testing import CliRunner

from edge_agent.commands import watch as watch_cli
from edge_agent.commands.capture import app
from edge_agent.lines import captures
from edge_agent.lines.captures import Capture, CaptureError, Piece
from edge_agent.lines.listening import listen
from edge_agent.lines.playing import moments, stage
from edge_agent.screens.watching import Watch, boundaries, parted, raw_line, screen
from firmware_stubs.faults import parse
from firmware_stubs.faulty import Faulty
from firmware_stubs.pty import StubHost
from lamppost import _build
from tests.sensors.streams import PROFILES, framed
from tests.sensors.test_captures import CAPTURES
from tests.sensors.test_stubs import stub_of
from tests.servers import free_port, wait_for
from tests.typed import typed
from wire.both import zh
from wire.cells import width_of
from wire.exits import Failure

SDS = PROFILES["nova-sds011"]
GOOD = SDS.examples[0].data
TEXT = f"""# lamppost capture 1
# profile: nova-sds011@1
0.000 > aab406010100000000000000000000ffff06ab
0.500 < {GOOD.hex()}

1.500 < {GOOD[:4].hex()}
1.502 < {GOOD[4:].hex()}
2.500 < {bytes((*GOOD[:8], GOOD[8] ^ 1, GOOD[9])).hex()}
"""
run = CliRunner()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[StubHost]:
    stubs = StubHost(links=tmp_path)
    stubs.add("air-1", stub_of("nova-sds011"))
    stubs.start()
    yield stubs
    stubs.stop()


def test_one_that_is_asked_whether_it_has_something_is_recorded_with_its_measurement(
    host: StubHost, tmp_path: Path
) -> None:
    """An SCD30 is read only when it has said that a value is ready."""
    host.add("co2-1", stub_of("sensirion-scd30"))
    heard = listen(str(tmp_path / "co2-1"), PROFILES["sensirion-scd30"], seconds=30)
    assert next(piece for piece in heard if not piece.written and len(piece.data) >= 17)
    heard.close()  # type: ignore[attr-defined]


def test_watching_one_sensor_leaves_the_others_alone(host: StubHost, tmp_path: Path) -> None:
    host.add("air-2", stub_of("nova-sds011"))
    settings = tmp_path / "agent.yaml"
    lines = [f"  - {{name: {name}, profile: nova-sds011, port: {tmp_path}/{name}}}" for name in ("air-1", "air-2")]
    settings.write_text("\n".join(["node: lp-1", "site: s", f"status_file: {tmp_path}/none", "sensors:", *lines]))
    with serial.Serial(str(tmp_path / "air-2"), 9600, exclusive=True):
        result = run.invoke(_build("agent"), ["agent", "watch", "air-1", "--seconds", "1", "-c", str(settings)])
    assert result.exit_code == 0
    assert "air-2" not in result.stderr


def test_a_file_says_what_was_read_and_written_and_comes_back_the_same() -> None:
    capture = captures.parse(TEXT.splitlines())
    assert capture.facts["profile"] == "nova-sds011@1"
    assert [piece.written for piece in capture.pieces] == [True, False, False, False, False]
    assert capture.reads[0] == GOOD
    assert captures.parse(capture.text().splitlines()).pieces == capture.pieces


@pytest.mark.parametrize("path", CAPTURES, ids=[path.stem for path in CAPTURES])
def test_the_captures_of_the_tests_are_captures(path: Path) -> None:
    assert captures.load(path).reads


@pytest.mark.parametrize(
    ("line", "number"), [("0.1 < xy", 1), ("# a: b\n0.1 aa", 2), ("soon < aa", 1), ("nan < aa", 1)]
)
def test_what_is_no_capture_is_named_with_its_line(tmp_path: Path, line: str, number: int) -> None:
    file = tmp_path / "bad.cap"
    file.write_text(line)
    with pytest.raises(CaptureError, match=f"bad.cap:{number}: seconds"):
        captures.load(file)


def test_show_tells_values_and_damage_with_their_times(tmp_path: Path) -> None:
    file = tmp_path / "street.cap"
    file.write_text(TEXT)
    result = run.invoke(app, ["show", str(file)])
    assert result.exit_code == 1
    assert "0.500  data  pm25_raw_ugm3=7.5" in result.stdout
    assert "2.500  bad: bad_checksum" in result.stdout
    rows = [json.loads(line) for line in run.invoke(app, ["show", str(file), "--json"]).stdout.splitlines()]
    assert [row["t_s"] for row in rows] == [0.5, 1.502, 2.5]


def test_slice_counts_anew_from_its_beginning(tmp_path: Path) -> None:
    file, out = tmp_path / "street.cap", tmp_path / "part.cap"
    file.write_text(TEXT)
    assert run.invoke(app, ["slice", str(file), "--from", "1.5", "--to", "2", "-o", str(out)]).exit_code == 0
    assert captures.load(out).pieces == [Piece(0.0, GOOD[:4]), Piece(pytest.approx(0.002), GOOD[4:])]  # type: ignore[arg-type]
    assert captures.load(out).facts | {"measurements": "1", "damaged": "0"} == captures.load(out).facts
    result = run.invoke(app, ["slice", str(file), "--from", "9", "-o", str(out)])
    assert isinstance(result.exception, Failure)


@pytest.mark.usefixtures("host")
def test_record_then_play_gives_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "street.cap"
    result = run.invoke(app, ["record", str(tmp_path / "air-1"), "-p", "nova-sds011", "-o", str(file), "-s", "3"])
    assert result.exit_code == 0, result.output
    capture = captures.load(file)
    assert int(capture.facts["measurements"]) >= 1
    assert any(piece.written for piece in capture.pieces)
    with stage(tmp_path / "played") as port, serial.Serial(port.path, 9600, timeout=2) as line:
        assert port.reader_came(5)
        for _, data in moments(capture):
            port.send(data)
            assert line.read(len(data)) == data
    assert framed(SDS, capture.reads)


def test_a_unit_of_another_speed_is_recorded_at_its_own(tmp_path: Path) -> None:
    """A Renke comes with 4800: it was told to set a `baud` that could not be set."""
    file = tmp_path / "hut.cap"
    with stage(tmp_path / "th-1") as port:
        what = ["record", port.path, "-p", "rs485-modbus-weather", "-o", str(file), "-s", "0.5"]
        result = run.invoke(app, [*what, "--option", "baud=4800"])
        with open(port.path, "rb", buffering=0) as line:
            assert termios.tcgetattr(line)[4:6] == [termios.B4800, termios.B4800]
    assert result.exit_code == 0, result.output
    assert captures.load(file).facts["line"] == "4800 8N1"


def test_play_keeps_time_and_waits_for_its_reader(tmp_path: Path) -> None:
    file, link = tmp_path / "street.cap", tmp_path / "air"
    file.write_text(TEXT)
    program = [sys.executable, "-m", "lamppost", "capture", "play", str(file), "--speed", "4x", "--link", str(link)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as player:
        assert player.stdout is not None
        assert player.stdout.readline().strip() == str(link)
        with serial.Serial(str(link), 9600, timeout=5) as line:
            assert line.read(20) == GOOD * 2
            line.read(10)
        assert player.wait(20) == 0
    assert not link.exists()


@pytest.mark.usefixtures("host")
def test_a_port_that_is_held_says_by_whom(tmp_path: Path) -> None:
    with serial.Serial(str(tmp_path / "air-1"), 9600, exclusive=True):
        result = run.invoke(app, ["record", str(tmp_path / "air-1"), "-p", "nova-sds011", "-o", str(tmp_path / "x")])
    assert isinstance(result.exception, Failure)
    assert result.exception.word == "port-busy"
    assert "agent watch" in result.exception.cure


def test_untimed_reads_come_one_after_the_other() -> None:
    times = [t_s for t_s, _ in moments(Capture({}, [Piece(None, b"a"), Piece(None, b"b"), Piece(5.0, b"c")]))]
    assert times == [pytest.approx(0.1), pytest.approx(0.2), 5.0]


# Watching


def test_the_screen_shows_value_unit_age_quality_and_damage() -> None:
    watch = Watch("air-1", SDS, 0.0)
    assert "nothing heard yet" in "\n".join(screen([watch], 1.0, "12:00:00"))
    watch.read(GOOD + GOOD[:8] + b"\0\xab" + GOOD, 1.0)
    text = "\n".join(screen([watch], 3.5, "12:00:00"))
    assert "air-1  ok  2.5 s ago  1 bad of 3" in text
    assert "bad_checksum 1" in text
    assert "pm25_raw_ugm3           7.5 µg/m³" in text
    assert all(len(line) <= 60 for line in text.splitlines())
    assert "air-1  silent  1 min 39 s ago" in "\n".join(screen([watch], 100.0, "12:00:00"))
    chinese = [zh(line) for line in screen([watch], 3.5, "12:00:00")]
    assert chinese[:3] == [f"实时 12:00:00{'Ctrl-C 结束':>45}", "", "air-1  正常  2.5 秒前  3 帧中坏 1"]
    assert max(map(width_of, chinese)) == 60


@pytest.mark.parametrize("name", PROFILES)
def test_every_model_fits_a_narrow_screen_and_shows_its_fields(name: str) -> None:
    profile = PROFILES[name]
    watch = Watch("a-sensor-name", profile, 0.0)
    for example in profile.examples:
        for seen in watch.read(example.data, 1.0):
            assert raw_line(watch, seen, "12:00:00")
    assert all(len(line) <= 60 for line in screen([watch], 12.0, "12:00:00", every=True))


def test_a_raw_frame_is_folded_to_the_terminal_and_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = PROFILES["plantower-pms5003"]
    watch = Watch("air-1", profile, 0.0)
    (seen,) = watch.read(profile.examples[0].data, 1.0)
    line = raw_line(watch, seen, "12:00:00")
    assert watch_cli._folded(line) == line
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    folded = watch_cli._folded(line)
    assert all(len(row) <= 60 for row in folded.splitlines())
    assert folded.split() == line.split()


def test_fields_are_parted_where_they_begin() -> None:
    assert parted(GOOD, boundaries(SDS, "data", GOOD)) == "aa c0 | 4b 00 | 51 00 | e9 77 | fc | ab"


def test_watching_beside_an_agent_reads_what_the_agent_reads(tmp_path: Path) -> None:
    stubs = StubHost(links=tmp_path)
    stub = stub_of("nova-sds011")
    stub.faulty = Faulty(3, [parse("checksum@0.5")])
    stubs.add("air-1", stub)
    settings = tmp_path / "agent.yaml"
    settings.write_text(
        f"node: lp-1\nsite: s\nbroker: {{port: {free_port()}}}\nstatus_file: {tmp_path}/status.json\n"
        f"spool: {{path: {tmp_path}/spool.db, allow_tmpfs: true}}\n"
        f"sensors:\n  - {{name: air-1, profile: nova-sds011, port: {tmp_path}/air-1}}\n"
    )
    agent = subprocess.Popen([sys.executable, "-m", "lamppost", "agent", "run", str(settings), "-q"])
    try:
        wait_for("the agent's socket", (tmp_path / "status.sock").exists)
        stubs.start()
        capture = tmp_path / "street.cap"
        watched = [*map(str, ("--config", settings, "--record", capture)), "--seconds", "5"]
        said = _json_lines(["agent", "watch", "air-1", *watched, "--json"])
        assert any("bad" in line for line in said)
        assert any(line.get("rows") for line in said)
        assert captures.load(capture).facts["profile"] == "nova-sds011@1"
    finally:
        agent.terminate()
        agent.wait(15)
        stubs.stop()
    assert not (tmp_path / "status.sock").exists()


@pytest.mark.usefixtures("host")
def test_watching_without_an_agent_opens_the_ports(tmp_path: Path) -> None:
    settings = tmp_path / "agent.yaml"
    settings.write_text(
        f"node: lp-1\nsite: s\nstatus_file: {tmp_path}/status.json\n"
        f"sensors:\n  - {{name: air-1, profile: nova-sds011, port: {tmp_path}/air-1}}\n"
    )
    said = _json_lines(["agent", "watch", "--config", str(settings), "--seconds", "4", "--json"])
    assert [line["sensor"] for line in said if line.get("rows")]


def _json_lines(arguments: list[str]) -> list[dict[str, Any]]:
    done = typed(*arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "line", ["slice {file} -o {out}", "record /dev/null -p nova-sds011 -o {out}"], ids=["slice", "record"]
)
def test_a_file_that_cannot_be_made_is_one_line(line: str, tmp_path: Path) -> None:
    """It was a traceback of forty."""
    file, out = tmp_path / "a.cap", tmp_path / "nowhere" / "b.cap"
    file.write_text(TEXT)
    failure = run.invoke(app, line.format(file=file, out=out).split()).exception
    assert isinstance(failure, Failure)
    assert f"{out}: No such file or directory" in failure.line()
