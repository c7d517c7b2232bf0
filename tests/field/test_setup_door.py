"""The door of the set-up page: the code that opens it, the addresses that it answers to, and where it listens."""

from __future__ import annotations

import re

import pytest

from edge_agent.setup_web.addresses import parse, reachable
from edge_agent.setup_web.guard import OPEN_S, TRIES_MAX, Guard, is_our_host
from edge_agent.setup_web.server import Handler
from wire.exits import Failure


def test_the_code_opens_once_and_for_a_quarter_of_an_hour() -> None:
    guard = Guard(0.0)
    assert re.fullmatch(r"\d{6}", guard.code)
    session = guard.enter(f" {guard.code[:3]} {guard.code[3:]}", 1.0)  # as it is printed
    assert session is not None
    assert guard.enter(guard.code, 2.0) is None  # a second phone
    assert guard.knows(session, OPEN_S - 1)
    assert not guard.knows(session, OPEN_S)
    assert not guard.knows("0" * 32, 3.0)
    assert not guard.knows(None, 3.0)
    assert not guard.knows("ü", 3.0)


def test_five_wrong_codes_end_the_page() -> None:
    guard = Guard(0.0, "123456")
    for _ in range(TRIES_MAX):
        assert not guard.is_over(1.0)
        assert guard.enter("000000", 1.0) is None
    assert guard.is_over(1.0)
    assert guard.enter("123456", 1.0) is None


def test_wrong_codes_after_the_right_one_do_not_put_its_owner_out() -> None:
    guard = Guard(0.0, "123456")
    session = guard.enter("123456", 1.0)
    for _ in range(20):
        guard.enter("000000", 1.0)
    assert guard.knows(session, 2.0)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("192.168.4.1:8088", True), ("127.0.0.1", True), ("[fe80::1]:8088", True), ("lp-1.local:80", True),
        ("localhost:8088", True), ("evil.example:8088", False), ("", False), ("1.2.3.4.evil.example", False),
    ],
)  # fmt: skip
def test_only_addresses_are_answered_to(host: str, ours: bool) -> None:
    assert is_our_host(host) is ours


@pytest.mark.parametrize(
    ("asked", "path", "query"),
    [("/live?lang=en", "/live", "lang=en"), ("http://[", "http://[", ""), ("/?lang=a?b", "/", "lang=a?b")],
)
def test_whatever_a_stranger_asks_for_has_a_path(asked: str, path: str, query: str) -> None:
    handler = Handler.__new__(Handler)
    handler.path = asked
    assert handler._split() == (path, query)


def test_where_to_listen_is_an_address() -> None:
    assert parse("192.168.4.1") == ("192.168.4.1", 8088)
    assert parse(":9000") == ("0.0.0.0", 9000)
    assert "127.0.0.1" in reachable("0.0.0.0")
    for text in ("lp-1.local", "1.2.3.4:x", "1.2.3.4:70000", "1.2.3"):
        with pytest.raises(Failure, match="an address of this device"):
            parse(text)
