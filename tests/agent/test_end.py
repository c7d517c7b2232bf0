"""How an agent's tasks end."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent import agent


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
