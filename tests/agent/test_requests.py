"""A request counts once, in its own session, at its own time; anything else changes nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edge_agent.office.requests import REMEMBERED, Requests
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin
from edge_agent.spool.spool import Spool as SpoolOnDisk
from wire import request

NOW = 1_790_000_062_000
SESSION = "0123456789abcdef"
ORIGIN = Origin("lp-0017", "s", "b71d04c2", "synced")


class Spool:
    def __init__(self) -> None:
        self.replays = 0

    def replay(self, _from_ms: int, _to_ms: int) -> int:
        self.replays += 1
        return 7


class Bench:
    def __init__(self) -> None:
        self.spool: Any = Spool()
        self.now_ms: int | None = NOW
        self.requests = Requests("lp-0017", self, SESSION, lambda: self.now_ms, lambda _: None, {})

    def ask(self, verb: str = "resend", tx: str = "t1", session: str = SESSION, at_ms: int = NOW, **more: Any) -> Any:
        arguments = {"from_ms": 1, "to_ms": 2} | more
        answer = self.requests.answer(verb, request.encode(request.Request(tx, session, at_ms, arguments)))
        return None if answer is None else json.loads(answer)  # type: ignore[arg-type]  # none here is long


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_sound_request_is_obeyed_once(bench: Bench) -> None:
    assert bench.ask() == {"v": 1, "node": "lp-0017", "tx": "t1", "ok": True, "batches": 7}
    for _ in range(100):
        assert bench.ask() is None
    assert bench.spool.replays == 1
    assert bench.requests.counts == {"request_replayed": 100}


@pytest.mark.parametrize(
    "wrong",
    [{"session": "f" * 16}, {"at_ms": NOW - 600_001}, {"at_ms": NOW + 600_001}, {"verb": "reboot"}, {"from_ms": 3}],
)
def test_another_session_another_time_another_verb_is_an_error_without_effect(bench: Bench, wrong: Any) -> None:
    answer = bench.ask(**wrong)
    assert answer["tx"] == "t1"
    assert answer["ok"] is False
    assert bench.spool.replays == 0


@pytest.mark.parametrize(("off_ms", "said"), [(-700_000, "700 s before"), (700_000, "700 s after")])
def test_by_how_much_two_clocks_differ_is_told_with_the_way(bench: Bench, off_ms: int, said: str) -> None:
    """One that was ahead was written -700 s before."""
    assert f"written {said} this node's time, at most 600 s" in bench.ask(at_ms=NOW + off_ms)["error"]


@pytest.mark.parametrize("span", [(0, 2**63), (-(2**70), 5), (0, 10**400), (0, 253_402_300_800_000)])
def test_times_beyond_every_file_are_an_error_and_reach_no_spool(bench: Bench, span: tuple[int, int]) -> None:
    """SQLite has no such integer: the request ended the agent."""
    answer = bench.ask(from_ms=span[0], to_ms=span[1])
    assert "whole milliseconds" in answer["error"]
    assert bench.spool.replays == 0
    assert bench.ask(tx="t2", at_ms=10**400)["ok"] is False


def test_a_disk_that_takes_nothing_is_an_error_and_ends_nobody(bench: Bench, spool: SpoolOnDisk) -> None:
    """It ended the agent, and with it what waited in memory for the disk."""
    for n in range(9):
        spool.accept([Reading(Series("air-1", "air_quality"), NOW + n, {"pm25_raw_ugm3": n})], ORIGIN)
        (one,) = spool.seal()
        spool.release(one.id, 0, NOW)
    spool._db.execute("PRAGMA query_only = 1")
    bench.spool = spool
    assert "free space" in bench.ask()["error"]
    assert bench.requests.counts == {"request_refused": 1}
    spool._db.execute("PRAGMA query_only = 0")
    assert bench.ask(tx="t2", from_ms=NOW, to_ms=NOW + 9)["batches"] == 9


def test_an_errand_for_which_the_board_has_nothing_left_is_an_error(bench: Bench) -> None:
    """A doctor that could not be started gave no answer at all."""

    async def doctor(_: dict[str, Any]) -> dict[str, Any]:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    bench.requests = Requests("lp-0017", bench, SESSION, lambda: NOW, lambda _: None, {"doctor": doctor})
    errand = bench.requests.answer("doctor", request.encode(request.Request("t1", SESSION, NOW, {})))
    assert errand is not None
    assert not isinstance(errand, bytes)
    assert "temporarily unavailable" in json.loads(asyncio.run(errand))["error"]


def test_while_the_clock_is_not_trusted_the_session_must_do(bench: Bench) -> None:
    bench.now_ms = None
    assert bench.ask(at_ms=NOW - 10**9)["ok"]
    assert not bench.ask(tx="t2", session="f" * 16)["ok"]


def test_what_was_forgotten_cannot_be_said_again(bench: Bench) -> None:
    bench.ask(tx="first", at_ms=NOW - 1000)
    for number in range(REMEMBERED):
        bench.ask("ping", f"n{number}", at_ms=NOW)
    assert bench.ask(tx="first", at_ms=NOW - 1000) is None
    assert bench.spool.replays == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"v":1}', b'{"v":1,"tx":"a b"}', b'{"v":1,"tx":"' + b"x" * 65 + b'"}', b"\xff", b"{" * 99],
)
def test_without_a_transaction_there_is_no_answer(bench: Bench, body: bytes) -> None:
    assert bench.requests.answer("ping", body) is None
    assert bench.requests.counts["request_refused"] == 1
