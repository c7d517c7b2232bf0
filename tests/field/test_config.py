"""`lamppost agent config`: one value changed and nothing else, checked before it is written, taken up by the agent."""

from __future__ import annotations

import difflib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner, Result

from common.strict_yaml import parse
from common.yaml_splice import with_value
from edge_agent.doctor.delivery_checks import disk_readonly
from edge_agent.doctor.result import State, Station
from edge_agent.doctor.serial_checks import serial_exists
from edge_agent.identity.identity import Identity, Office
from edge_agent.office.remote_config import Health, RemoteConfig
from edge_agent.reading import Reading, Series
from edge_agent.settings.config import SAMPLE
from edge_agent.settings.edit import replace_checked
from edge_agent.settings.schema import schema
from edge_agent.spool import place as spool_place
from edge_agent.spool.spool import Origin, Spool
from lamppost import _build
from tests.field.expect import Terminal
from tests.writable import SPOOL
from wire.exits import Failure

SETTINGS = """# Pole 17, north side. 杆子十七
node: lp-1    # painted on the lid
site: here

broker: {host: mqtt.city.example, port: 1883}   # the city's

sensors:
  # under the roof
  - name: air-1
    profile: plantower-pms5003
    port: /dev/a
  - name: radar-1
    profile: omnipresense-ops243a
    port: /dev/b
    # lane: "1"    # from the kerb
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text(SETTINGS)
    path.chmod(0o640)
    return path


def config(*words: str, file: Path) -> Result:
    return CliRunner().invoke(_build("agent"), ["agent", "config", *words, "--config", str(file)])


def changed(file: Path) -> list[str]:
    """The lines that differ from SETTINGS, as `-old` and `+new`."""
    lines = difflib.unified_diff(SETTINGS.splitlines(), file.read_text().splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["site", "there"], ["-site: here", "+site: there"]),
        (["node=lp-2"], ["-node: lp-1    # painted on the lid", "+node: lp-2    # painted on the lid"]),
        (
            ["broker.port=8883"],
            [
                "-broker: {host: mqtt.city.example, port: 1883}   # the city's",
                "+broker: {host: mqtt.city.example, port: 8883}   # the city's",
            ],
        ),
        (
            ["broker.username=lp one"],
            [
                "-broker: {host: mqtt.city.example, port: 1883}   # the city's",
                "+broker: {host: mqtt.city.example, port: 1883, username: lp one}   # the city's",
            ],
        ),
        (["sensors.radar-1.lane=2"], ['-    # lane: "1"    # from the kerb', '+    lane: "2"      # from the kerb']),
        (["sensors[0].period_s=2.5"], ["+    period_s: 2.5"]),
        (["clock.trust=always", "seal_s=2"], ["+", "+clock:", "+  trust: always", "+", "+seal_s: 2"]),
        (["spool.max_size=512 MiB"], ["+", "+spool:", "+  max_size: 512 MiB"]),
    ],
)
def test_one_value_changes_and_nothing_else(file: Path, words: list[str], lines: list[str]) -> None:
    result = config("set", *words, file=file)
    assert result.exit_code == 0, result.exception
    assert [line for line in changed(file) if line != "+"] == [line for line in lines if line != "+"]
    assert file.with_name("agent.yaml.old").read_text() == SETTINGS
    assert file.stat().st_mode & 0o777 == file.with_name("agent.yaml.old").stat().st_mode & 0o777 == 0o640
    assert "it counts from its next start" in result.output


def test_a_file_is_utf_8_whatever_the_terminal_speaks(file: Path) -> None:
    text = "# 王磊，三米五高\n" + SETTINGS
    file.write_text(text)
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for words in (("set", "seal_s", "2", "-c"), ("unset", "seal_s", "-c"), ("get", "-c"), ("check",)):
        command = [sys.executable, "-m", "lamppost", "agent", "config", *words, str(file)]
        done = subprocess.run(command, capture_output=True, env=os.environ | ascii_only, check=False)
        assert done.returncode == 0, done.stderr.decode()
    assert file.read_text().startswith(text[:100])
    file.write_bytes(text.encode("gbk"))
    refused = config("set", "seal_s", "2", file=file).exception
    assert isinstance(refused, Failure)
    assert (refused.code, refused.cure) == (3, f"save it as UTF-8: iconv -f GBK -t UTF-8 {file}")


def test_a_disk_that_takes_nothing_is_named_and_left_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: full())
    refused = config("set", "seal_s", "2", file=file).exception
    assert isinstance(refused, OSError)
    assert (refused.errno, refused.filename) == (errno.ENOSPC, f"{file}.old")
    assert file.read_text() == SETTINGS
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_read_only_disk_is_no_matter_of_its_owner(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(Failure, match="the disk is read-only") as refused:
        spool_place.check(file.with_name("spool.db"), allow_tmpfs=True)
    assert "--only disk" in refused.value.cure


def test_a_disk_that_went_read_only_after_an_error_is_called_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux 6.18 leaves such an ext4 `rw`, and tells it in another word: doctor said that it can be written."""
    mounts = file.with_name("mounts")
    monkeypatch.setattr(spool_place, "MOUNTS", mounts)
    mounts.write_text("/dev/vda / ext4 rw,relatime 0 0\n")
    assert disk_readonly(Station(file)).state is State.OK
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\n/dev/loop0 {file.parent} ext4 rw,errors=remount-ro,emergency_ro 0 0\n")
    with pytest.raises(Failure, match="the disk is read-only"):
        spool_place.check(file.with_name("spool.db"), allow_tmpfs=True)
    file.write_text(SETTINGS + f"spool: {{path: {file.with_name('spool.db')}}}\n")
    assert disk_readonly(Station(file)).state is State.FAIL


def test_two_sensors_on_one_device_are_refused_whatever_its_names(file: Path, tmp_path: Path) -> None:
    """Only one of them could open it, and which one would be chance."""
    (tmp_path / "by-id").symlink_to("/dev/a")
    file.write_text(SETTINGS.replace("/dev/b", f"{tmp_path}/by-id"))
    said = f":14: sensors[1].port: {tmp_path}/by-id is /dev/a, as is the port of air-1"
    refused = CliRunner().invoke(_build("agent"), ["agent", "config", "check", str(file)]).exception
    assert said in str(refused)
    found = next(result for result in serial_exists(Station(file)) if result.id == "serial.exists.radar-1")
    assert found.state is State.FAIL
    assert found.text.endswith(" is the port of air-1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["spool.max_size=200"], ": spool.max_size: a size such as 512 MiB or 2 GiB, from 64 KiB"),
        (["led.name=ACT", "led.dark=22-6"], ": led.dark: hours such as 22:00-06:00 are wanted, not '22-6'"),
        (["profiles=/no/folder"], ": profiles: /no/folder is no folder; make it"),
        (["seal_s=600"], ":7: seal_s: Input should be less than or equal to 60, not 600"),
        (["seel_s=2"], "unknown key 'seel_s', did you mean 'seal_s'?"),
        (["broker.prot=1"], ":5: broker.prot: unknown key 'prot', did you mean 'port'?"),
        (["sensors.air-2.port=/dev/c"], "sensors: 'air-2' is not known; did you mean 'air-1'?"),
        (["sensors.5.port=/dev/c"], "sensors has 2 items, counted from 0: there is no 5"),
        (
            ["sensors.air-1.port=/dev/b"],
            ":14: sensors[1].port: is the port of air-1 and cannot be shared: air-1 speaks",
        ),
        (["sensors.air-1.profile=plantower-pms5004"], "did you mean 'plantower-pms5003'?"),
        (["sensors.air-1.mode=restng"], ":12: sensors[0].mode: plantower-pms5003@1: mode 'restng' is not known"),
        (["site.name=x"], "site holds a value, not keys"),
        (["..=x"], "is not a setting"),
        (
            ["broker.password_file=/no/file"],
            ":5: broker.password_file: /no/file: does not exist; write the secret into",
        ),
        (
            ["broker.tls.ca=/nope.pem"],
            ":5: broker.tls: /nope.pem: does not exist; enrol again, or name the right files",
        ),
        (["spool.path=/etc"], ": spool.path: /etc: is a folder"),
        (["spool.path=/dev/null/spool.db"], ": /dev/null is no folder"),
        (["spool.path=/dev/shm/spool.db"], ": spool.path: /dev/shm/spool.db is on a RAM disk"),
        (["identity=/no/folder"], ": identity: /no/folder/office.json does not exist: this station is not enrolled"),
    ],
)
def test_what_cannot_be_used_is_not_written_and_says_why(file: Path, words: list[str], said: str) -> None:
    result = config("set", *words, file=file)
    assert isinstance(result.exception, Failure), result.output
    assert result.exception.code == 3
    assert said in str(result.exception)
    assert file.read_text() == SETTINGS
    assert [path.name for path in file.parent.iterdir()] == ["agent.yaml"]


def test_a_station_keeps_the_name_of_its_certificate(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another was written, and "a subscription is refused" was all that anybody heard."""
    monkeypatch.setattr(Identity, "office", lambda _: Office("lp-0077", (), "broker", 8883, None))
    result = config("set", f"identity={tmp_path}", file=file)
    assert f"{tmp_path} is the identity of lp-0077, not of lp-" in str(result.exception)
    assert "with a token for lp-" in str(result.exception)


def test_a_check_names_a_secret_that_is_gone_and_says_what_this_user_cannot_tell(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = file.with_name("word")
    word.write_text("swordfish\n")
    assert config("set", f"broker.password_file={word}", file=file).exit_code == 0
    check = ["agent", "config", "check", str(file)]
    assert CliRunner().invoke(_build("agent"), check).exit_code == 0
    with monkeypatch.context() as another_user:
        may_not_read(word, another_user)
        result = CliRunner().invoke(_build("agent"), check)
        assert result.exit_code == 0
        assert f"{word} may not be read by this user: whether the agent can use it is not known" in result.output
    word.unlink()
    gone = CliRunner().invoke(_build("agent"), check)
    assert isinstance(gone.exception, Failure)
    assert f":5: broker.password_file: {word}: does not exist" in str(gone.exception)
    assert config("get", "broker.password_file", file=file).output.strip() == str(word)  # to look at it is no use of it


def test_settings_whose_secret_the_agent_may_not_read_are_put_back_at_its_first_start(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = file.with_name("word")
    word.write_text("swordfish\n")
    before = SETTINGS + SPOOL
    file.write_text(before)
    keeper = RemoteConfig(file)
    after = with_value(before, ("broker", "password_file"), str(word))
    keeper.take(after, 1, None, None, Health(frozenset(), False, True))
    may_not_read(word, monkeypatch)  # the service's user is another than who wrote it
    assert keeper.begin() is None
    assert file.read_text() == before
    assert f"{word} may not be read by this user" in keeper.outcome()["reason"]


def may_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readable = Path.read_text

    def read_text(self: Path, *args: Any, **more: Any) -> str:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return readable(self, *args, **more)

    monkeypatch.setattr(Path, "read_text", read_text)


def test_a_spool_is_not_left_behind_with_what_waits_in_it(file: Path, tmp_path: Path) -> None:
    """The agent began with an empty one in the new place, and what had waited in the old was sent by nobody."""
    old, new = tmp_path / "spool.db", tmp_path / "moved.db"
    before = SETTINGS + f"spool: {{path: {old}, allow_tmpfs: true}}\n"
    file.write_text(before)
    spool = Spool(old, "lp-1", "s")
    spool.accept([Reading(Series("air-1", "air_quality"), 1, {"co2_ppm": 400})], Origin("lp-1", "s", "0" * 8, "synced"))
    spool.close()
    refused = config("set", f"spool.path={new}", file=file).exception
    assert isinstance(refused, Failure)
    assert f"1 reading waits in {old}" in str(refused)
    assert f"to {new}, then once more" in refused.cure
    with pytest.raises(Failure, match="1 reading waits"):  # as `setup --anew` writes it
        replace_checked(file, SETTINGS)
    assert file.read_text() == before
    whole = old.read_bytes()
    for at, spoilt in ((0, 4096), (4096, len(whole))):  # the first page, and all the others
        old.write_bytes(whole[:at] + b"\xff" * (spoilt - at) + whole[spoilt:])
        refused = config("set", f"spool.path={new}", file=file).exception
        assert "may wait" in str(refused), "an agent that begins there would save what is intact"
    old.write_bytes(whole)
    old.rename(new)
    assert config("set", f"spool.path={new}", file=file).exit_code == 0


def test_a_link_is_not_replaced_by_a_file(file: Path, tmp_path: Path) -> None:
    """As on a board whose root is read-only: what was set lay in memory, and was gone with the next power cut."""
    link = tmp_path / "etc.yaml"
    link.symlink_to(file)
    result = config("set", "seal_s=2", file=link)
    assert isinstance(result.exception, Failure)
    assert (result.exception.code, result.exception.cure) == (3, f"the same with --config {file}")
    assert (link.is_symlink(), file.read_text()) == (True, SETTINGS)
    keeper = RemoteConfig(link)
    keeper.take(SETTINGS + "seal_s: 2\n" + SPOOL, 7, None, None, Health(frozenset(), False, False))
    assert (link.is_symlink(), file.read_text()) == (True, SETTINGS + "seal_s: 2\n" + SPOOL)
    keeper.put_back("for a test")
    assert (link.is_symlink(), file.read_text()) == (True, SETTINGS)


def test_a_dry_run_shows_the_change_and_undo_takes_one_back(file: Path) -> None:
    assert "-site: here\n+site: there" in config("set", "site", "there", "--dry-run", file=file).output
    assert file.read_text() == SETTINGS
    config("set", "site", "there", file=file)
    different = config("diff", file=file)
    assert different.exit_code == 1
    assert "+site: there" in different.output
    assert config("undo", file=file).exit_code == 0
    assert file.read_text() == SETTINGS
    assert config("undo", file=file).exit_code == 0  # and the other way round
    assert "site: there" in file.read_text()


def test_what_is_unset_takes_its_default_and_a_sensor_goes_with_its_lines(file: Path) -> None:
    assert config("unset", "broker.port", "sensors.air-1", file=file).exit_code == 0
    assert changed(file) == [
        "-broker: {host: mqtt.city.example, port: 1883}   # the city's",
        "+broker: {host: mqtt.city.example}   # the city's",
        "-  - name: air-1",
        "-    profile: plantower-pms5003",
        "-    port: /dev/a",
    ]
    refused = config("unset", "site", file=file)
    assert "site: this key is missing" in str(refused.exception)
    assert "its default counts already" in str(config("unset", "seal_s", file=file).exception)


def test_get_shows_what_counts_and_from_which_line(file: Path) -> None:
    assert config("get", "broker.port", file=file).output == "1883\n"
    assert config("get", "seal_s", file=file).output == "5.0\n"
    assert json.loads(config("get", "sensors.air-1.port", "--json", file=file).output) == "/dev/a"
    everything = config("get", file=file).output
    assert "   2  node: lp-1\n" in everything
    assert "   -  seal_s: 5.0\n" in everything
    assert "  11  sensors.air-1.port: /dev/a\n" in everything
    assert "broker: 'prt' is not known; did you mean 'port'?" in str(config("get", "broker.prt", file=file).exception)


def test_ports_get_names_that_stay(file: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    by_path = root / "dev/serial/by-path"
    by_path.mkdir(parents=True)
    (root / "dev/ttyUSB0").touch()
    (root / "sys/class/tty/ttyUSB0/device").mkdir(parents=True)
    (by_path / "platform-usb-0:1.3:1.0-port0").symlink_to("../../ttyUSB0")
    file.write_text(SETTINGS.replace("/dev/a", "/dev/ttyUSB0"))
    result = config("migrate", "--root", str(root), file=file)
    assert result.exit_code == 0, result.exception
    assert "port: /dev/serial/by-path/platform-usb-0:1.3:1.0-port0" in file.read_text()
    assert "nothing to do" in config("migrate", "--root", str(root), file=file).output


def test_the_schema_takes_the_sample_and_refuses_what_the_agent_refuses() -> None:
    made = schema()
    valid = jsonschema_rs.validator_for(made)
    sample = parse(SAMPLE.read_text()).data
    assert valid.is_valid(sample)
    for key, value in {"seel_s": 1, "seal_s": 600, "node": "A", "bytes_per_day": "5 MB", "broker": {"prot": 1}}.items():
        assert not valid.is_valid({**sample, key: value}), key
    assert "A batch is sealed" in made["properties"]["seal_s"]["description"]
    assert "plantower-pms5003" in made["$defs"]["Sensor"]["properties"]["profile"]["anyOf"][0]["enum"]


def test_an_editor_comes_back_until_what_it_wrote_can_be_used(file: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\nif grep -q Here "$1"; then sed -i s/Here/there/ "$1"; else sed -i s/here/Here/ "$1"; fi\n'
    )
    editor.chmod(0o755)
    command = [sys.executable, "-m", "lamppost", "agent", "config", "edit", "--config", str(file)]
    screen = Terminal(command, {"EDITOR": str(editor)})
    screen.expect("agent.yaml:3: site: small letters")
    screen.expect("[E/q]")
    screen.type("e")
    screen.expect("+site: there")
    assert screen.end() == 0
    assert "site: there" in file.read_text()


def test_sensors_on_one_port_must_differ_in_their_address(file: Path) -> None:
    of_one = "profile: xy-md02\n    port: /dev/a"
    bus = SETTINGS.replace("profile: plantower-pms5003\n    port: /dev/a", of_one)
    bus = bus.replace("profile: omnipresense-ops243a\n    port: /dev/b", of_one)
    file.write_text(bus)
    said = ":14: sensors[1].port: is the port of air-1 and cannot be shared: air-1 has the same address 1"
    assert said in str(CliRunner().invoke(_build("agent"), ["agent", "config", "check", str(file)]).exception)
    file.write_text(bus.replace('    # lane: "1"', "    options: {address: 2}"))
    assert CliRunner().invoke(_build("agent"), ["agent", "config", "check", str(file)]).exit_code == 0
