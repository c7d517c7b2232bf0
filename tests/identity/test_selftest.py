"""The self-test finds each of six planted holes, and nothing on the broker that init makes."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

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


class CutsOff(StreamRequestHandler):
    """A broker, as far as the self-test goes: it cuts off whoever publishes, and lets everybody hear everything."""

    def handle(self) -> None:
        while head := self.rfile.read(1):
            kind, size = head[0] >> 4, self.rfile.read(1)[0]
            body = self.rfile.read(size)
            if kind == 1:  # CONNECT
                self.wfile.write(b"\x20\x03\0\0\0")
            elif kind == 8:  # SUBSCRIBE, with its number first
                self.wfile.write(b"\x90\x04" + body[:2] + b"\0\1")
            else:
                return


@pytest.fixture
def cuts_off() -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), CutsOff) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_broker_that_cuts_off_whoever_publishes_is_asked_the_rest_all_the_same(cuts_off: int) -> None:
    """Everything after the first attempt counted as refused, and nothing of it had been tried."""
    attempts = self_test(BrokerAddress("127.0.0.1", cuts_off), "lp-0042")
    assert holes(attempts) == ["foreign-subscribe", "shared-group", "wildcard", "anonymous"], attempts


def test_two_at_once_do_not_end_each_other(city: City) -> None:
    """The doctor's beside that of an agent that starts: of two of one name the broker lets in but one."""
    broker = BrokerAddress("127.0.0.1", city.plan.broker_port, tls=Identity(city.enrol("lp-0044")).tls.context)
    with ThreadPoolExecutor(4) as pool:
        for attempts in pool.map(lambda _: self_test(broker, "lp-0044"), range(4)):
            assert "cut off" not in {attempt.said for attempt in attempts[:-1]}, attempts  # but who is nobody


def test_no_broker_is_no_answer() -> None:
    with pytest.raises(SelfTestImpossible):
        self_test(BrokerAddress("127.0.0.1", free_port()), "lp-0042")


def test_certificates_that_cannot_be_read_are_no_answer(tmp_path: Path) -> None:
    """The agent, which takes that for none, ended with it: its own connection is tried again."""
    gone = Identity(tmp_path).tls.context
    with pytest.raises(SelfTestImpossible, match="does not exist"):
        self_test(BrokerAddress("127.0.0.1", free_port(), tls=gone), "lp-0042")


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
