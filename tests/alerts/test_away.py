"""What happened while the collector, its rules or the database were away: history, or told once when they are back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.stores.store import Select, StoreDown, Table
from tests.alerts.desk import HIGH, SILENT, T0, TAGS, Desk, node
from tests.closes import Closes
from wire.times import HOUR_MS, MINUTE_MS


def test_what_happened_while_the_collector_was_away_is_history_but_what_still_fires_is_told(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.tick()
    other = closes(Desk(tmp_path, name="c2", store=desk.store))  # somebody else stores meanwhile
    for turn in range(6 * 60):
        other.now_ms = T0 + turn * MINUTE_MS
        other.reading(90.0 if turn // 15 % 2 else 10.0)
    desk.now_ms = T0 + 6 * HOUR_MS
    desk.die()
    desk.tick()
    assert [late for _, late in desk.points()] == [1] * 23 + [0], "twelve episodes, the last of which still fires"
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]


def test_a_start_adds_nothing_to_an_alert_that_was_over_before(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    for value in (90.0, 50.0):
        desk.reading(value)
        desk.tick()
        desk.now_ms += MINUTE_MS
    story, told = desk.points(), list(desk.told)
    assert [state for state, _ in story] == ["firing", "resolved"]
    for begin in (desk.die, desk.end):
        begin()
        desk.tick()
        desk.now_ms += MINUTE_MS
    assert (desk.points(), desk.told) == (story, told)


def test_what_people_were_told_of_ends_when_the_database_has_lost_the_readings_behind_it(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    desk.store.remove("air_quality")
    with desk.state:
        desk.state.execute("DELETE FROM rule_state")  # saved after the alert was told, and lost with the power
    desk.now_ms += MINUTE_MS
    desk.die()
    for _ in range(10):
        desk.tick()
        desk.now_ms += MINUTE_MS
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"], ["resolved"]]
    assert [state for state, _ in desk.points()] == ["firing", "resolved"]


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


def test_who_slept_calls_nobody_silent_for_that(tmp_path: Path, closes: Closes) -> None:
    """A machine that was paused for a snapshot, or whose clock was set right after hours behind: at its next look every
    sensor of the city had been silent for so long, and people were called."""
    desk = closes(Desk(tmp_path, SILENT))
    desk.nodes = [node()]
    desk.die()

    def look(seconds: int, heard: bool) -> list[str]:
        for _ in range(seconds):
            desk.now_ms += 1000
            if heard:
                desk.reading(10.0)
            desk.alerting.own_state(True, {}, desk.now_ms)
            desk.tick()
        return [view.rule for view in desk.alerting.current() if view.state == "firing"]

    assert look(5, heard=True) == []
    desk.now_ms += HOUR_MS
    assert look(30, heard=False) == [], "what they said meanwhile is on its way"
    assert look(5, heard=True) == []
    assert look(11 * 60, heard=False) == ["silent"], "who is silent from then on is missed"


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
    desk.wait(10 * MINUTE_MS)
    states = [state for _, lines in desk.told for state, _ in lines]
    assert states == ["firing", "resolved"]


@pytest.mark.parametrize("backlog", [[(20, 10.0)], [(40, 90.0), (30, 10.0), (50, 10.0)]], ids=["in order", "mixed"])
def test_the_end_of_what_people_were_told_is_shown_also_when_it_comes_with_a_backlog(
    tmp_path: Path, closes: Closes, backlog: list[tuple[int, float]]
) -> None:
    """For people it had ended; on the pages, on the broker and in the report it fired for ever."""
    desk = closes(Desk(tmp_path, HIGH))
    for value in (10.0, 90.0):
        desk.reading(value)
        desk.tick()
        desk.now_ms += 10_000
    desk.now_ms += HOUR_MS  # without a database
    for second, value in backlog:
        desk.store_rows([T0 + second * 1_000], [value])
        desk.tick()
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing", "resolved"]
    assert desk.points()[:2] == [("firing", 0), ("resolved", 0)], "what follows in the past is history"
    (kept,) = desk.retained.values()
    assert b'"state":"resolved"' in kept
    assert [view.state for view in desk.alerting.current()] == ["resolved"]


@pytest.mark.parametrize("follows", [False, True])
def test_while_the_database_is_away_at_a_start_the_rules_wait_and_that_it_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closes: Closes, follows: bool
) -> None:
    """After a power cut the collector came back and the database did not, and nobody heard of it."""
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.tick()
    desk.now_ms += 10_000
    desk.reading(90.0, seen=False)
    desk.die()
    if follows:
        desk.alerting.follow([], desk.now_ms)

    def down(_: Select) -> list[Any]:
        raise StoreDown("away")

    def keys(wrong: dict[tuple[str, str], str], turns: int) -> list[str]:
        for _ in range(turns):
            desk.alerting.own_state(True, wrong, desk.now_ms)
            desk.wait(10_000)
        return [f"{state} {key.partition('@')[0]}" for _, lines in desk.told for state, key in lines]

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "select", down)
        away = keys({("collector-database", "collector"): "connection refused"}, 3)
    assert away == ["firing collector-database"]
    assert keys({}, 2) == [*away, "firing pm25-high"]


@pytest.mark.parametrize("follows", [False, True])
def test_an_hour_that_was_stored_as_the_collector_died_is_looked_at_by_whoever_goes_on(
    tmp_path: Path, closes: Closes, follows: bool
) -> None:
    """Its row is stamped more than an hour back: a catch-up from now on would not find it."""
    rule = HIGH | {"kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}}
    desk = closes(Desk(tmp_path, rule))
    desk.tick()

    def hour(value: float, seen: bool) -> None:
        table = Table("air_quality_1h", TAGS, [desk.now_ms - HOUR_MS - 3 * MINUTE_MS], {"pm25_ugm3_mean": [value]})
        desk.store.write(desk.store.render(table))
        if seen:
            desk.alerting.watch.observe([table], desk.now_ms)

    hour(10.0, seen=True)
    desk.wait(HOUR_MS, MINUTE_MS)
    hour(90.0, seen=False)
    desk.die()
    if follows:
        desk.alerting.follow([], desk.now_ms)
    desk.wait(10 * MINUTE_MS)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing"]
