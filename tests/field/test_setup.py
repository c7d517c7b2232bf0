"""Setting up: from a file without questions, resumed where it stopped, and proved by what the database gives back."""

from __future__ import annotations

import base64
import getpass
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from common.settings import BrokerAddress
from common.strict_model import fit
from common.strict_yaml import parse
from device_profiles.catalogue import load
from edge_agent.commands.options import models
from edge_agent.commands.ports import _own_models
from edge_agent.identity.reach import why_not_let_in
from edge_agent.lines.port_probe import Finding
from edge_agent.sensors.probing import Outcome
from edge_agent.settings.check import checked
from edge_agent.settings.config import Config
from edge_agent.setup import wizard
from edge_agent.setup.answers import Answers, BrokerAnswer, Notebook, read_answers
from edge_agent.setup.questions import ask
from edge_agent.setup.sensor_search import sensors_of
from edge_agent.setup.settings_text import settings_text
from edge_agent.setup_web.live import Live
from firmware_stubs.models import MODELS
from tests.field.conftest import WORLD, Field
from tests.field.expect import Terminal
from tests.servers import Mosquitto, free_port, wait_for
from tests.typed import typed
from wire.exits import Exit, Failure

ANSWERS = """node: lp-0042
site: test-site
who: Wang Lei
where: "pole 17: north"
lat: 39.9
lon: 116.4
broker: {host: 10.0.0.1, username: "user: odd", password_file: /etc/credstore/lamppost.broker}
sensors: [{name: air-1, profile: plantower-pms5003, port: "/dev/serial/by-path/usb-0:1.3:1.0"}]
clock: always
"""


HASTY = """
import lamppost
from edge_agent.sensors import probing

probing.FIRST_S = probing.SLOW_S = probing.SLICE_S = 0.4
probing.ANSWER_S = 0.1
lamppost.main()
"""  # listens for less time: who speaks here speaks five times a second


def test_what_setup_writes_is_a_settings_file_with_its_comments() -> None:
    answers = read_answers(ANSWERS, "answers.yaml")
    assert answers.broker is not None
    text = settings_text(answers, "lp-0042", None, answers.broker.model_dump(), "2026-09-01")
    config = fit(Config, parse(text, "agent.yaml"))
    assert (config.node, config.site, config.clock.trust) == ("lp-0042", "test-site", "always")
    assert config.broker.username == "user: odd"
    assert config.sensors[0].port == "/dev/serial/by-path/usb-0:1.3:1.0"
    assert text.startswith("# Settings of this station")


def test_a_cluster_is_set_up_with_all_its_nodes_and_what_it_speaks() -> None:
    cluster = 'broker: {host: 10.0.0.1, others: ["10.0.0.2:1884", "no"], protocol: 3.1.1}'
    answers = read_answers(re.sub("broker:.*", cluster, ANSWERS), "answers.yaml")
    assert answers.broker is not None
    text = settings_text(answers, "lp-0042", None, answers.broker.settings(), "2026-09-01")
    config = fit(Config, parse(text, "agent.yaml"))
    assert (config.broker.others, config.broker.protocol) == (["10.0.0.2:1884", "no"], "3.1.1")


@pytest.mark.real
def test_a_set_up_goes_by_the_node_of_a_cluster_that_answers(field: Field) -> None:
    options = ready(field)
    cluster = {"port": free_port(), "others": [f"127.0.0.1:{field.broker.port}"], "spread_s": 0.0}
    sensor = {"name": "air-1", "profile": "plantower-pms5003", "port": str(field.ports / "air")}
    field.write(field.settings(sensors=[sensor], broker=cluster))
    field.collector.start()
    done = field.lamppost("agent", "setup", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PM2.5 35  PM10 55 µg/m³  read back" in done.stdout


@pytest.mark.parametrize("word", ["17", "no", "null", "1e5", "0x10", "007", "true", "on", "lp-1"])
def test_a_name_that_yaml_takes_for_something_else_stays_a_name(word: str) -> None:
    sensor = {"name": word, "profile": "plantower-pms5003", "port": "/dev/17: # x"}
    answers = Answers.model_validate({"site": word, "sensors": [sensor]})
    broker = {"host": "10.0.0.1", "port": 1883, "username": f'{word}"\\ # x'}
    config = fit(Config, parse(settings_text(answers, word, None, broker, "2026-09-01"), "agent.yaml"))
    assert (config.node, config.site, config.sensors[0].name) == (word, word, word)
    assert (config.sensors[0].port, config.broker.username) == (sensor["port"], broker["username"])


def test_a_qr_code_holds_the_same_answers() -> None:
    code = "lamppost:" + base64.urlsafe_b64encode(ANSWERS.encode()).decode().rstrip("=")
    assert read_answers(code, "QR") == read_answers(ANSWERS, "answers.yaml")


def test_a_station_is_set_up_with_a_model_of_ones_own(tmp_path: Path) -> None:
    """Only a settings file written by hand could name one."""
    text = load().path("nova-sds011").read_text(encoding="utf-8")
    (tmp_path / "acme-dust.yaml").write_text(text.replace("profile: nova-sds011", "profile: acme-dust"))
    own = ANSWERS.replace("plantower-pms5003", "acme-dust")
    with pytest.raises(Failure, match=r"answers.yaml:8: sensors\[0\].profile: profile 'acme-dust' is not known"):
        read_answers(own, "answers.yaml")
    answers = read_answers(f"{own}profiles: {tmp_path}\n", "answers.yaml")
    assert answers.broker is not None
    settings = settings_text(answers, "lp-0042", None, answers.broker.settings(), "2026-09-01")
    assert checked(settings, "agent.yaml").profiles == tmp_path
    assert sensors_of(models(tmp_path), {"/dev/a": "acme-dust"})[0].name == "air-1"
    assert "acme-dust" in Live(list, tmp_path)._row(Finding("/dev/a", Outcome(None, [], {}), None)).choices
    (tmp_path / "agent.yaml").write_text(settings)
    assert _own_models(tmp_path / "agent.yaml") == tmp_path


@pytest.mark.parametrize(
    ("text", "reason"), [("nod: lp-1", "did you mean 'node'"), ("lat: 91", "lat"), ("lamppost:!", "no settings")]
)
def test_answers_that_cannot_be_used_name_the_line(text: str, reason: str) -> None:
    with pytest.raises(Failure, match=reason):
        read_answers(text, "answers.yaml")


def test_an_attempt_is_remembered_without_its_token_and_forgotten_when_done(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "lamppost" / "setup.json")
    assert notebook.read() is None
    notebook.keep(Answers(node="lp-1", token="secret", who="Wang"))
    assert notebook.read() == Answers(node="lp-1", who="Wang")
    notebook.forget()
    assert notebook.read() is None


def ready(field: Field) -> tuple[str, ...]:
    """A broker, a sensor, and settings that a set-up has written; the options that name them."""
    field.broker.start()
    field.stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD))
    field.stubs.start()
    sensor = {"name": "air-1", "profile": "plantower-pms5003", "port": str(field.ports / "air")}
    field.write(field.settings(sensors=[sensor]))
    return "--config", str(field.config)


@pytest.mark.real
def test_a_set_up_ends_with_a_reading_that_the_database_gave_back(field: Field) -> None:
    options = ready(field)
    field.collector.start()
    done = field.lamppost("agent", "setup", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is there: it is kept as it is" in done.stdout
    assert "PM2.5 35  PM10 55 µg/m³  read back" in done.stdout
    assert "sent to the city as record 1" in done.stdout
    assert json.loads((field.folder / "installation.json").read_text())["sensors"][0]["read_back"]


@pytest.mark.real
@pytest.mark.long
def test_what_nobody_confirms_is_not_called_stored(field: Field) -> None:
    done = field.lamppost("agent", "setup", "--proof-seconds", "3", *ready(field))
    assert done.returncode == 1
    assert "NOT read back" in done.stdout
    assert "the record stays here" in done.stderr
    assert "sensor.air-1" in done.stdout.split("there and back (up to 3 s):")[1].split("Installation")[0]
    assert "lamppost.uplink" not in done.stderr  # its log is no part of the screen
    assert "Errno" not in done.stdout + done.stderr


@pytest.mark.real
def test_a_program_that_reads_along_hears_the_record_and_nothing_else(field: Field) -> None:
    done = field.lamppost("agent", "setup", "--json", "--proof-seconds", "1", *ready(field))
    assert json.loads(done.stdout)["schema"] == "lamppost.installation/1"
    assert "is there: it is kept as it is" in done.stderr


@pytest.mark.real
def test_a_set_up_whose_connection_is_lost_leaves_no_agent_behind(field: Field) -> None:
    """It would keep the ports and the spool from the service, for ever."""
    field.write(field.settings())
    program = (
        "import sys, time, pathlib; from edge_agent.settings.config import Config; from edge_agent.setup import proof\n"
        "from common.settings import load_settings; file = pathlib.Path(sys.argv[1])\n"
        "with proof.agent_of_our_own(file, load_settings(Config, file, ''), print) as agent:\n"
        "    print('agent', agent.pid, 'runs'); time.sleep(60)"
    )
    person = Terminal([sys.executable, "-c", program, str(field.config)])
    person.expect("runs")
    wait_for("its agent", lambda: field.status() != {}, 20)
    person.hang_up(30)
    assert not Path(f"/proc/{field.status()['pid']}").exists()


def test_answers_that_lack_something_say_what(tmp_path: Path) -> None:
    short = tmp_path / "short.yaml"
    short.write_text("who: Wang Lei\n")
    done = typed("agent", "setup", "--from", str(short), "--config", str(tmp_path / "agent.yaml"))
    assert done.returncode == 3
    assert "lack site, node or token" in done.stderr


def test_a_terminal_that_sends_gbk_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As PuTTY does on a Chinese Windows: "unable to parse raw data as a unicode string" helped nobody."""
    keys = iter(("王工".encode("gbk").decode(errors="surrogateescape"), "Wang"))
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(keys))
    assert ask("Your name", "-", str) == "Wang"
    assert "set your terminal to UTF-8" in capsys.readouterr().out


def test_answers_from_an_editor_that_writes_gbk_are_told_so(tmp_path: Path) -> None:
    short = tmp_path / "short.yaml"
    short.write_bytes("who: 王磊\n".encode("gbk"))
    done = typed("agent", "setup", "--from", str(short), "--config", str(tmp_path / "agent.yaml"))
    assert done.returncode == 3
    assert "not UTF-8. Cure: save it as UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("was", "wrong", "reason"),
    [
        (
            "plantower-pms5003",
            "plantower-pms5004",
            "answers.yaml:8: sensors[0].profile: profile 'plantower-pms5004' is not known; "
            "did you mean 'plantower-pms5003'? Cure",
        ),
        ("/etc/credstore/", "/no/credstore/", "broker.password_file: /no/credstore/lamppost.broker: does not exist"),
    ],
)
def test_answers_that_no_agent_could_use_are_not_written(tmp_path: Path, was: str, wrong: str, reason: str) -> None:
    config, answers = tmp_path / "agent.yaml", tmp_path / "answers.yaml"
    answers.write_text(ANSWERS.replace(was, wrong))
    done = typed("agent", "setup", "--from", str(answers), "--config", str(config))
    assert done.returncode == 3, done.stdout
    assert reason in done.stderr
    assert not config.exists()


def test_a_wizard_that_was_left_goes_on_where_it_was(tmp_path: Path) -> None:
    config = tmp_path / "agent.yaml"
    command = [sys.executable, "-m", "lamppost", "agent", "setup", "--config", str(config)]
    first = Terminal(command)
    first.expect("[t/N]")
    first.type("x")
    first.expect("one of t, n, please")
    first.type("n")
    first.expect("Name of this device")
    first.type("LP 17")
    first.expect("small letters")
    first.type("lp-0017")
    first.expect("Place")
    first.type("jianguo-rd-east")
    first.expect("Your name")
    first.type("\x03")
    assert first.end() != 0
    assert not [line for line in first.seen.splitlines() if len(line) > 60]
    second = Terminal(command)
    second.expect("A set-up of lp-0017 was begun here")
    second.type("g")
    second.expect("Your name")  # the station is not asked again
    second.type("x" * 101)
    second.expect("at most 100 characters")
    second.type("\x03")
    second.end()
    assert "Name of this device" not in second.seen
    assert not config.exists()


def test_a_port_can_be_typed_where_none_is_found_and_another_files_set_up_is_not_gone_on_with(field: Field) -> None:
    field.stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD, period_s=0.2))
    field.stubs.start()
    field.config.unlink(missing_ok=True)
    known = Answers(node="lp-1", site="here", who="Wang", where="-", lat=1.0, lon=2.0, broker=BrokerAnswer())
    Notebook(field.folder / "agent.setup.json").keep(known)
    Notebook(field.folder / "other.setup.json").keep(known.with_(node="lp-2"))
    command = [sys.executable, "-c", HASTY, "agent", "setup", "--config", str(field.config)]
    person = Terminal(command)
    person.expect("A set-up of lp-1 was begun here")
    person.type("g")
    person.expect("[a]gain, [p]ort by name, [q]uit? [A/p/q]", 90)
    assert "[u]se" not in person.seen  # nothing was found that could be used
    person.type("p")
    person.expect("Ports, such as")
    person.type(str(field.ports / "air"))
    person.expect("[u]se it, [a]gain, [p]ort by name, [q]uit? [U/a/p/q]", 90)
    assert "air-1    plantower-pms5003" in person.seen
    master, silent = pty.openpty()
    person.type("p")
    person.expect("Ports, such as")
    person.type(f"{field.ports / 'air'} {os.ttyname(silent)}")
    person.expect("[u]se 1, [a]gain, [p]ort, [m]odel, [q]uit? [U/a/p/m/q]", 90)
    person.type("m")
    person.expect("Model, such as")
    person.type("pms5")
    person.expect("one of plantower-pms5003,")
    person.type("mph")
    person.expect("  radar-1  mph-radar")
    person.expect("[u]se 2")
    os.close(silent)
    os.close(master)
    person.type("q")
    assert person.end() != 0
    afresh = Terminal([*command, "--anew"])
    afresh.expect("Have a [t]oken")
    assert "was begun here" not in afresh.seen
    afresh.type("\x03")
    afresh.end()


def test_a_login_is_tried_where_it_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = iter(["127.0.0.1, 127.0.0.2", "1883", "y", "lp-1", "", "wrong", "t", "lp-1", "right"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(keys))
    tried: list[str | None] = []

    def answer(address: BrokerAddress, _: str) -> str | None:
        tried.append(address.password)
        return None if address.password == "right" else "broker 127.0.0.1:1883 refuses this user and password"

    monkeypatch.setattr("edge_agent.identity.reach.why_not_let_in", answer)
    answers = wizard._link(Answers(node="lp-1"), tmp_path)
    assert tried == ["wrong", "right"]
    assert answers.broker is not None
    assert answers.broker.others == ["127.0.0.2"]
    assert answers.broker.password_file is not None
    assert answers.broker.password_file.read_text() == "right"
    said = capsys.readouterr().out
    assert "an empty one is none" in said
    assert "refuses this user and password" in said


@pytest.mark.real
def test_a_broker_says_whether_it_lets_us_in(tmp_path: Path) -> None:
    closed = free_port()
    assert why_not_let_in(BrokerAddress("127.0.0.1", closed), "a") == f"broker 127.0.0.1:{closed}: Connection refused"
    words = tmp_path / "words"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(words), "lp-1", "right"], check=True)
    words.chmod(0o644)
    broker = Mosquitto(tmp_path / "broker")
    broker.extra = f"user {getpass.getuser()}\npassword_file {words}\n"  # another user may not enter a test's folder
    broker.configure()
    broker.start()
    try:
        for word, refused in (("wrong", "refuses this user and password: Not authorized"), ("right", None)):
            here = BrokerAddress("127.0.0.1", broker.port, "lp-1", word)
            second = replace(here, port=closed, others=(("127.0.0.1", broker.port),))
            for address in (here, second):
                said = why_not_let_in(address, "lp-1.setup")
                assert said is None if refused is None else refused in str(said)
    finally:
        broker.stop()


def test_a_station_that_is_proved_once_more_is_still_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of the second proof knew nobody and no place, here and at the office."""
    before = {"node": "lp-0042", "who": "Wang Lei", "where": "pole 17", "lat": 39.9, "lon": 116.4, "photo": None}
    (tmp_path / "installation.json").write_text(json.dumps(before))
    sensor = "{name: air-1, profile: plantower-pms5003, port: /dev/ttyUSB0}"
    settings = f"node: lp-0042\nsite: here\nsensors: [{sensor}]\nspool: {{path: {tmp_path}/spool.db}}\n"
    (tmp_path / "agent.yaml").write_text(settings)
    answered: list[Answers] = []

    def proof(answers: Answers, *_: object) -> None:
        answered.append(answers)
        raise Failure(Exit.NETWORK, "no-network", "no network")

    monkeypatch.setattr("edge_agent.commands.setup._prove", proof)
    for node, who in (("lp-0042", "Wang Lei"), ("lp-0043", None)):
        (tmp_path / "agent.yaml").write_text(settings.replace("lp-0042", node))
        assert typed("agent", "setup", "--config", str(tmp_path / "agent.yaml")).returncode == Exit.NETWORK
        assert answered.pop().who == who


def test_a_set_up_named_from_where_one_stands_writes_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service starts elsewhere, and did not find its identity."""
    monkeypatch.chdir(tmp_path)
    Path("answers.yaml").write_text(ANSWERS.replace("node: lp-0042", "token: t") + "service: false\n")
    folders: list[Path] = []

    def enrolled(_: str, folder: Path) -> object:
        folders.append(folder)
        raise Failure(Exit.NETWORK, "enrol-refused", "the office is closed")

    monkeypatch.setattr("edge_agent.identity.enrol.by_token_once", enrolled)
    assert typed("agent", "setup", "--from", "answers.yaml", "--config", "agent.yaml").returncode == Exit.NETWORK
    assert folders == [tmp_path / "identity"]
