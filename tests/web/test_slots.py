"""Public pages are made a few at a time: the readings that arrive take their turns with each of them."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path

from collector.web.api import Api
from collector.web.memo import Memo
from collector.web.views import Views
from tests.web.city import City


def test_however_many_ask_for_however_many_pages_a_few_are_made_at_a_time() -> None:
    making, most, made = 0, 0, list[int]()

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
        pages = Memo(60, asyncio.Semaphore(2))
        asked = [pages.get(number, partial(make, number)) for number in range(12) for _ in range(3)]
        return [page.plain for page in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [str(number).encode() for number in range(12) for _ in range(3)]
    assert sorted(made) == list(range(12))
    assert most == 2


def test_however_many_programs_ask_a_few_questions_are_asked_at_a_time(tmp_path: Path) -> None:
    city = City(tmp_path)
    two, lock, asking, most = threading.Barrier(2), threading.Lock(), 0, 0

    def question(number: int) -> int:
        nonlocal asking, most
        with lock:
            asking += 1
            most = max(most, asking)
        two.wait(30)
        with lock:
            asking -= 1
        return number

    async def ask() -> list[int]:
        site = city.site()
        api = Api(site, Views(site), asyncio.Semaphore(2))
        return await asyncio.gather(*(api._ask(question, number) for number in range(12)))

    assert asyncio.run(ask()) == list(range(12))
    assert most == 2
    city.close()
