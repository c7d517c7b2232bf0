"""How an agent ends: its tasks, and what they have begun in threads."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from common.notifier import Notifier
from edge_agent import agent, program
from edge_agent.agent import Agent
from edge_agent.program import Program, make_agent
from edge_agent.reading import Reading, Series
from edge_agent.settings.check import checked
from edge_agent.spool.file import PAGE
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Origin, Spool
from edge_agent.timeline import FLOOR_MS

AIR = Series("air-1", "air_quality")


def test_a_cancel_that_a_library_has_swallowed_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """wait_for of Python 3.11 does so: an agent that was told to end while the broker answered never ended."""
    monkeypatch.setattr(agent, "CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1
        await asyncio.Event().wait()

    async def broken() -> None:
        raise OSError("ends by itself")

    async def end() -> list[bool]:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(broken())]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await agent._cancel(tasks)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(end()) == [True, False]
    assert swallowed == 1


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port on which nobody takes a connection, as behind a firewall that drops: whoever tries waits for seconds."""
    with ExitStack() as opened:
        door = opened.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(door.getsockname())
        yield door.getsockname()[1]


def settings_in(folder: Path, port: int, **more: Any) -> Path:
    settings = {
        "node": "lp-1", "site": "s", "broker": {"port": port}, "status_file": str(folder / "status.json"),
        "spool": {"path": str(folder / "spool.db"), "allow_tmpfs": True},
        "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": str(folder / "none")}],
    }  # fmt: skip
    file = folder / "agent.yaml"
    file.write_text(json.dumps(settings | more))
    return file


def test_one_that_begins_anew_waits_for_no_broker_that_says_nothing(tmp_path: Path, mute_port: int) -> None:
    """Nobody read the sensors meanwhile: Python waited for the thread that still tried to connect."""
    program = Program(settings_in(tmp_path, mute_port))

    async def one() -> None:
        asyncio.get_running_loop().call_later(0.5, program._end)
        await program._run_one()

    began_s = time.monotonic()
    asyncio.run(one())
    assert time.monotonic() - began_s < 3


def test_settings_that_change_while_it_begins_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second change right behind the first was passed over: it ran with the first until somebody started it anew."""
    file = settings_in(tmp_path, 1)
    changing = Program(file)

    def slowly(*args: Any) -> Agent:
        made = make_agent(*args)
        changing._hang_up()
        return made

    monkeypatch.setattr(program, "make_agent", slowly)

    async def one() -> bool:
        async with asyncio.timeout(5):
            return await changing._run_one()

    assert asyncio.run(one()), "another is to follow"
    monkeypatch.undo()

    async def next_one() -> bool:
        asyncio.get_running_loop().call_later(0.3, changing._end)
        async with asyncio.timeout(5):
            return await changing._run_one()

    assert not asyncio.run(next_one())


def test_a_page_that_goes_bad_while_it_runs_ends_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended, and said to put the spool aside and begin without it; what is intact in it only wants opening anew."""
    file, path = settings_in(tmp_path, 1, clock={"trust": "always"}), tmp_path / "spool.db"
    with closing(Spool(path, "lp-1", "s")) as spool:
        for second in range(40):
            rows = [Reading(AIR, FLOOR_MS + 1000 * second, {"pm25_raw_ugm3": 1.0})]
            spool.accept_and_seal(rows, Origin("lp-1", "s", "b" * 32, "synced"))

    def then_damage(*args: Any) -> Agent:
        made = make_agent(*args)
        made.recorder.keep([Reading(AIR, FLOOR_MS + 60_000, {"pm25_raw_ugm3": 2.0})])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA wal_checkpoint(FULL)")
            (page,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'batch'").fetchone()
            with path.open("r+b") as disk:
                disk.seek((page - 1) * PAGE)
                disk.write(b"\xff" * PAGE)
            other.execute("INSERT INTO meta VALUES ('of', 'another')")  # whoever has the page in memory reads it again
        return made

    monkeypatch.setattr(program, "make_agent", then_damage)

    async def one() -> bool:
        async with asyncio.timeout(20):
            return await Program(file)._run_one()

    assert asyncio.run(one()), "another is to follow"
    with closing(Spool(path, "lp-1", "s")) as spool:
        found = [row for one in spool.oldest(100) for row in readings_of(one.data)[0] if row.series == AIR]
    assert len(found) == 41


def test_one_that_ends_leaves_no_led_blinking(tmp_path: Path) -> None:
    """It blinked on for as long as it was asked to, ten minutes at most, and the program could not end before."""
    led = tmp_path / "ACT"
    led.mkdir()
    (led / "trigger").write_text("[none] timer heartbeat")
    file = settings_in(tmp_path, 1, led={"name": str(led)})

    async def one() -> dict[str, Any]:
        stop, mine = asyncio.Event(), Agent(checked(file.read_text(), "agent.yaml"), file, Notifier(None))
        running = asyncio.create_task(mine.run(stop))
        said = await mine.errands.verbs()["identify"]({"seconds": 30})
        stop.set()
        await running
        return said

    began_s = time.monotonic()
    assert asyncio.run(one())["ok"]
    assert time.monotonic() - began_s < 10
    assert (led / "trigger").read_text() == "none"
