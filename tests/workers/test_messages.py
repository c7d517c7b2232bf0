"""What passes between receiver and workers arrives as it was."""

from __future__ import annotations

import socket
from collections import Counter
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.stores.store import Table
from collector.workers.messages import (
    Done,
    Order,
    Report,
    send_orders,
    send_report,
    take_orders,
    take_report,
    worker_of,
)

_VALUES = st.none() | st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8)
_TABLES = st.builds(
    Table,
    st.sampled_from(["air_quality", "traffic_flow_1h"]),
    st.just((("node", "lp-1"), ("site", "s"))),
    st.lists(st.integers(0, 2**53), max_size=3),
    st.dictionaries(st.sampled_from(["pm25_ugm3", "qc_code"]), st.lists(_VALUES, max_size=3)),
    st.just(frozenset({"count"})),
    st.just(0),
    st.just({}),  # what is known of columns stays with the worker
)


def pipe() -> tuple[Connection, Connection]:
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())


@given(st.lists(st.builds(Order, st.sampled_from(["batch", "greet"]), st.just("lp-1"), st.binary(), st.integers(0, 9))))
def test_orders_arrive_as_they_were_given(orders: list[Order]) -> None:
    here, there = pipe()
    with here, there:
        send_orders(here, orders)
        assert take_orders(there) == orders


@given(st.lists(_TABLES, max_size=3))
def test_a_report_arrives_as_it_was_made(tables: list[Table]) -> None:
    answers = [("lamppost/1/lp-1/ack", b"-\n{}")]
    report = Report(answers, [Done("lp-1", "s", tables)], [1, 2], tables, Counter(a=1), Counter(), {"store": "away"}, 3)
    here, there = pipe()
    with here, there:
        send_report(here, report)
        assert take_report(there) == report


@pytest.mark.parametrize(("node", "of_two", "of_three"), [("lp-003", 1, 2), ("lp-004", 0, 2), ("lp-005", 0, 0)])
def test_a_node_has_one_worker_on_every_machine_and_after_every_start(node: str, of_two: int, of_three: int) -> None:
    assert (worker_of(node, 1), worker_of(node, 2), worker_of(node, 3)) == (0, of_two, of_three)


def test_a_fleet_is_shared_about_evenly() -> None:
    shares = Counter(worker_of(f"lp-{n:04d}", 4) for n in range(10_000))
    assert all(2_300 < share < 2_700 for share in shares.values())
