"""The registry keeps what nodes say of themselves, a city's births in one commit."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from collector.delivery.registry import Node, Registry
from collector.files.statedb import open_state
from tests.closes import Closes
from wire.status import Birth, Death

NOW_MS = 1_790_000_062_000
NODES = [f"lp-{number:04}" for number in range(500)]


def a_birth(node: str, session: str = "0" * 16) -> Birth:
    """What a node says when its link is up."""
    return Birth(node, "jianguo", session, ("a" * 32,), 1, None, "0.1.0", "synced")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_a_city_that_announces_itself_costs_one_commit(file: Path, closes: Closes) -> None:
    state = closes(open_state(file))
    said: list[str] = []
    registry = Registry(state)
    state.set_trace_callback(said.append)

    for node in NODES:
        registry.update(a_birth(node), NOW_MS)
    registry.save()
    registry.save()

    assert [each for each in said if each.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]
    assert [known.birth.node for known in Registry(closes(open_state(file))).nodes()] == NODES


def test_the_last_word_of_a_node_is_kept(file: Path, closes: Closes) -> None:
    registry = Registry(closes(open_state(file)))
    registry.update(a_birth("lp-1"), NOW_MS)
    registry.update(Death("lp-1", "0" * 16, "lost"), NOW_MS + 1)
    registry.save()
    assert Registry(closes(open_state(file))).get("lp-1") == Node(a_birth("lp-1"), False, NOW_MS + 1)


def test_what_the_disk_did_not_take_is_kept_by_the_next_commit(file: Path, closes: Closes) -> None:
    state = closes(open_state(file))
    registry = Registry(state)
    registry.update(a_birth("lp-1"), NOW_MS)
    state.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.Error):
        registry.save()
    assert registry.get("lp-1") is not None

    state.execute("PRAGMA query_only=OFF")
    registry.update(a_birth("lp-2"), NOW_MS)
    registry.save()
    assert [known.birth.node for known in Registry(closes(open_state(file))).nodes()] == ["lp-1", "lp-2"]
