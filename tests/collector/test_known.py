"""What is remembered of answered batches: the newest, under the digest they came by, and never more than the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.delivery import known as module
from collector.delivery import ledger
from collector.delivery.known import Known
from collector.delivery.quarantine import Name
from collector.delivery.runs import MOST, Runs
from collector.stores.store import Store, StoreDown

MEMORY = 20


class Nothing(Store):
    """A database that is never asked here."""


def name(seq: int, spool: int = 1) -> Name:
    return Name("lp-1", f"{spool:032x}", seq, f"{seq * 7 + spool:032x}")


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MEMORY", MEMORY)
        yield


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 3)), max_size=200))
def test_the_newest_are_remembered_and_no_more_than_the_limit(story: list[tuple[int, int]]) -> None:
    known = Known(Nothing(), lambda _: None)  # type: ignore[abstract]
    for each in story:
        known.remember(name(*each))
    newest = list(dict.fromkeys(reversed(story)))
    assert all(known.remembered(name(*each)) == name(*each).digest for each in newest[: MEMORY // 2])
    found = [each for each in newest if known.remembered(name(*each)) is not None]
    assert len(found) <= MEMORY


def test_another_collector_may_have_written_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "highest_of_all", lambda _: {("lp-1", name(1).spool): 9})
    known = Known(Nothing(), lambda _: None)  # type: ignore[abstract]
    known.remember(name(1))
    known.look_up()
    assert known.remembered(name(1)) is None
    assert known.highest("lp-1", name(1).spool) == 9


def test_a_database_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def hangs(*of: object) -> int:
        asked.append(of)
        raise StoreDown("read timed out")

    monkeypatch.setattr(ledger, "highest", hangs)
    said: list[str] = []
    known = Known(Nothing(), said.append)  # type: ignore[abstract]
    assert [known.highest("lp-1", name(1, spool).spool) for spool in range(50)] == [0] * 50
    assert (len(asked), said) == (1, ["read timed out"])
    known.away = False
    assert known.highest("lp-1", name(1).spool) == 0
    assert len(asked) == 2


def test_the_spools_of_many_births_are_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def answer(_: object, spools: list[str]) -> dict[tuple[str, str], int]:
        asked.append(len(spools))
        return {("lp-1", "a"): 7, ("another", "b"): 9}

    monkeypatch.setattr(ledger, "highest_of", answer)
    known = Known(Nothing(), lambda _: None)  # type: ignore[abstract]
    for _ in range(2):
        known.learn([("lp-1", "a"), ("lp-2", "b"), ("lp-3", "c")])
    assert asked == [3]
    assert [known.highest(*each) for each in (("lp-1", "a"), ("lp-2", "b"), ("lp-3", "c"))] == [7, 0, 0]
    known.away = True
    known.learn([("lp-4", "d"), ("lp-5", "e")])
    assert asked == [3]


def test_the_database_is_asked_of_no_backlog_that_comes_behind_live_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch of a backlog was a question, as soon as a live one of its spool was stored."""
    asked: list[int] = []
    monkeypatch.setattr(ledger, "highest", lambda *_: 2)
    monkeypatch.setattr(ledger, "digest_of", lambda _, __, ___, seq: asked.append(seq))
    known = Known(Nothing(), lambda _: None)  # type: ignore[abstract]
    for seq in (1000, *range(3, 9), 1001):
        assert known.digest(name(seq)) is None
        known.remember(name(seq))
    assert (known.highest("lp-1", name(1).spool), asked) == (1001, [])
    assert known.digest(name(2)) is None
    assert asked == [2], "it was there before, perhaps by another digest"
    for seq in range(2000, 2000 + MEMORY):
        known.remember(name(seq))
    assert known.digest(name(5)) is None
    assert asked == [2, 5], "what it was stored by is forgotten"


@given(st.integers(0, 5), st.lists(st.integers(1, 60), max_size=80))
def test_runs_hold_what_was_added_and_while_they_are_few_nothing_else(highest: int, numbers: list[int]) -> None:
    runs, added = Runs(highest), set(range(highest + 1))
    for number in numbers:
        runs.add(number)
        added.add(number)
        parts = sum(one + 1 not in added for one in added)
        if parts > MOST:
            break
        assert [one for one in range(70) if one in runs] == sorted(added)
        assert runs.highest == max(added)
    else:
        return
    for number in numbers:
        runs.add(number)
    assert all(number in runs for number in (*range(highest + 1), *numbers))
    assert runs.highest == max(*numbers, highest)
