"""Several sensors on one port, a pseudo-terminal with several devices: each is read, watched and examined."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from common.notifier import Notifier
from edge_agent.agent import Agent
from edge_agent.commands.watch import _alone
from edge_agent.doctor.result import State, Station
from edge_agent.doctor.sensor_checks import sensors
from edge_agent.lines.line import Line
from edge_agent.sensors.sensor import Sensor
from edge_agent.settings.check import checked_file
from edge_agent.settings.sensor import sensor_of
from firmware_stubs.bus import Bus
from firmware_stubs.modbus import ModbusSlave, Transmitter, XyMd02
from firmware_stubs.pty import StubHost

SENSORS = """node: lp-1
site: s
broker: {{port: 1}}
status_file: {folder}/status.json
spool: {{path: {folder}/spool.db, allow_tmpfs: true}}
sensors:
  - {{name: porch, profile: rs485-modbus-weather, port: {port}, period_s: 0.5}}
  - {{name: roof, profile: rs485-modbus-weather, port: {port}, period_s: 0.5, options: {{address: 2}}}}
  - {{name: cabinet, profile: xy-md02, port: {port}, period_s: 0.5, options: {{address: 17}}}}
"""
TEMPERATURES = {"porch": 11.0, "roof": 22.0, "cabinet": 33.0}


@pytest.fixture
def devices() -> dict[str, ModbusSlave]:
    return {
        "porch": Transmitter(lambda _: {"temp_c": 11.0}),
        "roof": Transmitter(lambda _: {"temp_c": 22.0}, address=2),
        "cabinet": XyMd02(lambda _: {"temp_c": 33.0}, address=17),
    }


@pytest.fixture
def settings(tmp_path: Path, devices: dict[str, ModbusSlave]) -> Iterator[Path]:
    host = StubHost(links=tmp_path)
    port = host.add("bus", Bus(*devices.values()))
    host.start()
    file = tmp_path / "agent.yaml"
    file.write_text(SENSORS.format(folder=tmp_path, port=port))
    yield file
    host.stop()


def made(settings: Path) -> list[Sensor]:
    from device_profiles.catalogue import load

    return [sensor_of(load(None), wants) for wants in checked_file(settings).sensors]


def run(settings: Path, sensors: list[Sensor], *frames: int) -> Line:
    """A line at work until each sensor has given so many frames."""

    def heard(sensor: Sensor, data: bytes, now_s: float) -> None:
        sensor.feed(data, 1_790_000_000_000, now_s)

    async def work() -> Line:
        line = Line(checked_file(settings).sensors[0].port, sensors, heard, lambda *_: None)
        tasks = [asyncio.create_task(line.port.run()), asyncio.create_task(line.talk())]
        try:
            async with asyncio.timeout(30):
                while any(sensor.frames < wanted for sensor, wanted in zip(sensors, frames, strict=True)):
                    await asyncio.sleep(0.02)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return line

    return asyncio.run(work())


def test_each_sensor_of_a_line_is_read_at_its_own_address(settings: Path) -> None:
    found = made(settings)
    line = run(settings, found, 4, 4, 4)
    assert {sensor.name: sensor.last_values["temp_c"] for sensor in found} == TEMPERATURES
    assert not any(sensor.bad for sensor in found)
    assert line.port.counts["opened"] == 1


def test_a_silent_one_is_told_and_the_others_go_on(settings: Path, devices: dict[str, ModbusSlave]) -> None:
    devices["roof"].address = 99
    found = made(settings)
    run(settings, found, 12, 0, 12)
    assert 0 < found[1].bad["no_reply"] <= 4
    assert found[1].frames == 0


def test_the_agent_says_of_each_how_it_is(settings: Path) -> None:
    agent = Agent(checked_file(settings), settings, Notifier(None))

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(agent.run(stop))
        async with asyncio.timeout(30):
            while any(sensor.frames < 2 for sensor in agent.sensors):
                await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(work())
    said = json.loads((settings.parent / "status.json").read_text())["sensors"]
    assert {one["name"]: one["values"]["temp_c"] for one in said} == TEMPERATURES
    assert len({one["port"] for one in said}) == 1
    assert agent.recorder.accepted >= 6


def test_the_doctor_asks_each_when_no_agent_runs(settings: Path) -> None:
    """It opened the port once for each at the same time, and asked all at their makers' address and speed."""
    found = sensors(Station(settings))
    assert [(result.id, result.state) for result in found] == [(f"sensor.{name}", State.OK) for name in TEMPERATURES]
    assert all(f"T {int(temp)} °C" in result.text for result, temp in zip(found, TEMPERATURES.values(), strict=True))


def test_all_of_a_line_are_heard_while_no_agent_runs_and_one_is_watched(settings: Path) -> None:
    events = _alone(settings, ["roof"]).events
    heard = {event.sensor for event in islice(events, 60) if event.data and not event.written}
    assert heard == {0, 1, 2}
