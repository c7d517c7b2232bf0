"""systemd's watchdog ends an agent that it does not hear of: it must hear of one that does what it can."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from common.notifier import Notifier
from edge_agent.agent import Agent
from edge_agent.settings.config import Config
from firmware_stubs.plantower import Pms5003
from tests.closes import Closes
from tests.systemd import Systemd

TIMES = 5


@pytest.fixture
def systemd(tmp_path: Path, closes: Closes) -> Systemd:
    return closes(Systemd(tmp_path))


@pytest.fixture
def agent_of(tmp_path: Path, systemd: Systemd, closes: Closes) -> Callable[[str], Agent]:
    """An agent with one sensor of a model."""

    def made(model: str) -> Agent:
        settings = {
            "node": "lp-1", "site": "s", "broker": {"port": 1}, "clock": {"trust": "always"},
            "status_file": tmp_path / "status.json", "spool": {"path": tmp_path / "spool.db", "allow_tmpfs": True},
            "sensors": [{"name": "it", "profile": model, "port": str(tmp_path / "none")}],
        }  # fmt: skip
        agent = Agent(Config.model_validate(settings), tmp_path / "agent.yaml", Notifier(systemd.address))
        closes(agent.recorder.spool)
        agent.sensors[0].begin(time.monotonic(), 0.0)
        agent.sensors[0].poller._settled = True
        return agent

    return made


def goes_on(agent: Agent, systemd: Systemd, frame: bytes) -> list[bool]:
    """Whether the watchdog is fed in each of some seconds in which a frame comes."""
    found = []
    for _ in range(TIMES):
        agent._on_bytes(agent.sensors[0], frame, time.monotonic())
        agent._commit("no")
        agent._tell()
        found.append(systemd.fed())
    return found


def test_readings_that_wait_in_memory_while_the_disk_is_full_are_not_ended_with_it(
    agent_of: Callable[[str], Agent], systemd: Systemd
) -> None:
    """After a minute systemd ended the agent, and all that waited for the disk was gone: again and again."""
    agent = agent_of("plantower-pms5003")
    frame = Pms5003(lambda _: {"pm25_ugm3": 20.0}).tick(0.0)
    assert goes_on(agent, systemd, frame) == [True] * TIMES
    agent.recorder.spool._db.execute("PRAGMA query_only = 1")
    assert goes_on(agent, systemd, frame) == [True] * TIMES
    assert not agent.recorder.disk_ok


def test_frames_that_hold_nothing_to_keep_are_no_standstill(agent_of: Callable[[str], Agent], systemd: Systemd) -> None:
    """A station with radars and a receiver of satellites that sees none was started anew every minute."""
    body = b"GPGGA,120000.00,,,,,0,00,99.99,,,,,,"
    agent = agent_of("nmea-gnss")
    assert goes_on(agent, systemd, b"$%s*%02X\r\n" % (body, reduce(xor, body))) == [True] * TIMES
    assert agent.sensors[0].frames == TIMES


def test_who_keeps_it_and_does_not_listen_holds_up_nobody(systemd: Systemd) -> None:
    """It takes a dozen messages or so; the next one waited for ever."""
    notifier = Notifier(systemd.address)
    for _ in range(1_000):
        notifier.alive()
    assert systemd.fed()
