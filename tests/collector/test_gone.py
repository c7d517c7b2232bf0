"""Who is gone although nobody tells: a broker that was killed says no last will."""

from __future__ import annotations

from typing import Final

from collector.broker.inbox import Arrived
from collector.stations.presence import SILENT_S
from tests.collector.test_unforeseen import BAD, GOOD, SPOOLS, OnItsOwnTime, birth, data
from tests.collector.test_unforeseen import collector as collector
from tests.collector.test_unforeseen import undecided as undecided
from wire import names, status

GUEST: Final = "g-1"


def said(node: str, clock: str = "synced", version: str = "1") -> Arrived:
    birth = status.Birth(node, "here", "1" * 16, (SPOOLS.get(node, "c" * 32),), 1, None, version, clock)
    return Arrived(names.status(node), status.encode(birth), False)


def online(collector: OnItsOwnTime) -> list[str]:
    return [node.birth.node for node in collector.registry.nodes() if node.online]


def test_who_died_while_the_broker_was_down_is_offline_and_who_speaks_is_not(collector: OnItsOwnTime) -> None:
    """It was online for ever, and no rule told anybody of it. A birth that a broker retains is no sign of life."""
    collector.inbox.connection = 2
    collector.receive(data(GOOD, 1), birth(GOOD)._replace(retained=True), birth(BAD)._replace(retained=True))
    collector.passed_s += SILENT_S - 4
    collector.receive()
    assert online(collector) == [GOOD, BAD]
    collector.receive()
    assert online(collector) == [GOOD]
    collector.receive(data(BAD, 1))
    assert online(collector) == [GOOD, BAD], "who speaks after all is there"


def test_a_death_of_a_session_that_nobody_here_has_heard_of_is_one(collector: OnItsOwnTime) -> None:
    death = status.encode(status.Death(BAD, "9" * 16, "lost"))
    collector.inbox.connection = 2
    collector.receive(data(GOOD, 1), Arrived(names.status(BAD), death, True))
    collector.passed_s += SILENT_S
    collector.receive()
    assert online(collector) == [GOOD]


def test_who_waits_for_the_time_or_comes_by_another_door_is_not_missed(collector: OnItsOwnTime) -> None:
    others = [said("canary-c1"), said(GUEST, version="guest"), said("lp-0009", "unsynced")]
    collector.receive(data(GOOD, 1), data(BAD, 1), *others)
    collector.inbox.connection = 2
    collector.receive()
    collector.passed_s += SILENT_S
    collector.receive()
    assert online(collector) == ["canary-c1", GUEST, "lp-0009"]
