"""A port is read, and what it says has its time, also while the loop is held up; why it is shut is said in words."""

from __future__ import annotations

import asyncio
import os
import termios
import threading
import time
from pathlib import Path

import pytest
import serial

from device_profiles.catalogue import load
from edge_agent.doctor import sensor_checks
from edge_agent.doctor.result import State
from edge_agent.lines.listening import _failure
from edge_agent.lines.not_opened import STUCK, why_not_opened
from edge_agent.lines.port import Port
from edge_agent.lines.serial_line import open_line
from edge_agent.sensors.sensor import Sensor
from edge_agent.settings.config import Sensor as SensorConfig
from firmware_stubs.models import MODELS
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost

PMS5003 = load(None).get("plantower-pms5003")
HELD_UP_S = 0.6  # beyond the PMS5003's gap of half a second


async def _held_up_in_the_middle_of_a_frame() -> Sensor:
    host, sensor = StubHost(), Sensor("air-1", load(None).get("plantower-pms5003"))
    path = host.add("air-1", Pms5003())
    line = host.port("air-1")
    frame = Pms5003(lambda _: {"pm25_ugm3": 20.0}).tick(0.0)

    def hear(data: bytes, now_s: float) -> None:
        sensor.feed(data, 1_790_000_000_000, now_s)

    port = Port(path, sensor.profile.serial, hear)
    reading = asyncio.create_task(port.run())
    try:
        await asyncio.wait_for(port.opened(), 10)
        sensor.begin(time.monotonic(), time.monotonic() - 60)
        os.write(line.master, frame[:20])
        async with asyncio.timeout(10):
            while port.counts["bytes"] < 20:
                await asyncio.sleep(0.01)
        os.write(line.master, frame[20:])
        asked = asyncio.create_task(asyncio.sleep(HELD_UP_S / 2))  # as whoever talks to the sensor waits
        await asyncio.sleep(0)
        time.sleep(HELD_UP_S)  # what a commit on a slow card does to everything else
        await asked
        sensor.late(time.monotonic())
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        host.stop()
    return sensor


def test_half_a_frame_whose_rest_came_while_a_commit_was_slow_is_no_damage() -> None:
    sensor = asyncio.run(_held_up_in_the_middle_of_a_frame())
    assert sensor.bad == {}
    assert sensor.frames == 1


async def _heard_while_the_loop_was_held_up(looked: threading.Event) -> tuple[list[tuple[bytes, float]], float]:
    """`looked`: at the clock, for what was read."""
    host = StubHost()
    path = host.add("air-1", Pms5003())
    line = host.port("air-1")
    heard: list[tuple[bytes, float]] = []
    port = Port(path, load(None).get("plantower-pms5003").serial, lambda *said: heard.append(said))
    reading = asyncio.create_task(port.run())
    try:
        await asyncio.wait_for(port.opened(), 10)
        os.write(line.master, b"a")
        assert looked.wait(10)
        looked.clear()
        between_s = time.monotonic()
        os.write(line.master, b"b")
        assert looked.wait(10)
        assert heard == [], "the loop has gone on meanwhile"
        async with asyncio.timeout(10):
            while len(heard) < 2:
                await asyncio.sleep(0)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        host.stop()
    return heard, between_s


def test_what_comes_while_a_commit_is_slow_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a card that took four seconds, four readings were of one moment, and vehicles one."""
    looked = threading.Event()

    class Clock:
        """Says when somebody has looked at it."""

        @staticmethod
        def monotonic() -> float:
            looked.set()
            return time.monotonic()

    monkeypatch.setattr("edge_agent.lines.reader.time", Clock)
    (first, second), between_s = asyncio.run(_heard_while_the_loop_was_held_up(looked))
    assert (first[0], second[0]) == (b"a", b"b")
    assert first[1] <= between_s <= second[1]


async def _said_to_who_does_not_read() -> list[str | None]:
    """The port's trouble: when its line is full, and when somebody has read again."""
    host = StubHost()  # not started: nobody takes what is said
    path = host.add("air-1", Pms5003())
    line = host.port("air-1")
    port = Port(path, load(None).get("plantower-pms5003").serial, lambda *_: None)
    reading = asyncio.create_task(port.run())
    troubles: list[str | None] = []
    try:
        await asyncio.wait_for(port.opened(), 10)
        while port.write(bytes(1000)):
            pass
        troubles.append(port.trouble)
        async with asyncio.timeout(10):
            while not port.write(b"x"):
                os.read(line.master, 4096)
        troubles.append(port.trouble)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        host.stop()
    return troubles


@pytest.mark.timeout(20)
def test_a_line_that_takes_nothing_more_drops_commands_holds_nobody_up_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A hung adapter, or a serial server whose link is down: the agent stood still with all its sensors."""
    assert asyncio.run(_said_to_who_does_not_read()) == [STUCK, None]
    told = [record.getMessage().partition(": ")[2] for record in caplog.records if record.name == "lamppost.port"]
    assert told == [STUCK, "it takes again what is said to it"]


async def _pulled_out_and_held_by_another(folder: Path, told: pytest.LogCaptureFixture) -> None:
    host = StubHost(links=folder)
    path = host.add("air-1", Pms5003())
    port = Port(path, load(None).get("plantower-pms5003").serial, lambda *_: None)
    reading = asyncio.create_task(port.run())
    try:
        async with asyncio.timeout(10):
            await port.opened()
            host.remove("air-1")
            while port.counts["open_failed"] == 0:
                await asyncio.sleep(0.01)
            host.add("air-1", Pms5003())
            with serial.Serial(path, exclusive=True):
                while port.trouble != "another program reads it":
                    await asyncio.sleep(0.01)
            await port.opened()
            assert port.trouble is None
            while len(told.records) < 3:
                await asyncio.sleep(0.01)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        host.stop()
    lines = [record.getMessage().removeprefix(f"port {path} ") for record in told.records]
    assert lines == [
        "is lost: Input/output error; unplugged?",
        "cannot be opened: another program reads it; trying again",
        "is back",
    ]


def test_a_port_that_comes_back_and_is_held_by_another_program_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="lamppost.port"):
        asyncio.run(_pulled_out_and_held_by_another(tmp_path, caplog))


async def _that_fails_as_soon_as_it_is_open(folder: Path, for_s: float) -> int:
    """How often it was lost."""
    path, lines = folder / "tty", []

    def plug() -> None:
        """A line that can be opened; the one of before ends, and whoever reads it meets an error."""
        path.unlink(missing_ok=True)
        ends = os.openpty()
        path.symlink_to(os.ttyname(ends[1]))
        for end in lines:
            os.close(end)
        lines[:] = ends

    plug()
    port = Port(str(path), load(None).get("plantower-pms5003").serial, lambda *_: None)
    reading = asyncio.create_task(port.run())
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        await asyncio.sleep(0.001)
        if port.open:
            plug()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    for end in lines:
        os.close(end)
    return port.counts["lost"]


def test_a_port_that_opens_and_fails_at_once_is_tried_no_faster_than_one_that_does_not_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was opened three hundred times a second, for half a core and two lines each."""
    caplog.set_level("INFO")
    lost = asyncio.run(_that_fails_as_soon_as_it_is_open(tmp_path, 1.7))
    assert 2 <= lost <= 3, "at once, after half a second, after another"
    assert [record.getMessage().partition("tty ")[2] for record in caplog.records if record.name != "asyncio"] == [
        "is lost: Input/output error; unplugged?"
    ]


def test_why_a_port_cannot_be_opened_is_said_in_words(tmp_path: Path) -> None:
    host = StubHost(links=tmp_path)
    path = host.add("air-1", Pms5003())
    try:
        with serial.Serial(path, exclusive=True):
            assert _why(path) == "another program reads it"
            told = sensor_checks._heard(
                SensorConfig(name="air-1", profile="plantower-pms5003", port=path), PMS5003, 0.1
            )
            assert (told.state, told.cure) == (State.FAIL, "end that program: sudo lamppost agent ports")
    finally:
        host.stop()
    assert _why(str(tmp_path / "gone")) == "there is no such port"
    assert _why("/dev/null") == "this is no serial port"
    assert why_not_opened(serial.SerialTimeoutException("Write timeout")) == "it takes nothing that is said to it"
    # as ModemManager does, by TIOCEXCL, which root alone passes over: it was `Device or resource busy`, `plug it in`
    claimed = serial.SerialException(16, f"could not open port {path}: [Errno 16] Device or resource busy: '{path}'")
    assert why_not_opened(claimed) == "another program reads it"
    assert "is held by another program" in str(_failure("/dev/null", claimed))
    empty = "device reports readiness to read but returned no data (device disconnected or multiple access on port?)"
    assert why_not_opened(serial.SerialException(empty)).startswith("it was pulled out")
    cannot = termios.error(22, "Invalid argument")
    assert why_not_opened(cannot) == "it cannot be set so: Invalid argument"


def _why(path: str) -> str:
    with pytest.raises(serial.SerialException, match="port") as raised:
        serial.Serial(path, exclusive=True)
    return why_not_opened(raised.value)


def test_a_line_that_has_no_parity_opens_again() -> None:
    """A pseudo-terminal takes a parity silently once, and calls it invalid when nothing else changes."""
    host = StubHost()
    path = host.add("air-1", MODELS["tera-nextpm"]())
    settings = load(None).get("tera-nextpm").serial
    for _ in range(3):
        with open_line(path, settings, timeout=0) as line:
            assert line.baudrate == 115200
    host.stop()
