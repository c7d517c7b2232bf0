"""Public pages are made a few at a time: the readings that arrive take their turns with each of them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector.stores.store import SOON_S, Select, Series, StoreDown
from collector.web import probes
from collector.web.api import Api
from collector.web.app import ANSWERS_AT_ONCE
from collector.web.desk.accounts import Accounts
from collector.web.memo import Memo
from collector.web.site import Site
from collector.web.views import Views
from tests.servers import wait_for
from tests.web.city import City
from tests.web.operator import Operator, post
from tests.web.served import Served


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
        pages = Memo(60, 3)
        asked = [pages.get(number, partial(make, number)) for number in range(12) for _ in range(3)]
        return [page.plain for page in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [str(number).encode() for number in range(12) for _ in range(3)]
    assert sorted(made) == list(range(12))
    assert most == 2


def test_a_page_that_was_made_lately_is_made_anew_beside_all_that_one_reader_each_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a city of ten thousand the front page, which half of all read, waited behind every station's."""
    now_s = 0.0
    monkeypatch.setattr("collector.web.memo.time", SimpleNamespace(monotonic=lambda: now_s))

    async def ask() -> bytes:
        nonlocal now_s
        pages, hangs = Memo(1.0, 3), asyncio.Event()

        async def make(number: str = "front") -> str:
            return number

        async def take_long() -> str:
            await hangs.wait()
            return "rare"

        await pages.get("front", make)
        now_s = 10.0
        rare = [asyncio.create_task(pages.get(number, take_long)) for number in range(20)]
        await asyncio.sleep(0)
        try:
            return (await asyncio.wait_for(pages.get("front", partial(make, "anew")), 5)).plain
        finally:
            hangs.set()
            await asyncio.gather(*rare)

    assert asyncio.run(ask()) == b"anew"


def test_a_page_that_takes_long_is_made_once_for_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever had waited found it too old and made it anew, one after the other: the tenth waited ten times as long."""
    now_s, made = 0.0, 0

    async def make() -> str:
        nonlocal now_s, made
        await asyncio.sleep(0)
        now_s, made = now_s + 5.0, made + 1
        return "a year"

    async def ask() -> list[bytes]:
        pages = Memo(1.0, 2)
        return [page.plain for page in await asyncio.gather(*(pages.get("year", make) for _ in range(10)))]

    monkeypatch.setattr("collector.web.memo.time", SimpleNamespace(monotonic=lambda: now_s))
    assert asyncio.run(ask()) == [b"a year"] * 10
    assert made == 1


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


def test_no_reader_waits_for_programs_whose_questions_a_database_does_not_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of six questions of programs waited for half a minute, and every page behind them for a minute and more."""
    monkeypatch.setattr("collector.web.views.PATIENCE_S", 0.2)
    monkeypatch.setattr("collector.web.api.PATIENCE_S", 0.2)
    answers = served.city.hang_database()
    with ThreadPoolExecutor(ANSWERS_AT_ONCE + 1) as programs:
        asked = [programs.submit(served.get, "/api/v1/indices?node=lp-0001") for _ in range(ANSWERS_AT_ONCE + 1)]
        try:
            wait_for("who finds no slot to be told", lambda: any(each.done() for each in asked))
            assert "does not answer at the moment" in served.get("/en/").text
        finally:
            answers.set()
    assert sorted(each.result().status for each in asked) == [*[200] * ANSWERS_AT_ONCE, 503]
    assert served.get("/api/v1/indices?node=lp-0001").status == 200


def test_a_long_question_is_not_put_to_a_database_that_answers_no_short_one(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program and an operator with a question of their own waited for half a minute to hear that it hangs."""
    operator, answers = Operator(served), threading.Event()

    def hangs(question: Select) -> list[Series]:
        if question.within_s > SOON_S:
            answers.wait(60)
        raise StoreDown("the database has not answered in time")

    monkeypatch.setattr(served.city.store, "select", hangs)
    began_s = time.monotonic()
    try:
        assert served.get("/api/v1/indices?node=lp-0001").status == 503
        assert "does not answer at the moment" in operator.get("/en/ops/data?q=highest").text
        assert time.monotonic() - began_s < 5
    finally:
        answers.set()


def test_however_many_machines_ask_whether_we_are_ready_the_database_is_asked_one_question(
    standing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs would take the threads from all other pages."""
    hangs, one = threading.Event(), threading.Lock()

    def answers(_: Site) -> bool:
        assert one.acquire(blocking=False)
        hangs.wait(30)
        one.release()
        return True

    monkeypatch.setattr(probes, "_answers", answers)
    with ThreadPoolExecutor(60) as machines:
        probing = [machines.submit(standing.get, "/readyz") for _ in range(60)]
        wait_for("the first question", one.locked)
        assert standing.get("/static/page.css").status == 200
        hangs.set()
        assert {each.result().status for each in probing} == {200}


def test_however_many_guess_passwords_two_are_tried_at_a_time(
    standing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 24 MiB."""
    lock, trying, most = threading.Lock(), 0, 0

    def log_in(*_: object) -> None:
        nonlocal trying, most
        with lock:
            trying += 1
            most = max(most, trying)
        time.sleep(0.02)
        with lock:
            trying -= 1

    monkeypatch.setattr(Accounts, "log_in", log_in)
    with ThreadPoolExecutor(10) as guessers:
        guesses = [guessers.submit(post, standing, "/ops/login", name="li", password="x") for _ in range(10)]
        assert {each.result().status for each in guesses} == {403}
    assert most == 2
