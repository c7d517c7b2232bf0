"""A line that takes nothing more, as of a hung adapter or a serial server whose link is down: told, not waited for."""

from __future__ import annotations

import os
import select
import tty
from collections.abc import Iterator
from contextlib import suppress

import pytest

from device_profiles.catalogue import load
from edge_agent.doctor import sensor_checks
from edge_agent.doctor.result import State
from edge_agent.lines import serial_line
from edge_agent.lines.listening import listen, opened
from edge_agent.lines.not_opened import STUCK
from edge_agent.settings.config import Sensor
from wire.exits import Failure

PROFILE = load(None).get("tera-nextpm")


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The path of one."""
    monkeypatch.setattr(serial_line, "WRITE_S", 0.05)
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, False)
    takes = select.poll()
    takes.register(slave, select.POLLOUT)
    while takes.poll(100):  # the kernel makes room once more when it has passed on what it has
        with suppress(BlockingIOError):
            os.write(slave, b"x")
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_who_speaks_to_it_is_told(stuck: str) -> None:
    with pytest.raises(Failure, match=STUCK), opened(stuck, PROFILE) as device:
        device.write(b"12")
    with pytest.raises(Failure, match=STUCK):
        list(listen(stuck, PROFILE, seconds=10))


@pytest.mark.timeout(20)
def test_doctor_names_it_and_ends(stuck: str) -> None:
    """It never ended: the thread of the check asked again and again."""
    sensor = Sensor(name="air-1", profile="tera-nextpm", port=stuck)
    found = sensor_checks._heard(sensor, PROFILE, 0.05)
    assert (found.state, found.text) == (State.FAIL, STUCK)
