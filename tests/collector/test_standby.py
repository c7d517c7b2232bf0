"""One of several works: the first of a quiet broker, the next when it dies, falls silent or lets go."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.standby.standby import LISTEN_S, SILENCE_S, Standby
from wire import collector_status
from wire.collector_status import CollectorStatus, State

STEP_S = 0.25


class Room:
    """Collectors on one broker, and a clock; a message arrives in the step it was sent in, or never."""

    def __init__(self, *names: str) -> None:
        self.now_s = 1000.0
        self.all = {name: Standby(name) for name in names}
        self.connection: dict[str, int | None] = dict.fromkeys(names, 1)
        self.hung: set[str] = set()
        self.retained: dict[str, CollectorStatus] = {}

    def pass_(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            for name, one in self.all.items():
                if name in self.hung:
                    continue
                one.tick(self.connection[name], self.now_s, int(self.now_s * 1000))
                if one.due(self.now_s):
                    self.say(name, CollectorStatus(one.state, one.since_ms, int(self.now_s * 1000)))

    def say(self, name: str, said: CollectorStatus) -> None:
        self.retained[name] = said
        for other, one in self.all.items():
            if self.connection[other] is not None and other not in self.hung:
                one.hear(name, collector_status.decode(collector_status.encode(said)), self.now_s)

    def cut(self, name: str) -> None:
        """The link of one breaks: the broker publishes its will."""
        self.connection[name] = None
        self.say(name, CollectorStatus(State.OFFLINE, 0, 0))

    def mend(self, name: str) -> None:
        self.connection[name] = int(self.now_s * 4)
        for other, said in self.retained.items():
            self.all[name].hear(other, said, self.now_s)

    def active(self) -> list[str]:
        return [name for name, one in self.all.items() if one.active]


def test_a_lone_collector_works_after_a_second() -> None:
    room = Room("c1")
    room.pass_(LISTEN_S + 2 * STEP_S)
    assert room.active() == ["c1"]


def test_a_lone_collector_goes_on_through_a_broken_connection() -> None:
    room = Room("c1")
    room.pass_(5)
    room.cut("c1")
    room.pass_(60)
    assert room.active() == ["c1"]
    room.mend("c1")
    room.pass_(STEP_S)
    assert room.active() == ["c1"]


def test_the_active_goes_on_where_the_broker_is_lost_to_all() -> None:
    """Nobody worked, and so nobody told that the broker was lost."""
    room = Room("c1", "c2")
    room.pass_(10)
    for name in room.all:
        room.connection[name] = None
    room.pass_(600)
    assert room.active() == ["c1"]
    assert [name for name, one in room.all.items() if one.is_cut_off(room.now_s) and not one.active] == ["c2"]
    for name in room.all:
        room.mend(name)
    room.pass_(10)
    assert len(room.active()) == 1


def test_of_several_the_first_by_name_works_and_the_others_stand_by() -> None:
    room = Room("c2", "c1", "c3")
    room.pass_(10)
    assert room.active() == ["c1"]
    assert {room.all[name].state for name in ("c2", "c3")} == {State.STANDBY}


def test_a_newcomer_disturbs_nobody() -> None:
    room = Room("c1", "c2")
    room.connection["c1"] = None
    room.pass_(10)
    assert room.active() == ["c2"]
    room.mend("c1")
    room.pass_(60)
    assert room.active() == ["c2"]


def test_the_will_of_the_active_makes_room_at_once() -> None:
    room = Room("c1", "c2")
    room.pass_(10)
    room.cut("c1")
    room.pass_(3 * STEP_S)
    assert "c2" in room.active()


def test_a_silent_active_is_replaced_after_fifteen_seconds_and_gives_way_when_it_returns() -> None:
    room = Room("c1", "c2")
    room.pass_(10)
    room.hung.add("c1")
    room.pass_(SILENCE_S - 6)
    assert not room.all["c2"].active
    room.pass_(8)
    assert room.all["c2"].active
    room.hung.clear()
    room.pass_(8)
    assert room.active() == ["c2"]


def test_a_retained_word_of_a_dead_one_holds_nobody_longer_than_silence_does() -> None:
    room = Room("c2")
    room.all["c2"].hear("c1", CollectorStatus(State.ACTIVE, 1, 1), room.now_s)
    room.pass_(10)
    assert room.active() == []
    room.pass_(8)
    assert room.active() == ["c2"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["cut", "mend", "hang", "wake"]))))
def test_whatever_happened_one_and_only_one_works_once_it_is_calm(deeds: list[tuple[str, str]]) -> None:
    room = Room("c1", "c2", "c3")
    for name, deed in deeds:
        if deed == "cut" and room.connection[name] is not None:
            room.cut(name)
        elif deed == "mend" and room.connection[name] is None:
            room.mend(name)
        elif deed == "hang":
            room.hung.add(name)
        elif deed == "wake":
            room.hung.discard(name)
        room.pass_(3)
    room.hung.clear()
    for name, connection in room.connection.items():
        if connection is None:
            room.mend(name)
    room.pass_(40)
    assert len(room.active()) == 1
