"""What has come from the broker: above the mark nothing is acknowledged until it is taken, and then where it came."""

from collections import Counter

import pytest

from collector.broker import inbox as module
from collector.broker.inbox import Arrived, Inbox


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Inbox[str]:
    monkeypatch.setattr(module, "HIGH_WATER_BYTES", 30 + 3 * module.MESSAGE_BYTES)
    return Inbox()


def of_ten_bytes(live: bool = False) -> Arrived:
    return Arrived("t", b"." * 10, False, live=live)


def test_what_lies_above_the_mark_is_acknowledged_on_its_own_connection_when_there_is_room(inbox: Inbox[str]) -> None:
    assert inbox.put("first", [(1, of_ten_bytes()), (2, of_ten_bytes()), (3, of_ten_bytes())]) == [1, 2]
    assert inbox.put("second", [(1, of_ten_bytes())]) == []
    assert inbox.take(1)[1] == [], "thirty bytes are left, which is the mark"
    assert inbox.take(1)[1] == [("first", 3), ("second", 1)]
    assert inbox.take(2)[1] == [], "each once"


def test_what_is_owed_to_a_connection_that_is_gone_is_owed_to_nobody(inbox: Inbox[str]) -> None:
    inbox.put("first", [(n, of_ten_bytes()) for n in range(1, 9)])
    inbox.forget_owed()
    taken, paid = inbox.take(100)
    assert (len(taken), paid) == (8, [])


def test_a_message_that_wants_no_answer_gets_none(inbox: Inbox[str]) -> None:
    assert inbox.put("first", [(None, of_ten_bytes()) for _ in range(9)]) == []
    assert inbox.take(100)[1] == []


@pytest.mark.parametrize(("packet_id", "taken", "owed"), [(1, 9, 7), (None, 3, 0)])
def test_empty_messages_fill_it_too_and_what_nobody_holds_back_is_dropped(
    packet_id: int | None, taken: int, owed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that sent nothing, a million times, was the memory's end while the database hung."""
    monkeypatch.setattr(module, "HIGH_WATER_BYTES", 3 * module.MESSAGE_BYTES)
    counts = Counter[str]()
    inbox = Inbox[str](counts)
    received = inbox.put("first", [(packet_id, Arrived("t", b"", False))] * 9)
    assert len(received) == (0 if packet_id is None else 9 - owed)
    found, paid = inbox.take(100)
    assert (len(found), len(paid), counts["dropped"]) == (taken, owed, 9 - taken)


def test_who_waits_for_what_is_live_is_not_woken_by_the_rest(inbox: Inbox[str]) -> None:
    inbox.put("first", [(1, of_ten_bytes())])
    assert not inbox._live_arrived.is_set()
    inbox.put("first", [(2, of_ten_bytes(live=True))])
    assert inbox._live_arrived.is_set()
    assert [message.live for message in inbox.take(1, live=True)[0]] == [True]
    assert not inbox._live_arrived.is_set()
    assert inbox._arrived.is_set(), "the other one is still there"
