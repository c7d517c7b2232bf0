"""The agent's unit under a real systemd, from set-up to the end: what a technician does to it with systemctl."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from firmware_stubs.models import MODELS
from tests.field.booted_debian import PARTS, BootedDebian
from tests.field.conftest import Field
from tests.field.debian_root import DebianRoot
from tests.field.test_ladder import build
from tests.servers import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.skipif(
        os.geteuid() != 0 or None in map(shutil.which, ("debootstrap", "systemd-nspawn")),
        reason="needs root, debootstrap and systemd-container",
    ),
]
UNIT = "lamppost-agent"
PORT = "/dev/air-1"


@pytest.fixture
def pole(tmp_path: Path, field: Field) -> Iterator[BootedDebian]:
    """A booted station whose agent was set up, beside a broker and a collector."""
    root = DebianRoot(tmp_path / "debian")
    root.path.mkdir()
    try:
        root.make(*PARTS)
        device = root.plug("air-1", MODELS["plantower-pms5003"](lambda _: {"pm25_ugm3": 34.6}))
        root.stubs.start()
        assert root.install(build(tmp_path)).returncode == 0
        field.broker.start()
        field.collector.start()
        answers = {
            "node": "lp-0042", "site": "here", "who": "Wang Lei", "where": "pole 17", "clock": "always",
            "service": True, "broker": {"host": "127.0.0.1", "port": field.broker.port},
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": PORT}],
        }  # fmt: skip
        (root.path / "root/answers.yaml").write_text(yaml.safe_dump(answers))
        machine = BootedDebian(root, {PORT: device})
        try:
            done = machine.run("lamppost", "agent", "setup", "--from", "/root/answers.yaml", timeout_s=240)
            assert done.returncode == 0, done.stdout + done.stderr
            yield machine
        finally:
            machine.close()
    finally:
        root.close()


def is_well(pole: BootedDebian) -> bool:
    """Whether systemd calls the unit active, and the doctor finds nothing wrong with its sensor."""
    found = json.loads(pole.run("lamppost", "agent", "doctor", "--json", "--only", "sensor").stdout)
    return pole.unit(UNIT, "ActiveState") == "active" and {each["state"] for each in found["results"]} == {"ok"}


def test_a_station_is_changed_reloaded_restarted_hung_and_stopped(pole: BootedDebian) -> None:
    """New settings had the agent call itself stopping: systemd then reloaded, restarted and stopped it no more."""
    changed = pole.run("lamppost", "agent", "config", "set", "seal_s", "2")
    assert "in force" in changed.stdout, changed.stdout + changed.stderr
    assert pole.unit(UNIT, "ActiveState") == "active"
    assert pole.run("systemctl", "reload", UNIT).returncode == 0
    assert pole.run("systemctl", "restart", UNIT).returncode == 0
    assert "no agent" not in pole.run("lamppost", "agent", "status").stderr  # asked just after the start
    wait_for("the sensor to be heard", lambda: is_well(pole), 60)

    hung = pole.unit(UNIT, "MainPID")
    pole.run("kill", "-STOP", hung)
    wait_for("the watchdog to begin the agent anew", lambda: pole.unit(UNIT, "NRestarts") == "1", 200)
    wait_for("the sensor to be heard again", lambda: is_well(pole), 60)

    began_s = time.monotonic()
    assert pole.run("systemctl", "stop", UNIT).returncode == 0
    assert time.monotonic() - began_s < 30
    assert pole.unit(UNIT, "ActiveState") == "inactive"
