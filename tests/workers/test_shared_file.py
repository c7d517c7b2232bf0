"""What workers keep in the one state file: each sees the open hours of its own nodes, whoever entered them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from collector.files.statedb import open_state
from collector.numbers.window_book import LIVE, Key, WindowBook
from collector.workers.messages import worker_of
from tests.closes import Closes


def key(node: str) -> Key:
    return "air_quality", (("node", node), ("sensor", "air-1"), ("site", "s"))


@pytest.fixture
def book(closes: Closes) -> Callable[[Path, int, int], WindowBook]:
    """The book of one worker of so many."""
    return lambda path, number, of: WindowBook(
        closes(open_state(path)), is_ours=lambda node: worker_of(node, of) == number
    )


def test_open_hours_follow_their_nodes_when_the_number_of_workers_changes(
    tmp_path: Path, closes: Closes, book: Callable[[Path, int, int], WindowBook]
) -> None:
    path, nodes = tmp_path / "state.db", [f"lp-{n:03d}" for n in range(20)]
    alone = WindowBook(closes(open_state(path)))
    for node in nodes:
        alone.enter(key(node), 0, 1000)
    alone.commit()
    for of in (2, 3, 1):
        shares = [[found for found, _ in book(path, number, of).due(1000, 100)] for number in range(of)]
        assert sorted(chain.from_iterable(shares)) == sorted(map(key, nodes))
        assert [len(share) for share in shares] == [book(path, n, of).waiting(1000) for n in range(of)]


def test_a_worker_that_begins_leaves_the_hours_of_others_alone(
    tmp_path: Path, closes: Closes, book: Callable[[Path, int, int], WindowBook]
) -> None:
    path, ours, theirs = tmp_path / "state.db", "lp-004", "lp-003"
    assert (worker_of(ours, 2), worker_of(theirs, 2)) == (0, 1)
    both = WindowBook(closes(open_state(path)))
    for node in (ours, theirs):
        both.enter(key(node), 0, LIVE)
    both.commit()
    book(path, 0, 2)
    assert both.due(1000, 10) == [(key(ours), 0)]  # as after a crash: computed from the database
    book(path, 1, 2)
    assert len(both.due(1000, 10)) == 2
