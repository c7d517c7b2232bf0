"""Two collectors on one database, one after the other: each episode is told once, by whoever works then."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.alerts import shared_duty
from collector.alerts.book import Book
from collector.stores.store import SOON_S, Later, Select, StoreDown, Table
from tests.alerts.desk import HIGH, HOURLY, OFFLINE, T0, Desk, node
from tests.closes import Closes
from tests.stored import put
from wire.collector_status import State
from wire.times import HOUR_MS, MINUTE_MS


def test_a_second_collector_goes_on_with_the_episodes_under_their_keys(tmp_path: Path, closes: Closes) -> None:
    first = closes(Desk(tmp_path, HOURLY))
    for minute in range(90):
        first.now_ms = T0 + minute * MINUTE_MS
        first.reading(100.0)
        first.tick()
    (told,) = first.told
    second = closes(Desk(tmp_path, HOURLY, name="c2", store=first.store))
    second.now_ms = first.now_ms
    second.alerting.follow([], second.now_ms)
    for minute in range(90, 240):
        second.now_ms = T0 + minute * MINUTE_MS
        second.reading(10.0)
        second.tick()
    assert [lines for _, lines in second.told] == [[("resolved", told[1][0][1])]]
    first.now_ms = second.now_ms
    first.alerting.follow([], first.now_ms)  # and back: the first one has not heard of the end
    first.tick()
    assert [view.state for view in first.alerting.current()] == []


def test_who_stands_by_repeats_nothing_that_the_other_may_have_ended(tmp_path: Path, closes: Closes) -> None:
    """Alertmanager heard of it every minute, for ever, and called people each time that the other said it was over."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    assert [each.state for each in first.alerting.standing("hook")] == ["firing"]
    go_on(second, first)
    second.reading(10.0)
    assert said_by(second, 6 * MINUTE_MS) == [("resolved", "+0")]
    for begins_anew in (False, True):
        if begins_anew:
            first.die()
        else:
            first.alerting.rest({}, State.STANDBY, second.now_ms)
        assert first.alerting.standing("hook") == []
    wrong = {("collector-broker", "collector"): "refused"}
    for _ in range(3):
        first.now_ms = second.now_ms = second.now_ms + 10_000
        first.alerting.rest(wrong, State.UNDECIDED, first.now_ms)
    assert [each.rule for each in first.alerting.standing("hook")] == ["collector-broker"]


def test_what_was_told_just_now_and_the_other_finds_no_reason_for_has_an_end(tmp_path: Path, closes: Closes) -> None:
    """As after a calibration of the past: nobody told the end of what had fired since two minutes."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    first.store_rows([first.now_ms], [10.0], seen=False)
    go_on(second, first)
    second.reading(10.0)
    second.wait(10 * MINUTE_MS)
    assert [state for desk in (first, second) for _, lines in desk.told for state, _ in lines][-1] == "resolved"


@pytest.mark.parametrize(
    ("course", "ended"),
    [(((0, 90.0), (60, 10.0), (260, 10.0)), "+0"), (((0, 90.0), (60, 200.0), (390, 90.0), (580, 90.0)), "+60000")],
    ids=["second", "third"],
)
def test_news_that_waited_for_its_group_is_told_by_who_takes_over(
    tmp_path: Path, closes: Closes, course: tuple[tuple[int, float], ...], ended: str
) -> None:
    """The next message of a group comes five minutes after the last: by then another took it for told."""
    worse = HIGH | {"alert": "pm25-higher", "raise": "> 150", "clear": "< 120"}
    first, second = pair(tmp_path, closes, HIGH, worse)
    for at_s, value in course:
        first.wait(T0 + at_s * 1_000 - first.now_ms)
        first.reading(value)
        first.tick()
    assert [state for _, lines in first.told for state, _ in lines] == ["firing"] * (len(course) - 2)
    assert go_on(second, first) + said_by(second, 6 * MINUTE_MS) == [("resolved", ended)]


@pytest.mark.parametrize("wait", ["0s", "1m"])
def test_who_takes_over_knows_how_often_a_sensor_reports(tmp_path: Path, closes: Closes, wait: str) -> None:
    """Of one that was set to a reading in ten seconds no window was there at first: what fired was taken back."""
    rule = HIGH | {"window": {"mean": "pm25_ugm3", "over": "5m", "complete": "50%"}, "for": wait}
    first, second = pair(tmp_path, closes, rule)
    for desk in (first, second):
        desk.nodes = [node()]
        desk.die()
    first.tick()
    while not first.told:
        first.now_ms += 10_000
        first.reading(10.0 if first.now_ms < T0 + 10 * MINUTE_MS else 120.0)
        first.tick()
    second.now_ms = first.now_ms + 10_000
    second.alerting.follow([node()], second.now_ms)
    for _ in range(40):
        second.reading(10.0)
        second.wait(10_000)
    second.wait(40 * MINUTE_MS, MINUTE_MS)
    assert [state for _, lines in second.told for state, _ in lines] == ["firing", "resolved"]


def test_what_is_said_while_the_database_is_away_goes_over_when_it_is_back(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.tick()
    quiet = {"match": "node=lp-1", "who": "王磊", "note": "", "end_ms": T0 + 10 * HOUR_MS}
    with monkeypatch.context() as away:
        away.setattr(first.store, "write", lambda _: Later("away"))
        kept, ended = (first.alerting.ask("silence", quiet | {"start_ms": T0 + n}, T0)["silence"] for n in (0, HOUR_MS))
        first.wait(20_000)
        first.alerting.ask("unsilence", {"silence": ended, "who": "王磊"}, first.now_ms)
        first.wait(20_000)
    first.wait(20_000)
    go_on(second, first)
    assert [each.name for each in second.alerting.silences()] == [kept]


def test_who_dies_while_the_database_is_away_goes_on_from_what_it_knows_itself(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the database is of before: an acknowledgement that ended there held its alert for good."""
    first, _ = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    (alert,) = first.alerting.current()
    asked = {"alert": alert.fingerprint, "who": "王磊"}
    until = {"note": "", "until_ms": T0 + 10 * HOUR_MS}
    first.alerting.ask("ack", asked | until, first.now_ms)
    first.wait(MINUTE_MS)
    first.alerting.ask("unack", asked, first.now_ms)
    first.wait(5 * MINUTE_MS)
    with monkeypatch.context() as away:
        away.setattr(first.store, "write", lambda _: Later("away"))
        first.alerting.ask("ack", asked | until | {"who": "李华"}, first.now_ms)
        first.wait(MINUTE_MS)
        first.die()
    first.alerting.follow([], first.now_ms)
    first.wait(20_000)
    assert [view.acked_by for view in first.alerting.current()] == ["李华"]


def test_who_stands_by_acknowledges_nothing(tmp_path: Path, closes: Closes) -> None:
    """At its own desk it was done: people took the alert for theirs, and the other one went on to escalate."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    go_on(second, first)
    first.alerting.rest({}, State.STANDBY, second.now_ms)
    (alert,) = first.alerting.current()
    asked = {"alert": alert.fingerprint, "who": "王磊", "note": "", "until_ms": second.now_ms + HOUR_MS}
    assert "stands by" in first.alerting.ask("ack", asked, second.now_ms)["refused"]
    with closing(Book.open(tmp_path / "c1.db")) as book:  # as a command asks: it waited, and was told to start it
        number = book.ask("ack", asked, second.now_ms)
        first.alerting.rest({}, State.STANDBY, second.now_ms)
        assert "stands by" in (book.answer_to(number) or {})["refused"]
    assert second.alerting.ask("ack", asked, second.now_ms)["done"]
    first.alerting.rest({}, State.UNDECIDED, second.now_ms)  # nobody else is known to work: it is theirs then
    assert first.alerting.ask("ack", asked, second.now_ms)["done"]


def test_who_stands_by_takes_no_message_from_the_broker_that_another_keeps(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    for value in (90.0, 10.0):
        first.reading(value)
        first.tick()
        first.now_ms += MINUTE_MS
    go_on(second, first)
    second.now_ms += 24 * HOUR_MS
    second.reading(90.0)
    assert said_by(second) != []
    assert first.alerting.rest({}, State.STANDBY, second.now_ms) == []


def test_the_pages_of_who_stands_by_show_what_the_other_has_said(tmp_path: Path, closes: Closes) -> None:
    """What fired when it last worked fired there for ever, and what began since did not."""
    first, second = pair(tmp_path, closes, HIGH)

    def shown() -> list[str]:
        for _ in range(3):
            first.now_ms = second.now_ms = second.now_ms + 20_000
            first.alerting.rest({}, State.STANDBY, first.now_ms)
        return [view.state for view in first.alerting.current()]

    first.reading(90.0)
    first.tick()
    go_on(second, first)
    second.wait(MINUTE_MS)
    second.reading(10.0)
    second.tick()
    assert shown() == ["resolved"]
    second.wait(10 * MINUTE_MS)
    second.reading(90.0)
    second.tick()
    assert shown() == ["firing"]


def test_silences_and_acknowledgements_go_over_to_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    """A planned work at a station called people when another collector took over, and so did what somebody had."""
    first, second = pair(tmp_path, closes, HIGH, OFFLINE)
    end_ms = T0 + 10 * HOUR_MS
    quiet = {"match": "rule=offline", "who": "王磊", "note": "换\n电池", "end_ms": end_ms}
    first.tick()
    names = [first.alerting.ask("silence", quiet | {"start_ms": T0 + n}, T0)["silence"] for n in (0, HOUR_MS)]
    first.reading(90.0)
    first.tick()
    (alert,) = first.alerting.current()
    first.alerting.ask("ack", {"alert": alert.fingerprint, "who": "李华", "note": "现场", "until_ms": end_ms}, T0)
    first.wait(20_000)
    first.alerting.ask("unsilence", {"silence": names[0], "who": "王磊"}, first.now_ms)
    first.wait(3 * MINUTE_MS)
    go_on(second, first)
    assert [each.name for each in second.alerting.silences()] == [names[1]]
    assert [(view.state, view.acked_by) for view in second.alerting.current()] == [("firing", "李华")]
    second.alerting.ask("unack", {"alert": alert.fingerprint, "who": "李华"}, second.now_ms)
    second.wait(3 * MINUTE_MS)
    go_on(first, second)  # and back
    assert [view.acked_by for view in first.alerting.current()] == [None]
    assert [each.name for each in first.alerting.silences()] == [names[1]]


def silence(desk: Desk) -> None:
    """Nobody wants to hear of the station for an hour."""
    quiet = {"match": "node=lp-1", "who": "王磊", "note": "", "start_ms": T0, "end_ms": T0 + HOUR_MS}
    desk.alerting.ask("silence", quiet, T0)


def test_what_fired_in_a_silence_is_told_after_it_by_who_took_over_meanwhile(tmp_path: Path, closes: Closes) -> None:
    """It took it for told, as all that stands in the database since long, and nobody heard of it."""
    first, second = pair(tmp_path, closes, HIGH)
    first.tick()
    silence(first)
    first.wait(MINUTE_MS)
    first.reading(90.0)
    first.wait(20 * MINUTE_MS)
    assert go_on(second, first) == []
    second.reading(91.0)
    assert said_by(second, HOUR_MS) == [("firing", "+60000")]
    second.reading(10.0)
    assert said_by(second, 6 * MINUTE_MS) == [("resolved", "+60000")]
    assert go_on(first, second) == []  # and back: all is told
    first.reading(10.0)
    assert said_by(first, 6 * MINUTE_MS) == []


def test_what_a_backlog_began_is_told_when_the_readings_have_caught_up_by_who_took_over_meanwhile(
    tmp_path: Path, closes: Closes
) -> None:
    """History calls nobody, and the other took it for told all the same."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(10.0)
    first.wait(30 * MINUTE_MS)
    first.store_rows([first.now_ms - 5 * MINUTE_MS], [90.0])
    first.tick()
    assert first.told == []
    assert go_on(second, first) == []
    second.reading(90.0)
    assert said_by(second) == [("firing", "+1500000")]
    second.reading(10.0)
    assert said_by(second, 6 * MINUTE_MS) == [("resolved", "+1500000")]


def test_what_was_told_just_before_a_takeover_ends_for_people_though_it_is_silenced_by_then(
    tmp_path: Path, closes: Closes
) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    silence(first)
    first.wait(MINUTE_MS)
    assert go_on(second, first) == []
    second.reading(10.0)
    assert said_by(second, 6 * MINUTE_MS)[-1] == ("resolved", "+0")


def test_what_came_and_went_in_a_silence_is_told_by_nobody_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.tick()
    silence(first)
    for value in (90.0, 10.0):
        first.reading(value)
        first.wait(6 * MINUTE_MS)
    assert go_on(second, first) + said_by(second, HOUR_MS) == []


def test_what_waited_here_and_was_told_by_the_other_has_an_end_here(tmp_path: Path, closes: Closes) -> None:
    """Who gets the work back remembered that people had not heard of it, and so told them of no end."""
    first, second = pair(tmp_path, closes, HIGH)
    first.tick()
    silence(first)
    first.reading(90.0)
    first.wait(30 * MINUTE_MS)
    assert go_on(second, first) == []
    assert said_by(second, HOUR_MS) == [("firing", "+0")]
    assert go_on(first, second) == []
    first.reading(10.0)
    assert said_by(first, 6 * MINUTE_MS) == [("resolved", "+0")]


def test_who_takes_over_tells_how_what_has_flapped_ended(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    for value in (90.0, 10.0, 90.0, 10.0):
        first.reading(value)
        first.wait(2 * MINUTE_MS)
    assert [state for _, lines in first.told for state, _ in lines] == ["firing", "flapping"]
    first.wait(20 * MINUTE_MS)
    assert go_on(second, first) == []
    assert [state for state, _ in said_by(second, HOUR_MS)] == ["resolved"]


def test_news_that_waits_for_a_message_of_what_is_calm_again_is_told_by_who_takes_over(
    tmp_path: Path, closes: Closes
) -> None:
    """That message is no change of any alert: what waited for it was taken for told."""
    very = HIGH | {"alert": "pm25-very-high", "raise": "> 150", "clear": "< 120"}
    first, second = pair(tmp_path, closes, HIGH, very)
    for value in (10.0, 90.0, 10.0, 90.0):
        first.reading(value)
        first.wait(MINUTE_MS)
    while len(first.told) < 3:
        first.reading(90.0)
        first.wait(MINUTE_MS, 1_000)
    went_up_ms = first.now_ms
    first.reading(200.0)
    first.wait(4 * MINUTE_MS)
    assert [state for _, lines in first.told for state, _ in lines] == ["firing", "flapping", "firing"]
    assert go_on(second, first) == [("firing", f"{went_up_ms - T0:+}")]


@pytest.mark.parametrize("key", ["silence:s-1", "ack:{fingerprint}"])
def test_what_people_said_to_a_collector_of_another_version_keeps_nobody_from_taking_over(
    tmp_path: Path, closes: Closes, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """While one is upgraded the other may be newer: it was never ready, and told nobody anything."""
    first, second = pair(tmp_path, closes, HIGH)
    first.tick()
    first.reading(90.0)
    first.tick()
    (alert,) = first.alerting.current()
    name = key.format(fingerprint=alert.fingerprint)
    row = Table(shared_duty.MEASUREMENT, (("name", name),), [first.now_ms], {"body": ['["a", {"of": "tomorrow"}]']})
    put(first.store, row)
    go_on(second, first)
    assert [view.state for view in second.alerting.current()] == ["firing"]
    assert name in caplog.text


def pair(folder: Path, closes: Closes, *rules: dict[str, Any]) -> tuple[Desk, Desk]:
    """Two collectors on one database; the second has not worked yet."""
    first = closes(Desk(folder, *rules))
    return first, closes(Desk(folder, *rules, name="c2", store=first.store))


def go_on(desk: Desk, before: Desk) -> list[tuple[str, str]]:
    """One takes over from another; what it tells at once."""
    desk.now_ms = before.now_ms + 1_000
    desk.alerting.follow([], desk.now_ms)
    return said_by(desk)


def said_by(desk: Desk, span_ms: int = 3_000) -> list[tuple[str, str]]:
    """What is told from now on: state, and when the episode began, in milliseconds after T0."""
    desk.told = []
    desk.wait(span_ms, 1_000)
    return [(state, f"{int(key.rpartition('|')[2]) - T0:+}") for _, lines in desk.told for state, key in lines]


def test_after_a_takeover_late_rows_tell_an_episode_once(tmp_path: Path, closes: Closes) -> None:
    """Stations send again what nobody has answered, in any order: it comes late, and some of it was known before."""
    first, second = pair(tmp_path, closes, HIGH)
    for turn in range(8):
        first.now_ms = T0 + turn * 20_000
        first.reading(90.0 if turn >= 5 else 10.0)
        first.tick()
    assert go_on(second, first) == [("firing", "+100000")]
    second.reading(10.0)
    for late_ms in (130_000, 70_000, 110_000, 125_000, 90_000):
        second.tick()
        second.store_rows([T0 + late_ms], [90.0 if late_ms > 100_000 else 10.0])
    assert said_by(second, 6 * MINUTE_MS) == [("resolved", "+100000")]


@pytest.mark.parametrize("minutes", [10, 80])
def test_a_lost_node_that_is_back_is_back_for_who_takes_over_and_missed_when_it_is_lost_again(
    tmp_path: Path, closes: Closes, minutes: int
) -> None:
    """It took what had fired an hour ago, where its windows begin, for what fires, and so missed nobody."""
    first, second = pair(tmp_path, closes, OFFLINE, HOURLY)
    for desk in (first, second):
        desk.nodes = [node()]
        desk.die()
    first.alerting.watch.expect(first.nodes, T0)
    first.alerting.watch.node_state("lp-1", False, T0)
    first.wait(10 * MINUTE_MS)
    if minutes > 10:
        first.alerting.watch.node_state("lp-1", True, first.now_ms)
        first.wait((minutes - 10) * MINUTE_MS, MINUTE_MS)
    second.now_ms = first.now_ms + 1_000
    second.alerting.follow([node()], second.now_ms)
    second.alerting.watch.node_state("lp-1", True, second.now_ms)
    assert [state for state, _ in said_by(second, 6 * MINUTE_MS)] == ["resolved"] * (minutes == 10)
    second.alerting.watch.node_state("lp-1", False, second.now_ms)
    assert [state for state, _ in said_by(second, 6 * MINUTE_MS)] == ["firing"]


@pytest.mark.parametrize("rules", [(HIGH,), (HIGH, HOURLY)], ids=["short", "long"])
def test_history_within_an_episode_that_goes_on_hides_it_from_nobody_who_takes_over(
    tmp_path: Path, closes: Closes, rules: tuple[dict[str, Any], ...]
) -> None:
    """Of a backlog the newest comes first. Who took over went by the history told last, and never told the end."""
    first, second = pair(tmp_path, closes, *rules)
    for minute in (0, 1, 20):
        first.now_ms = T0 + minute * MINUTE_MS
        first.reading(90.0 if minute else 10.0)
        first.tick()
    for minute in range(2, 9):
        first.store_rows([T0 + minute * MINUTE_MS], [10.0 if minute == 5 else 90.0])
        first.tick()
    assert ("firing", 1) in first.points()
    assert go_on(second, first) == []
    second.reading(10.0)
    assert said_by(second) == [("resolved", "+60000")]


def test_a_trouble_of_its_own_that_a_collector_has_told_ends_also_when_another_has_worked_meanwhile(
    tmp_path: Path, closes: Closes
) -> None:
    """Nobody else can tell its end: of a cloned card people heard, and never that it was over."""
    desk = closes(Desk(tmp_path))
    wrong: dict[tuple[str, str], str] = {("collector-clone", "lp-7"): "two batches 5"}
    for turn in range(10):
        if turn == 4:
            desk.alerting.follow([], desk.now_ms)
        desk.alerting.own_state(True, wrong if turn < 5 else {}, desk.now_ms)
        desk.wait(10_000)
        if turn == 4:
            assert [view.state for view in desk.alerting.current()] == ["firing"]
    desk.wait(5 * MINUTE_MS)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing", "resolved"]


def test_who_takes_over_keeps_at_the_broker_what_is_so_by_then(tmp_path: Path, closes: Closes) -> None:
    """It said anew, on each connection and for ever, that what had ended under another still fires."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.tick()
    second.now_ms = first.now_ms + MINUTE_MS
    second.alerting.follow([], second.now_ms)
    second.tick()
    assert kept_by(second) == ["firing"], "and goes on saying what another has said"
    second.reading(10.0)
    second.tick()
    first.now_ms = second.now_ms + HOUR_MS
    first.alerting.follow([], first.now_ms)
    first.tick()
    assert kept_by(first) == list(map(state_of, first.retained.values())) == ["resolved"]
    first.now_ms += 25 * HOUR_MS
    first.alerting.follow([], first.now_ms)
    first.tick()
    assert kept_by(first) == list(first.retained) == []


def kept_by(desk: Desk) -> list[str]:
    """What it tells a broker that is new to it."""
    return [state_of(change.body) for change in desk.alerting.reconnected()]


def state_of(body: bytes) -> str:
    return str(json.loads(body)["state"])


def test_an_end_that_is_stored_is_told_by_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    """The station sends nothing more, and the one that wrote its last reading died before its rules saw it."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.wait(10 * MINUTE_MS)
    first.reading(10.0, seen=False)
    assert go_on(second, first) == [("resolved", "+0")]
    assert said_by(second) == []


def test_an_end_that_the_other_may_not_have_told_is_told_by_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.wait(10 * MINUTE_MS)
    first.reading(10.0)
    first.alerting.tick(first.now_ms)  # it is in the database and in the first one's outbox, and there it stays
    assert go_on(second, first) == [("resolved", "+0")]


def test_an_episode_of_the_other_ends_although_this_one_has_told_an_earlier_one(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    for value in (90.0, 10.0):
        first.reading(value)
        first.wait(5 * MINUTE_MS)
    go_on(second, first)
    second.reading(95.0)
    second.wait(5 * MINUTE_MS)
    assert go_on(first, second) == []
    first.reading(10.0)
    assert [state for state, _ in said_by(first)] == ["resolved"]


@pytest.mark.parametrize("rule", [HIGH | {"raise": "> 80"}, HOURLY])
def test_what_fires_by_a_rule_that_is_another_here_ends(tmp_path: Path, closes: Closes, rule: dict[str, Any]) -> None:
    """Two collectors are given a new rule one after the other: who takes over first has it already."""
    first = closes(Desk(tmp_path, HIGH))
    second = closes(Desk(tmp_path, rule, name="c2", store=first.store))
    first.reading(78.0)
    first.wait(10 * MINUTE_MS)
    assert go_on(second, first) == [("resolved", "+0")]
    assert go_on(second, second) == []


@pytest.mark.parametrize("minutes", [0, 3, 7])
def test_what_waits_for_its_time_goes_on_through_a_takeover(tmp_path: Path, closes: Closes, minutes: int) -> None:
    """Pending since before, and on its way to the end since before: both come at the time at which they had come."""
    first, second = pair(tmp_path, closes, HIGH | {"for": "10m", "keep_firing_for": "10m"})
    start_ms = T0 + 30 * MINUTE_MS

    def minute_of(desk: Desk, number: int, value: float) -> list[tuple[str, int]]:
        desk.now_ms, desk.told = start_ms + number * MINUTE_MS, []
        desk.reading(value)
        desk.tick()
        points = [line for _, lines in desk.told for line in lines]
        return [(state, number) for state, _ in points]

    assert [minute_of(first, number, 90.0) for number in range(minutes)] == [[]] * minutes
    go_on(second, first)
    heard = [line for number in range(minutes, 20) for line in minute_of(second, number, 90.0)]
    assert heard == [("firing", 10)]
    assert [minute_of(second, 20 + number, 10.0) for number in range(minutes)] == [[]] * minutes
    assert ("resolved", f"+{30 * MINUTE_MS}") not in go_on(first, second)
    heard = [line for number in range(20 + minutes, 40) for line in minute_of(first, number, 10.0)]
    assert heard == [("resolved", 30)]


def test_a_database_that_goes_away_in_the_middle_of_a_takeover_is_read_again_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes
) -> None:
    """Else windows would hold readings twice: a count shows it."""
    first, second = pair(
        tmp_path, closes, HIGH | {"window": {"count": "pm25_ugm3", "over": "10m"}, "raise": "> 35", "clear": "< 5"}
    )
    for _ in range(60):
        first.reading(10.0)
        first.wait(20_000)
    asked, select = 0, second.store.select

    def break_off(question: Select) -> list[Any]:
        nonlocal asked
        asked += question.measurement == "air_quality"
        if asked == 2 and question.measurement == "air_quality":
            raise StoreDown("away")
        return select(question)

    monkeypatch.setattr(second.store, "select", break_off)
    go_on(second, first)
    second.wait(10_000, 1_000)
    second.reading(10.0)
    second.tick()
    assert asked > 2
    assert second.told == []


def test_a_database_that_is_away_for_an_hour_is_one_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)

    def away(_: Select) -> list[Any]:
        raise StoreDown("Connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(second.store, "select", away)
        go_on(second, first)
        for _ in range(60):
            second.wait(60_000, 10_000)
    said = [record.getMessage() for record in caplog.records if record.levelname != "INFO"]
    assert said == ["the rules wait for the database: Connection refused"]


@pytest.mark.parametrize("is_takeover", [True, False])
def test_a_database_that_hangs_is_asked_one_short_question_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes, is_takeover: bool
) -> None:
    """Its asker is the ingest, which holds up everybody."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    asked: list[float] = []

    def hang(question: Select) -> list[Any]:
        asked.append(question.within_s)
        raise StoreDown("read timed out")

    monkeypatch.setattr(second.store, "select", hang)
    if is_takeover:
        go_on(second, first)
    else:
        second.die()
        second.tick()
    assert asked == [SOON_S]
