"""The collector's alerting on a clock of its own: what is told, kept over restarts, and never told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from collector.alerts.on_duty import OnDuty
from collector.rules.parsing import parse
from collector.rules.policy import Policy
from collector.stores.store import Select, Series
from tests.alerts.desk import HIGH, HOURLY, T0, Desk
from tests.closes import Closes
from wire.times import HOUR_MS, MINUTE_MS


def test_a_value_that_toggles_at_every_evaluation_for_an_hour_is_told_three_times_at_most(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    for second in range(0, 3600, 10):
        desk.now_ms = T0 + second * 1000
        desk.reading(90.0 if second % 20 else 10.0)
        desk.tick()
    desk.wait(HOUR_MS)
    assert len(desk.points()) == 359
    assert 1 <= len(desk.told) <= 3


def test_a_day_of_backfill_calls_nobody_and_its_history_is_right(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HOURLY))
    for minute in range(60):
        desk.now_ms = T0 + minute * MINUTE_MS
        desk.reading(10.0)
        desk.tick()
    desk.now_ms += 24 * HOUR_MS
    began = T0 + 60 * MINUTE_MS
    day = [(began + m * MINUTE_MS, 120.0 if 300 <= m < 480 else 10.0) for m in range(24 * 60)]
    for start in range(0, len(day), 60):
        desk.reading(10.0)  # the live lane goes ahead of the backlog
        part = day[start : start + 60]
        desk.store_rows([t for t, _ in part], [v for _, v in part])
        desk.tick()
        desk.now_ms += MINUTE_MS
    desk.wait(10 * MINUTE_MS)
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
    desk.wait(5 * MINUTE_MS)
    lines = [line for _, told in desk.told for line in told]
    assert len({key for key, _ in desk.told}) == len(desk.told), "told twice only under the same key"
    keys = {key for _, key in lines}
    assert len(keys) == 15
    assert sorted(lines) == sorted((state, key) for key in keys for state in ("firing", "resolved"))


def test_what_the_rules_had_not_seen_is_seen_after_a_start_with_a_clock_that_was_set_back(
    tmp_path: Path, closes: Closes
) -> None:
    """They asked the database for what came since they were last alive: since a time that is still to come."""
    desk, ahead_ms = closes(Desk(tmp_path, HIGH)), 8 * HOUR_MS
    desk.now_ms = T0 + ahead_ms
    desk.tick()
    desk.store_rows([T0], [10.0])
    desk.wait(10_000)
    desk.store_rows([T0 + 10_000], [90.0], seen=False)
    desk.now_ms = T0 + 20_000
    desk.die()
    desk.tick()
    assert [line[0] for _, told in desk.told for line in told] == ["firing"]


def test_a_collector_that_was_off_for_months_asks_the_database_of_no_empty_ten_minutes(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked through thirteen thousand of each measurement, for minutes, and did nothing else meanwhile."""
    desk, hour = closes(Desk(tmp_path, HIGH)), {"kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}}
    desk.rules += parse([HIGH | {"alert": "hourly"} | hour])
    desk.tick()
    desk.store_rows([T0], [10.0])
    desk.wait(10_000)
    desk.store_rows([T0 + 10_000], [90.0], seen=False)
    desk.now_ms += 90 * 24 * HOUR_MS
    asked, select = [], desk.store.select

    def counted(question: Select) -> list[Series]:
        asked.append(question)
        return select(question)

    monkeypatch.setattr(desk.store, "select", counted)
    desk.die()
    desk.tick()
    assert len(asked) < 20
    desk.reading(90.0)
    desk.tick()
    assert [line[0] for _, told in desk.told for line in told] == ["firing"]


def test_a_message_whose_outcome_was_not_written_is_sent_again_under_its_key(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.alerting.tick(desk.now_ms)
    (sent,) = desk.alerting.outbox.due(desk.now_ms)
    desk.die()
    (again,) = desk.alerting.outbox.due(desk.now_ms)
    assert (again.key, again.attempts) == (sent.key, 1)


def test_who_acknowledges_reads_so_at_once_and_not_after_the_next_step(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    (alert,) = desk.alerting.current()
    desk.alerting.ask("ack", {"alert": alert.fingerprint, "who": "wang", "until_ms": T0 + HOUR_MS}, desk.now_ms)
    assert [(one.acked_by, one.attention) for one in desk.alerting.current()] == [("wang", "acked")]


def test_retained_messages_are_said_again_and_cleared_a_day_after_the_end(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    (topic,) = desk.retained
    desk.alerting.ask("ack", {"alert": topic[-16:], "who": "wang", "until_ms": T0 + HOUR_MS}, desk.now_ms)
    desk.tick()
    assert b'"acknowledged_by":"wang"' in desk.retained[topic]
    desk.die()
    assert [(change.topic, change.body) for change in desk.alerting.reconnected()] == list(desk.retained.items())
    desk.now_ms += MINUTE_MS
    desk.reading(10.0)
    desk.tick()
    assert b'"state":"resolved"' in desk.retained[topic]
    (stored,) = desk.store.select(Select("alerts", ("state", "who")))
    assert [row[1:] for row in stored.rows] == [["firing", None], ["resolved", "wang"]]
    desk.wait(23 * HOUR_MS, 10 * MINUTE_MS)
    assert topic in desk.retained
    desk.die()
    desk.wait(2 * HOUR_MS, 10 * MINUTE_MS)
    assert desk.retained == {}
    assert desk.alerting.reconnected() == []


def test_what_was_taken_back_is_shown_no_more_also_after_a_restart(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH | {"window": {"mean": "pm25_ugm3", "over": "1m", "complete": "0%"}}))
    desk.reading(90.0)
    desk.tick()
    desk.store_rows([T0 - 10_000], [10.0])
    desk.tick()
    assert desk.points() == [("firing", 0), ("resolved", 0)]
    assert desk.alerting.current() == []
    desk.die()
    assert desk.alerting.current() == []


def test_a_rule_that_went_ends_its_alert(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.tick()
    desk.rules = []
    desk.die()
    desk.wait(10 * MINUTE_MS)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"], ["resolved"]]
    assert [b'"reason":"the rule was removed"' in body for body in desk.retained.values()] == [True]
    desk.die()
    desk.wait(MINUTE_MS)
    assert [state for state, _ in desk.points()] == ["firing", "resolved"], "the next start says nothing again"


def test_many_that_are_acknowledged_together_are_one_commit(tmp_path: Path, closes: Closes) -> None:
    """Each was one of its own, with all that is shown made anew: twenty took a second, and those of a storm nine."""
    desk = closes(Desk(tmp_path, HIGH, HIGH | {"alert": "higher"}, HIGH | {"alert": "highest"}))
    desk.reading(90.0)
    desk.wait(2 * MINUTE_MS)
    names = [alert.fingerprint for alert in desk.alerting.current()]
    asked = [{"alert": name, "who": "wang", "until_ms": desk.now_ms + HOUR_MS} for name in [*names, "gone"]]
    said: list[str] = []
    desk.alerting._tell_book._db.set_trace_callback(said.append)
    answers = desk.alerting.ask_all("ack", asked, desk.now_ms)
    assert [answer.get("done", False) for answer in answers] == [True, True, True, False]
    assert {alert.acked_by for alert in desk.alerting.current()} == {"wang"}
    assert said.count("COMMIT") == 1


def test_a_message_about_several_alerts_is_one_delivery_on_the_desk(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH, HIGH | {"alert": "higher"}, HIGH | {"alert": "highest"}))
    desk.reading(90.0)
    desk.wait(2 * MINUTE_MS)
    duty = closes(OnDuty(desk.alerting, tmp_path / "c1.db", lambda: desk.now_ms))
    (told,) = duty.deliveries()
    assert told.text_en.count("[FIRING]") == 3
    assert (told.node, told.text_en[:8]) == ("lp-1", "[FIRING]"), "the desk calls the station by its name"
    names = [alert.fingerprint for alert in desk.alerting.current()]
    assert told.alert in names
    assert [duty.deliveries(name) for name in names] == [[told]] * 3
    desk.reading(43.0)
    desk.wait(30 * MINUTE_MS)
    assert len(duty.deliveries()) == 2


def test_pages_say_once_that_an_alert_is_over_and_by_which_limit(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.wait(2 * MINUTE_MS)
    (firing,) = desk.alerting.current()
    assert (firing.text_zh, firing.detail_zh) == ("过高", "：PM2.5 触发时 90 µg/m³（阈值 > 75）")
    assert (firing.text_en, firing.detail_en) == ("too high", ": PM2.5 began at 90 µg/m³ (limit > 75)")
    assert (firing.value, firing.threshold) == (90.0, 75.0)
    desk.reading(43.0)
    desk.wait(10 * MINUTE_MS)
    (over,) = desk.alerting.current()
    assert (over.state, over.text_zh, over.text_en, over.detail_en) == ("resolved", "过高", "too high", "")
    assert (over.value, over.threshold) == (43.0, 60.0)


def test_dead_letters_of_months_are_in_the_file_alone_and_can_be_sent_all_the_same(
    tmp_path: Path, closes: Closes
) -> None:
    """Each stayed in memory, where every look of the rules passed it, and was loaded again at every start."""
    desk = closes(Desk(tmp_path, HIGH))
    desk.tick()
    desk.reading(91.0)
    box = desk.alerting.outbox
    desk.alerting.tick(desk.now_ms)
    (dead,) = box.open.values()
    box.failed(dead.name, desk.now_ms, "410 Gone", for_good=True)
    desk.alerting.save_outbox(*box.changes())
    desk.wait(HOUR_MS, 10 * MINUTE_MS)
    assert set(box.dead) == {dead.name}, "it is told for a day that the channel does not do"
    desk.wait(25 * HOUR_MS, 30 * MINUTE_MS)
    assert box.dead == {}
    desk.wait(24 * HOUR_MS, 30 * MINUTE_MS)
    desk.die()
    assert desk.alerting.outbox.dead == {}
    assert desk.alerting.ask("revive", {"delivery": dead.name, "who": "li"}, desk.now_ms)["done"]
    assert set(desk.alerting.outbox.open) == {dead.name}
