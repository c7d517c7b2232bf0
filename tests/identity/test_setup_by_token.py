"""A set-up with a token of the office: enrolled, believed, and proved to a broker that lets nobody else in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from common.settings import load_settings
from edge_agent.commands.setup import _write_settings
from edge_agent.identity.reach import ask_collector
from edge_agent.settings.config import Config
from edge_agent.setup.answers import read_answers
from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from tests.identity.city import City
from tests.rig import Program
from tests.servers import wait_for

pytestmark = pytest.mark.real


def test_a_token_is_all_that_a_set_up_needs_to_be_let_in_and_read_back(city: City, tmp_path: Path) -> None:
    stubs = StubHost()
    port = stubs.add("air", MODELS["plantower-pms5003"](lambda _: {"pm25_ugm3": 34.6}))
    stubs.start()
    sensor = {"name": "air-1", "profile": "plantower-pms5003", "port": port}
    said = {"site": "test-site", "token": city.token("lp-0777"), "clock": "always", "sensors": [sensor]}
    file = tmp_path / "etc" / "agent.yaml"
    answers = read_answers(yaml.safe_dump(said), "answers.yaml")
    _write_settings(answers, file)
    file.unlink()
    _write_settings(answers, file)  # cut off before the settings were kept: the token is spent, its certificate is here

    settings = load_settings(Config, file, "")
    assert settings.node == "lp-0777"
    assert settings.identity == file.parent / "identity"
    text = (
        file.read_text() + f"spool: {{path: {tmp_path}/spool.db, allow_tmpfs: true}}\nstatus_file: {tmp_path}/s.json\n"
    )
    file.write_text(text)
    agent = Program(tmp_path, "agent", "agent", {})
    agent.command = [sys.executable, "-m", "lamppost", "agent", "run", str(file)]
    agent.start()
    try:
        wait_for("a confirmed reading", lambda: _reading_confirmed(tmp_path / "s.json"), 40)
        stored = ask_collector(load_settings(Config, file, ""), "stored", {"from_ms": 0})
        assert stored["sensors"][0]["values"]["pm25_raw_ugm3"] == 35
        report = json.loads(
            city.lamppost("agent", "doctor", "--json", "--only", "broker", "--config", str(file)).stdout
        )
        states = {result["id"]: result["state"] for result in report["results"]}
        assert states == dict.fromkeys(states, "ok")
        assert "broker.tls" in states
    finally:
        agent.stop()
        stubs.stop()
    assert not [path for path in (file.parent / "identity").iterdir() if path.suffix == ".pem" and _open(path)]


def _reading_confirmed(file: Path) -> bool:
    """The first batch may hold nothing but the node's own health: fewer rows wait than readings were accepted."""
    try:
        said = json.loads(file.read_text())
        return bool(said["accepted"] > said["waiting_rows"])
    except (OSError, ValueError):
        return False


def _open(path: Path) -> bool:
    """True when others may read a file that holds a private key."""
    return b"PRIVATE KEY" in path.read_bytes() and bool(os.stat(path).st_mode & 0o077)
