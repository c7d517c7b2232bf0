"""The unit: hardened, watched over, started without a network; systemd is told what it wants to know."""

from __future__ import annotations

import operator
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.notifier import Notifier
from edge_agent.commands.setup import _give_to_service
from edge_agent.device.progress import Progress
from edge_agent.device.service import install, uninstall, unit_text
from edge_agent.lines import ports
from edge_agent.settings.config import Config
from tests.closes import Closes
from tests.field.conftest import Field
from tests.servers import wait_for
from tests.systemd import Systemd
from wire.exits import Failure

CONFIG = Path("/etc/lamppost/agent.yaml")
PACKAGE = Path(__file__).parents[2] / "deploy/deb"


def test_the_unit_is_hardened_as_systemd_itself_judges_it(tmp_path: Path) -> None:
    """`systemd-analyze security`: 0 is best, 10 is worst; at most 2.0 is wanted."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed: sudo apt-get install systemd")
    unit = tmp_path / "lamppost-agent.service"
    unit.write_text(unit_text(CONFIG, "/opt/lamppost/bin/lamppost"))
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    score = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert score is not None, done.stderr
    assert float(score[1]) <= 2.0
    assert done.returncode == 0


def test_the_unit_reads_the_clock_starts_without_a_network_and_never_gives_up() -> None:
    text = unit_text(CONFIG, "/opt/lamppost/bin/lamppost")
    lines = set(text.splitlines())
    assert {"Type=notify", "NotifyAccess=main", "WatchdogSec=60", "Restart=always", "StartLimitIntervalSec=0"} <= lines
    assert "network-online.target" not in text
    assert not any(line.startswith("ProtectClock") for line in lines)  # it would close the serial ports
    assert "SystemCallFilter=adjtimex clock_adjtime" in lines  # or nothing would tell that NTP has set the time
    assert "@" not in text.replace("@system-service", "").replace("@privileged", "").replace("@resources", "")


def test_the_unit_lets_in_as_many_sensors_as_the_settings() -> None:
    """Each port is read by a thread of its own: with the 64 that the settings take, the agent could not begin."""
    wanted = Config.model_json_schema()["properties"]["sensors"]["maxItems"]
    tasks = re.search(r"^TasksMax=(\d+)$", unit_text(CONFIG, "/opt/lamppost/bin/lamppost"), re.M)
    assert tasks is not None
    assert int(tasks[1]) >= 3 * wanted


@pytest.mark.parametrize("minor", range(9, 17))
def test_the_package_wants_a_python_that_it_holds_an_environment_for(minor: int) -> None:
    """Ubuntu 24.04 has Python 3.12: a package that installs there and cannot start would be worse than one refused."""
    control, build = (PACKAGE / name for name in ("control", "build.py"))
    depends = next(line for line in control.read_text().splitlines() if line.startswith("Depends: "))
    compare = {">=": operator.ge, "<<": operator.lt}
    admitted = all(
        any(compare[sign](minor, int(at)) for sign, at in re.findall(r"python3 \((>=|<<) 3\.(\d+)\)", clause))
        for clause in depends.split(",")
        if "python3 (" in clause
    )
    assert admitted == (f'"3.{minor}"' in build.read_text())


@pytest.mark.parametrize("kind", sorted({pattern.rstrip("*") for pattern in ports.PATTERNS} | {"ttySC"}))
def test_a_port_that_is_found_may_be_opened_by_the_service(kind: str) -> None:
    """`ttyS*` finds the ttySC0 of a Pi's RS-485 HAT too: listed, probed by a person, and shut for the service."""
    assert f"DeviceAllow=char-{kind} rw" in unit_text(CONFIG, "/opt/lamppost/bin/lamppost").splitlines()


def test_what_install_makes_uninstall_takes_away(tmp_path: Path) -> None:
    said: list[str] = []
    install(CONFIG, said.append, tmp_path)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {"etc/systemd/system/lamppost-agent.service", "etc/modules-load.d/lamppost.conf"}
    assert any("systemctl enable --now lamppost-agent" in line for line in said)
    (tmp_path / "etc/lamppost").mkdir()
    (tmp_path / "etc/lamppost/agent.yaml").touch()
    uninstall(said.append, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["agent.yaml"]
    uninstall(said.append, tmp_path, purge=True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_collector_on_the_same_machine_keeps_its_keys_and_its_database(tmp_path: Path) -> None:
    """Both live in the same two folders, and "purge leaves nothing" took the city's readings."""
    for file in ("etc/lamppost/collector.yaml", "etc/lamppost/sign.key", "var/lib/lamppost/readings.db"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    said: list[str] = []
    uninstall(said.append, tmp_path, purge=True)
    assert (tmp_path / "etc/lamppost/sign.key").exists()
    assert (tmp_path / "var/lib/lamppost/readings.db").exists()
    assert "a collector lives here" in said[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_set_up_beside_a_collector_leaves_its_broker_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went to the agent's user, and the broker, of another, did not start again: the whole city was cut off."""
    monkeypatch.setattr("pwd.getpwnam", lambda _: SimpleNamespace(pw_uid=65_533, pw_gid=65_533))
    for file in ("agent.yaml", "identity/node.pem", "mosquitto/dynamic-security.json"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    for path in (tmp_path / "mosquitto", tmp_path / "mosquitto/dynamic-security.json"):
        os.chown(path, 65_534, 65_534)
    _give_to_service(tmp_path)
    owners = {str(path.relative_to(tmp_path)): path.stat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))}
    broker = {"mosquitto", "mosquitto/dynamic-security.json"}
    assert owners == {path: 65_534 if path in broker else 65_533 for path in owners}


def test_a_packages_service_reads_its_own_settings_only(tmp_path: Path) -> None:
    packaged = tmp_path / "usr/lib/systemd/system/lamppost-agent.service"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    install(CONFIG, lambda _: None, tmp_path)
    with pytest.raises(Failure, match=r"reads /etc/lamppost/agent\.yaml, not /srv/other\.yaml"):
        install(Path("/srv/other.yaml"), lambda _: None, tmp_path)


def test_the_watchdog_is_fed_only_while_readings_are_taken_where_sensors_give_them() -> None:
    progress = Progress()
    assert progress.advances(0, 0)
    assert progress.advances(10, 10)
    assert progress.advances(10, 10)  # a silent sensor: no restart cures that
    assert not progress.advances(20, 10)  # readings, and nobody takes them
    assert progress.advances(30, 11)


@pytest.fixture
def systemd(tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """What every program that is started from here tells."""
    found = closes(Systemd(tmp_path))
    monkeypatch.setenv("NOTIFY_SOCKET", found.address)
    return found


@pytest.mark.real
def test_systemd_hears_ready_alive_and_stopping_from_a_real_agent(field: Field, systemd: Systemd) -> None:
    field.start_alone()
    wait_for("READY", lambda: systemd.hears("READY=1"))
    wait_for("WATCHDOG", lambda: systemd.hears("WATCHDOG=1\nEXTEND_TIMEOUT_USEC="))
    wait_for("STATUS", lambda: systemd.hears("STATUS=2/2 ports open, connected"))
    field.agent.stop()
    wait_for("STOPPING", lambda: systemd.hears("STOPPING=1"))


@pytest.mark.real
def test_an_agent_that_begins_anew_does_not_call_itself_stopping(field: Field, systemd: Systemd) -> None:
    """After that word systemd reloads, restarts and stops a unit no more: it waits for an end that does not come."""
    field.start_alone()
    wait_for("READY", lambda: systemd.hears("READY=1"))
    systemd.heard.clear()
    os.kill(field.status()["pid"], signal.SIGHUP)
    wait_for("the next agent", lambda: systemd.hears("READY=1"))
    assert not systemd.hears("STOPPING=1")


@pytest.mark.real
def test_an_agent_that_is_ready_has_said_how_it_is(field: Field, systemd: Systemd) -> None:
    """Just after `systemctl restart` status had nothing to show, and the doctor took the agent for a stranger."""
    field.start_alone()
    wait_for("READY", lambda: systemd.hears("READY=1"))
    ready = next(n for n, line in enumerate(systemd.heard) if "READY=1" in line)
    assert any(line.startswith("STATUS=") for line in systemd.heard[:ready])


def test_nobody_is_told_where_no_systemd_is() -> None:
    Notifier(None).ready()
    Notifier("/nowhere/at/all").alive()
