"""Who is one client, and how often one may."""

from __future__ import annotations

import tracemalloc

import pytest
from starlette.requests import Request

from collector.web.forms import Allowance, client_of
from wire.times import HOUR_MS

NOW_MS = 1_790_000_000_000


def _from(host: str) -> str:
    return client_of(Request({"type": "http", "client": (host, 1), "headers": []}))


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_one_network_are_one_client(host: str, client: str) -> None:
    assert _from(host) == client


def test_one_network_does_not_use_up_the_share_of_everybody() -> None:
    allowance = Allowance(10, HOUR_MS, crowd=100)
    taken = [allowance.take(_from(f"2001:db8::{number:x}"), NOW_MS) for number in range(2_000)]
    assert sum(taken) == 10
    assert allowance.take(_from("198.51.100.7"), NOW_MS)


def test_a_clock_that_is_set_back_keeps_nobody_out() -> None:
    allowance = Allowance(10, 15 * 60_000, crowd=1)
    for number in range(10):
        assert allowance.take("198.51.100.7", NOW_MS + 8 * HOUR_MS + number)
    assert not allowance.take("198.51.100.7", NOW_MS + 8 * HOUR_MS + 10)
    taken = [allowance.take("198.51.100.7", NOW_MS + number) for number in range(12)]
    assert taken == [True] * 10 + [False] * 2, "as many as ever: the clock opens no door wider either"


def test_what_somebody_calls_himself_is_not_kept_at_any_length() -> None:
    """The name of a login is anybody's: at 16 KB each, one address alone filled 160 MB in ten days."""
    allowance = Allowance(50, HOUR_MS, crowd=100)
    tracemalloc.start()
    try:
        for number in range(1_000):
            assert allowance.take(str(number).ljust(16_384), NOW_MS)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 3_000_000
