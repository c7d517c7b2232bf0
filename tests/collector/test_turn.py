"""A collector's turn: what becomes of batches before it is decided who works, and of those that are another's."""

from __future__ import annotations

from collections import Counter
from typing import Any

from collector.broker.inbox import Arrived
from collector.standby.standby import LISTEN_S, SILENCE_S
from collector.standby.turn import Turn
from tests.collector.test_unforeseen import Inbox
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State

BATCHES = [Arrived(names.data("lp-1"), bytes([number]), False) for number in range(3)]


def make_turn(alarms: dict[str, str] | None = None) -> tuple[Turn, Inbox, Counter[str]]:
    inbox, counts = Inbox(), Counter[str]()
    link: Any = inbox
    turn = Turn("c2", "0.1.0", link, counts, ({} if alarms is None else alarms).__setitem__)
    assert turn.decide(0.0, 0) is None
    return turn, inbox, counts


def hear(turn: Turn, state: State, now_s: float) -> None:
    said = collector_status.encode(CollectorStatus(state, 0, 0))
    turn.hear(Arrived(names.collector_status("c1"), said, True), now_s)


def test_batches_are_held_in_order_until_it_is_decided() -> None:
    turn, _, counts = make_turn()
    assert not any(map(turn.admits, BATCHES))
    assert turn.decide(LISTEN_S, 1000) is State.ACTIVE
    assert turn.alone
    assert turn.held() == BATCHES
    assert turn.held() == []
    assert turn.admits(BATCHES[0])
    assert counts == Counter()


def test_who_stands_by_lets_them_pass_and_counts_them() -> None:
    turn, _, counts = make_turn()
    assert not turn.admits(BATCHES[0])
    hear(turn, State.ACTIVE, 0.5)
    assert turn.decide(LISTEN_S, 1000) is State.STANDBY
    assert not turn.admits(BATCHES[1])
    assert counts == {"left_to_active": 2}
    assert turn.others() == {"c1": "active"}
    hear(turn, State.OFFLINE, 5.0)  # its will
    assert turn.decide(5.0, 5000) is State.ACTIVE
    assert not turn.alone
    assert turn.held() == []


def test_the_others_are_told_and_what_is_nobodys_is_counted() -> None:
    alarms: dict[str, str] = {}
    turn, inbox, counts = make_turn(alarms)
    turn.decide(LISTEN_S, 1000)
    turn.tell(LISTEN_S, 1000)
    turn.tell(LISTEN_S, 1000)  # not due again
    ((topic, said),) = inbox.said
    assert topic == names.collector_status("c2")
    assert collector_status.decode(said) == CollectorStatus(State.ACTIVE, 1000, 1000, "0.1.0")
    turn.hear(Arrived("lamppost/1/nobody", b"{}", False), SILENCE_S)
    turn.hear(Arrived(names.collector_status("c1"), b"{", False), SILENCE_S)
    assert counts == {"foreign_topic": 1, "bad_status": 1}
    assert list(alarms) == ["status:c1"]
