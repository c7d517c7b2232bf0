"""The self-test finds each of six planted holes, and nothing on the broker that init makes."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest
import yaml

from common.settings import BrokerAddress
from edge_agent.identity.identity import Identity
from edge_agent.identity.selftest import ACTIONS, SelfTestImpossible, holes, self_test
from tests.identity.city import City
from tests.servers import Mosquitto, free_port

pytestmark = pytest.mark.real


def test_the_broker_that_init_makes_is_safe(city: City) -> None:
    identity = Identity(city.enrol("lp-0042"))
    attempts = self_test(BrokerAddress("127.0.0.1", city.plan.broker_port, tls=identity.tls.context), "lp-0042")
    assert [attempt.action for attempt in attempts] == list(ACTIONS)
    assert holes(attempts) == [], attempts


def test_a_broker_without_rules_has_all_six_holes(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        assert holes(self_test(BrokerAddress("127.0.0.1", broker.port), "lp-0042")) == list(ACTIONS)
    finally:
        broker.stop()


ACCESS = {
    "foreign-publish": "topic write lamppost/1/+/data\n",
    "forged-answer": "topic write lamppost/1/lp-0042/ack\n",
}


@pytest.mark.parametrize("hole", ACCESS)
def test_each_hole_of_an_access_file_is_found(tmp_path: Path, hole: str) -> None:
    """mosquitto's access file looks at PUBLISH alone: what it lets pass is found, and so is what it never looks at."""

    class Listed(Mosquitto):
        def configure(self) -> None:
            rules = "pattern write lamppost/1/%u/data\npattern read lamppost/1/%u/ack\n"
            (self.folder / "acl").write_text(f"user lp-0042\n{ACCESS[hole]}{rules}")
            (self.folder / "acl").chmod(0o700)
            (self.folder / "pw").write_text("")
            text = f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            text += f"acl_file {self.folder / 'acl'}\n"
            (self.folder / "mosquitto.conf").write_text(text)

    broker = Listed(tmp_path)
    broker.start()
    try:
        found = holes(self_test(BrokerAddress("127.0.0.1", broker.port), "lp-0042"))
    finally:
        broker.stop()
    assert hole in found
    assert {"foreign-subscribe", "shared-group", "wildcard", "anonymous"} <= set(found)


def test_no_broker_is_no_answer() -> None:
    with pytest.raises(SelfTestImpossible):
        self_test(BrokerAddress("127.0.0.1", free_port()), "lp-0042")


def test_the_doctor_says_so(city: City, tmp_path: Path) -> None:
    folder = city.enrol("lp-0043")
    settings = {
        "node": "lp-0043", "site": "here", "identity": str(folder), "status_file": str(tmp_path / "status.json"),
        "broker": {"port": city.plan.broker_port}, "spool": {"path": str(tmp_path / "s.db"), "allow_tmpfs": True},
        "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": str(tmp_path / "tty")}],
    }  # fmt: skip
    file = tmp_path / "agent.yaml"
    file.write_text(yaml.safe_dump(settings))
    said = city.lamppost("agent", "doctor", "--json", "--only", "broker", "--config", str(file))
    assert '"broker.safe", "state": "ok"' in said.stdout, said.stdout + said.stderr
