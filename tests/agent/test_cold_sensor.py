"""A sensor that comes with its port has just got its power: it warms up, however long the agent has run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.notifier import Notifier
from edge_agent.agent import Agent
from edge_agent.settings.config import Config
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost


class Station:
    """An agent in this process, and the plug of its one sensor."""

    def __init__(self, folder: Path) -> None:
        self.stubs = StubHost(links=folder)
        self.stubs.start()
        settings = {
            "node": "lp-1", "site": "s", "broker": {"port": 1}, "status_file": folder / "status.json",
            "spool": {"path": folder / "spool.db", "allow_tmpfs": True},
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": str(folder / "air")}],
        }  # fmt: skip
        self._agent = Agent(Config.model_validate(settings), folder / "agent.yaml", Notifier(None))
        self._sensor, self._port = self._agent.sensors[0], self._agent.lines[str(folder / "air")].port
        self._plugged_s, self._frames = 0.0, 0

    def plug_in(self) -> None:
        self.stubs.add("air", Pms5003(lambda _: {"pm25_ugm3": 20.0}))
        self._plugged_s = time.monotonic()

    def pull_out(self) -> None:
        self.stubs.remove("air")

    def swap(self) -> None:
        """Out and in again before anybody has looked."""
        self.pull_out()
        self.plug_in()

    def is_heard(self) -> bool:
        """Anew, since this step began."""
        return self._sensor.frames > self._frames

    def is_missed(self) -> bool:
        return self._port.counts["open_failed"] > 0

    def is_lost(self) -> bool:
        return self._port.counts["lost"] > 0

    def stands(self) -> bool:
        """So long that the port is opened again at once when it is lost."""
        return self._sensor.frames > 0 and not self._port._failures

    def has_warmed_up(self, *steps: tuple[Callable[[], object], Callable[[], bool]]) -> bool:
        """Whether it is believed as soon as its warm-up has passed since it was plugged in, or before that.

        The agent runs through deeds, each until something is so.
        """
        asyncio.run(self._run(steps))
        return not self._sensor.poller.warming_up(self._plugged_s + self._sensor.profile.warm_up_s)

    async def _run(self, steps: tuple[tuple[Callable[[], object], Callable[[], bool]], ...]) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(self._agent.run(stop))
        async with asyncio.timeout(20):
            for deed, is_so in steps:
                self._frames = self._sensor.frames
                deed()
                while not is_so():
                    await asyncio.sleep(0.02)
        stop.set()
        await running


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.stubs.stop()


def nothing() -> None:
    """Only wait."""


def test_one_that_was_there_before_the_agent_has_had_power_as_long_as_the_board(station: Station) -> None:
    station.plug_in()
    assert station.has_warmed_up((nothing, station.is_heard))


def test_one_that_is_plugged_in_later_is_cold(station: Station) -> None:
    """It was believed at once: a carbon dioxide sensor says 410 ppm for its first minutes."""
    assert not station.has_warmed_up((nothing, station.is_missed), (station.plug_in, station.is_heard))


def test_one_that_was_pulled_out_is_cold_again(station: Station) -> None:
    """Its time in somebody's hand counted as time under power."""
    station.plug_in()
    assert not station.has_warmed_up(
        (nothing, station.is_heard), (station.pull_out, station.is_missed), (station.plug_in, station.is_heard)
    )


def test_one_that_was_away_for_a_moment_only_is_cold_again(station: Station) -> None:
    """The port was there whenever somebody looked."""
    station.plug_in()
    assert not station.has_warmed_up(
        (nothing, station.stands), (station.swap, station.is_lost), (nothing, station.is_heard)
    )
