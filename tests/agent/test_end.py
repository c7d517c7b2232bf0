"""How an agent ends: its tasks, and what they have begun in threads."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent import agent, program
from edge_agent.agent import Agent
from edge_agent.device.notify import Notifier
from edge_agent.program import Program, make_agent
from edge_agent.settings.check import checked


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
