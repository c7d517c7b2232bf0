"""The collector's alerting on a clock of its own: what is told, kept over restarts, and never told."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.delivery.registry import Node
from collector.identity.book import Book as IdentityBook
from collector.rules.desk import Policy
from collector.rules.parsing import parse
from collector.stores.store import Select, StoreDown, Table
from collector.web.desk.file import DeskFile
from tests.alerts.desk import HIGH, HOUR, MINUTE, T0, TAGS, TEXT, Desk
from tests.closes import Closes
from wire.status import Birth, Sensor

HOURLY = HIGH | {"alert": "pm25-hourly", "window": {"mean": "pm25_ugm3", "over": "1h"}, "for": "10m"}
SILENT = {"alert": "silent", "kind": "air_quality", "absent": "10m", "text": TEXT}
OFFLINE = {"alert": "offline", "kind": "node_health", "offline": "5m", "text": TEXT}


def node(online: bool = True) -> Node:
    sensors = (Sensor("air-1", "plantower-pms5003@1"),)
    return Node(Birth("lp-1", "east", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced", sensors), online, T0)


def test_a_value_that_toggles_at_every_evaluation_for_an_hour_is_told_three_times_at_most(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    for second in range(0, 3600, 10):
        desk.now_ms = T0 + second * 1000
        desk.reading(90.0 if second % 20 else 10.0)
        desk.tick()
    desk.wait(HOUR)
    assert len(desk.points()) == 359
    assert 1 <= len(desk.told) <= 3


def test_a_day_of_backfill_calls_nobody_and_its_history_is_right(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HOURLY))
    for minute in range(60):
        desk.now_ms = T0 + minute * MINUTE
        desk.reading(10.0)
        desk.tick()
    desk.now_ms += 24 * HOUR
    began = T0 + 60 * MINUTE
    day = [(began + m * MINUTE, 120.0 if 300 <= m < 480 else 10.0) for m in range(24 * 60)]
    for start in range(0, len(day), 60):
        desk.reading(10.0)  # the live lane goes ahead of the backlog
        part = day[start : start + 60]
        desk.store_rows([t for t, _ in part], [v for _, v in part])
        desk.tick()
        desk.now_ms += MINUTE
    desk.wait(10 * MINUTE)
    assert desk.told == []
    assert desk.points() == [("firing", 1), ("resolved", 1)]


@pytest.mark.parametrize("seed", range(4))
def test_killed_or_stopped_between_any_two_steps_every_episode_is_told_once_and_ends_once(
    tmp_path: Path, seed: int, closes: Closes
) -> None:
    dice, desk = random.Random(seed), closes(Desk(tmp_path, HIGH))
    desk.alerting.desk.policy = calm = Policy(group_ms=0, flap_changes=100, receivers=("hook",))
    for turn in range(120):
        desk.now_ms = T0 + turn * 10_000
        seen = dice.random() < 0.8  # or it dies between the database's answer and the rules
        desk.reading(90.0 if turn // 4 % 2 else 10.0, seen)
        if seen and dice.random() < 0.7:
            desk.tick()
        if not seen or dice.random() < 0.3:
            desk.die() if dice.random() < 0.5 else desk.end()
            desk.alerting.desk.policy = calm
    desk.now_ms += 10_000
    desk.reading(10.0)
    desk.wait(5 * MINUTE)
    lines = [line for _, told in desk.told for line in told]
    assert len({key for key, _ in desk.told}) == len(desk.told), "told twice only under the same key"
    keys = {key for _, key in lines}
    assert len(keys) == 15
    assert sorted(lines) == sorted((state, key) for key in keys for state in ("firing", "resolved"))


def test_a_message_whose_outcome_was_not_written_is_sent_again_under_its_key(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.alerting.tick(desk.now_ms)
    (sent,) = desk.alerting.outbox.due(desk.now_ms)
    desk.die()
    (again,) = desk.alerting.outbox.due(desk.now_ms)
    assert (again.key, again.attempts) == (sent.key, 1)


def test_what_happened_while_the_collector_was_away_is_history_but_what_still_fires_is_told(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.tick()
    other = closes(Desk(tmp_path, name="c2", store=desk.store))  # somebody else stores meanwhile
    for turn in range(6 * 60):
        other.now_ms = T0 + turn * MINUTE
        other.reading(90.0 if turn // 15 % 2 else 10.0)
    desk.now_ms = T0 + 6 * HOUR
    desk.die()
    desk.tick()
    assert [late for _, late in desk.points()] == [1] * 23 + [0], "twelve episodes, the last of which still fires"
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]


def test_while_the_database_is_away_no_sensor_is_called_silent_and_the_trouble_is_told_once(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, SILENT, HIGH))
    desk.nodes = [node()]
    desk.die()
    desk.reading(90.0)
    desk.tick()
    away = {("collector-database", "collector"): "connection refused"}
    for _ in range(120):
        desk.now_ms += 30_000
        desk.alerting.own_state(True, away, desk.now_ms)
        desk.tick()
    firing = [view.rule for view in desk.alerting.current() if view.state == "firing"]
    assert firing == ["collector-database", "pm25-high"], "what fired goes on, nothing is resolved"
    assert len(desk.told) == 2
    for _ in range(4):
        desk.now_ms += 20_000
        desk.alerting.own_state(True, {}, desk.now_ms)
        desk.tick()
    assert [view.rule for view in desk.alerting.current() if view.state == "firing"] == ["pm25-high"]


def test_own_troubles_go_on_over_a_restart_and_end(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path))
    wrong = {("collector-clone", "lp-7"): "two batches 5"}
    for _ in range(3):
        desk.alerting.own_state(True, wrong, desk.now_ms)
        desk.wait(10_000)
    desk.die()
    for _ in range(6):
        desk.alerting.own_state(True, {}, desk.now_ms)
        desk.wait(10_000)
    states = [state for _, lines in desk.told for state, _ in lines]
    desk.wait(10 * MINUTE)
    states = [state for _, lines in desk.told for state, _ in lines]
    assert states == ["firing", "resolved"]


def test_a_lost_node_stays_lost_over_a_restart(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, OFFLINE))
    desk.nodes = [node(online=False)]
    desk.die()
    desk.alerting.node_state("lp-1", False, desk.now_ms)
    desk.wait(20 * MINUTE)
    desk.die()
    desk.wait(20 * MINUTE)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]
    desk.alerting.node_state("lp-1", True, desk.now_ms)
    desk.wait(20 * MINUTE)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"], ["resolved"]]


def test_a_second_collector_goes_on_with_the_episodes_under_their_keys(tmp_path: Path, closes: Closes) -> None:
    first = closes(Desk(tmp_path, HOURLY))
    for minute in range(90):
        first.now_ms = T0 + minute * MINUTE
        first.reading(100.0)
        first.tick()
    (told,) = first.told
    second = closes(Desk(tmp_path, HOURLY, name="c2", store=first.store))
    second.now_ms = first.now_ms
    second.alerting.follow([], second.now_ms)
    for minute in range(90, 240):
        second.now_ms = T0 + minute * MINUTE
        second.reading(10.0)
        second.tick()
    assert [lines for _, lines in second.told] == [[("resolved", told[1][0][1])]]
    first.now_ms = second.now_ms
    first.alerting.follow([], first.now_ms)  # and back: the first one has not heard of the end
    first.tick()
    assert [view.state for view in first.alerting.current()] == []


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
    assert said_by(second, 6 * MINUTE) == [("resolved", "+100000")]


def test_an_end_that_is_stored_is_told_by_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    """The station sends nothing more, and the one that wrote its last reading died before its rules saw it."""
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.wait(10 * MINUTE)
    first.reading(10.0, seen=False)
    assert go_on(second, first) == [("resolved", "+0")]
    assert said_by(second) == []


def test_an_end_that_the_other_may_not_have_told_is_told_by_who_takes_over(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    first.reading(90.0)
    first.wait(10 * MINUTE)
    first.reading(10.0)
    first.alerting.tick(first.now_ms)  # it is in the database and in the first one's outbox, and there it stays
    assert go_on(second, first) == [("resolved", "+0")]


def test_an_episode_of_the_other_ends_although_this_one_has_told_an_earlier_one(tmp_path: Path, closes: Closes) -> None:
    first, second = pair(tmp_path, closes, HIGH)
    for value in (90.0, 10.0):
        first.reading(value)
        first.wait(5 * MINUTE)
    go_on(second, first)
    second.reading(95.0)
    second.wait(5 * MINUTE)
    assert go_on(first, second) == []
    first.reading(10.0)
    assert [state for state, _ in said_by(first)] == ["resolved"]


@pytest.mark.parametrize("rule", [HIGH | {"raise": "> 80"}, HOURLY])
def test_what_fires_by_a_rule_that_is_another_here_ends(tmp_path: Path, closes: Closes, rule: dict[str, Any]) -> None:
    """Two collectors are given a new rule one after the other: who takes over first has it already."""
    first = closes(Desk(tmp_path, HIGH))
    second = closes(Desk(tmp_path, rule, name="c2", store=first.store))
    first.reading(78.0)
    first.wait(10 * MINUTE)
    assert go_on(second, first) == [("resolved", "+0")]
    assert go_on(second, second) == []


@pytest.mark.parametrize("minutes", [0, 3, 7])
def test_what_waits_for_its_time_goes_on_through_a_takeover(tmp_path: Path, closes: Closes, minutes: int) -> None:
    """Pending since before, and on its way to the end since before: both come at the time at which they had come."""
    first, second = pair(tmp_path, closes, HIGH | {"for": "10m", "keep_firing_for": "10m"})
    start_ms = T0 + 30 * MINUTE

    def minute_of(desk: Desk, number: int, value: float) -> list[tuple[str, int]]:
        desk.now_ms, desk.told = start_ms + number * MINUTE, []
        desk.reading(value)
        desk.tick()
        points = [line for _, lines in desk.told for line in lines]
        return [(state, number) for state, _ in points]

    assert [minute_of(first, number, 90.0) for number in range(minutes)] == [[]] * minutes
    go_on(second, first)
    heard = [line for number in range(minutes, 20) for line in minute_of(second, number, 90.0)]
    assert heard == [("firing", 10)]
    assert [minute_of(second, 20 + number, 10.0) for number in range(minutes)] == [[]] * minutes
    assert ("resolved", f"+{30 * MINUTE}") not in go_on(first, second)
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


def test_while_the_database_is_away_at_a_start_the_rules_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.tick()
    desk.now_ms += 10_000
    desk.reading(90.0, seen=False)
    desk.die()

    def down(_: Select) -> list[Any]:
        raise StoreDown("away")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "select", down)
        desk.tick()
        assert desk.told == []
    desk.wait(10_000)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]


def test_retained_messages_are_said_again_and_cleared_a_day_after_the_end(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    (topic,) = desk.retained
    desk.alerting.ask("ack", {"alert": topic[-16:], "who": "wang", "until_ms": T0 + HOUR}, desk.now_ms)
    desk.tick()
    assert b'"acknowledged_by":"wang"' in desk.retained[topic]
    desk.die()
    assert [(change.topic, change.body) for change in desk.alerting.reconnected()] == list(desk.retained.items())
    desk.now_ms += MINUTE
    desk.reading(10.0)
    desk.tick()
    assert b'"state":"resolved"' in desk.retained[topic]
    (stored,) = desk.store.select(Select("alerts", ("state", "who")))
    assert [row[1:] for row in stored.rows] == [["firing", None], ["resolved", "wang"]]
    desk.wait(23 * HOUR, 10 * MINUTE)
    assert topic in desk.retained
    desk.die()
    desk.wait(2 * HOUR, 10 * MINUTE)
    assert desk.retained == {}
    assert desk.alerting.reconnected() == []


def test_a_rule_that_went_ends_its_alert(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    desk.rules = []
    desk.die()
    desk.wait(10 * MINUTE)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"], ["resolved"]]
    assert [b'"reason":"the rule was removed"' in body for body in desk.retained.values()] == [True]
    desk.die()
    desk.wait(MINUTE)
    assert [state for state, _ in desk.points()] == ["firing", "resolved"], "the next start says nothing again"


def test_when_the_offline_rule_is_changed_the_sensors_of_its_node_are_heard_again(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH, OFFLINE))
    desk.nodes = [node(online=False)]
    desk.alerting.expect(desk.nodes, desk.now_ms)
    desk.alerting.node_state("lp-1", False, desk.now_ms)
    desk.wait(7 * MINUTE)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing"]
    desk.rules = parse([HIGH, OFFLINE | {"offline": "20m"}])
    desk.die()
    desk.wait(6 * MINUTE)
    desk.reading(90.0)
    desk.wait(MINUTE)
    assert [(state, key.partition("@")[0]) for _, lines in desk.told for state, key in lines] == [
        ("firing", "offline"),
        ("resolved", "offline"),
        ("firing", "pm25-high"),
    ]


def test_a_station_that_was_put_out_of_service_is_missed_no_more_and_its_alerts_end(
    tmp_path: Path, closes: Closes
) -> None:
    hour = HIGH | {"alert": "hour", "kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}}
    desk = Desk(tmp_path, HIGH, hour, SILENT, OFFLINE)
    file = closes(DeskFile(tmp_path / "desk.db"))
    desk.trail, desk.nodes = file, [node()]
    desk.die()
    closes(desk).tick()
    desk.reading(90.0)
    table = Table("air_quality_1h", TAGS, [desk.now_ms - HOUR], {"pm25_ugm3_mean": [90.0]})
    desk.alerting.observe([table], desk.now_ms)
    desk.wait(MINUTE)
    desk.alerting.node_state("lp-1", False, desk.now_ms)
    desk.wait(7 * MINUTE)
    IdentityBook(file).retire("lp-1", "li", desk.now_ms)
    desk.wait(2 * HOUR)
    told = [(state, key.partition("@")[0]) for _, lines in desk.told for state, key in lines]
    assert sorted(told) == sorted((s, a) for s in ("firing", "resolved") for a in ("pm25-high", "hour", "offline"))


def test_a_station_that_moved_while_the_collector_was_away_has_no_alert_at_its_old_site(
    tmp_path: Path, closes: Closes
) -> None:
    desk = Desk(tmp_path, HIGH)
    desk.nodes = [node()]
    desk.die()
    closes(desk).tick()
    for _ in range(6):
        desk.reading(90.0)
        desk.wait(MINUTE)
    desk.nodes = [node()._replace(birth=replace(node().birth, site="west"))]
    desk.die()
    desk.wait(6 * MINUTE)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing", "resolved"]


def test_pages_say_once_that_an_alert_is_over_and_by_which_limit(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.wait(2 * MINUTE)
    (firing,) = desk.alerting.current()
    assert (firing.text_en, firing.value, firing.threshold) == (
        "too high: PM2.5 began at 90 µg/m³ (limit > 75)",
        90.0,
        75.0,
    )
    desk.reading(43.0)
    desk.wait(10 * MINUTE)
    (over,) = desk.alerting.current()
    assert (over.state, over.text_zh, over.text_en) == ("resolved", "过高", "too high")
    assert (over.value, over.threshold) == (43.0, 60.0)


@pytest.mark.parametrize("follows", [False, True])
def test_an_hour_that_was_stored_as_the_collector_died_is_looked_at_by_whoever_goes_on(
    tmp_path: Path, closes: Closes, follows: bool
) -> None:
    """Its row is stamped more than an hour back: a catch-up from now on would not find it."""
    rule = HIGH | {"kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}}
    desk = closes(Desk(tmp_path, rule))
    desk.tick()

    def hour(value: float, seen: bool) -> None:
        table = Table("air_quality_1h", TAGS, [desk.now_ms - HOUR - 3 * MINUTE], {"pm25_ugm3_mean": [value]})
        desk.store.write(desk.store.render(table))
        if seen:
            desk.alerting.observe([table], desk.now_ms)

    hour(10.0, seen=True)
    desk.wait(HOUR, MINUTE)
    hour(90.0, seen=False)
    desk.die()
    if follows:
        desk.alerting.follow([], desk.now_ms)
    desk.wait(10 * MINUTE)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing"]
