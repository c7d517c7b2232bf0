"""Pages that are made once, a few at a time."""

from __future__ import annotations

import asyncio

import pytest

from collector.web import memo
from collector.web.memo import Memo


def test_however_many_ask_for_however_many_pages_a_few_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readings that arrive take their turns with each of them."""
    monkeypatch.setattr(memo, "AT_ONCE", 2)
    making, most, made = 0, 0, []

    async def make(number: int) -> str:
        nonlocal making, most
        making += 1
        most = max(most, making)
        for _ in range(5):
            await asyncio.sleep(0)
        making -= 1
        made.append(number)
        return str(number)

    async def ask() -> list[bytes]:
        pages = Memo(age_s=60)
        asked = [pages.get(number, lambda number=number: make(number)) for number in range(12) for _ in range(3)]
        return [page.plain for page in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [str(number).encode() for number in range(12) for _ in range(3)]
    assert sorted(made) == list(range(12))
    assert most == 2
