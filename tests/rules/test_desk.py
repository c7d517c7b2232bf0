"""What people hear of alerts: each thing once, storms and flapping never, and what they said about it holds."""

import json
from dataclasses import replace

import pytest

from collector.rules.desk import Desk
from collector.rules.engine import Engine, Expected
from collector.rules.fields import OWN_LINK
from collector.rules.policy import Policy, Step
from collector.rules.series import Series
from collector.rules.silence import Silence, matchers
from tests.rules.transitions import BROKER, HIGH, LOST, SILENT, T0, firing, heard, resolved, rule, series
from wire.times import HOUR_MS, MINUTE_MS


def test_what_was_part_of_a_longer_episode_for_a_while_is_not_told_again():
    desk = Desk(Policy(flap_changes=100))
    later = T0 + MINUTE_MS
    assert heard(desk, 1, firing(1, start=later)) == [("bureau", "news", ["firing"])]
    assert heard(desk, 6, resolved(2, start=later)) == [("bureau", "news", ["resolved"])]
    longer = [replace(resolved(1, start=later), void=True, reason="corrected"), firing(), resolved(2)]
    assert heard(desk, 12, *longer) == [], "it began earlier than was told, and was over all the same"
    desk = Desk.restore(desk.policy, json.loads(json.dumps(desk.packed())))
    parted = [firing(1, start=later), resolved(2, start=later)]
    assert heard(desk, 18, resolved(0.5), *parted) == [("bureau", "news", ["firing", "resolved"])], "of the other alone"
    assert heard(desk, 24, parted[0]) == [("bureau", "news", ["firing"])], "but one that goes on is told"


@pytest.mark.parametrize("told", [True, False])
def test_one_episode_whose_first_reading_comes_last_is_one_episode(told):
    """After a restart the first batch came behind those that follow: what was told to its end was told twice."""
    desk, later = Desk(Policy(flap_changes=100)), T0 + MINUTE_MS
    if not told:  # another alert of the station has been told just now: news waits
        heard(desk, 3, firing(3, rule("other")))
    short, longer = [firing(1, start=later), resolved(2, start=later)], [firing(), resolved(2)]
    first = heard(desk, 4, *short)
    assert first == ([("bureau", "news", ["firing", "resolved"])] if told else [])
    back = replace(resolved(1, start=later), void=True, reason="corrected")
    assert heard(desk, 5, back, *longer) == []
    lines = [line for _, _, said in heard(desk, 12) for line in said]
    assert lines == ([] if told else ["firing", "resolved"])
    before = [firing(-30, start=T0 - 30 * MINUTE_MS), resolved(-29, start=T0 - 30 * MINUTE_MS)]
    assert heard(desk, 20, *before) == [("bureau", "news", ["firing", "resolved"])], "another episode is told"


def test_what_fires_goes_on_when_its_beginning_moves_there_and_back():
    desk = Desk(Policy(flap_changes=100))
    later = T0 + MINUTE_MS
    assert heard(desk, 1, firing(1, start=later)) == [("bureau", "news", ["firing"])]
    assert heard(desk, 6, replace(resolved(1, start=later), void=True, reason="corrected"), firing()) == []
    before = ("bureau", "news", ["firing", "resolved"])
    assert heard(desk, 12, resolved(0.5), firing(1, start=later)) == [before], "what was before it is another"
    assert heard(desk, 18, resolved(2, start=later)) == [("bureau", "news", ["resolved"])]


def test_history_within_what_fires_does_not_end_it():
    """The rest of a backlog was judged by itself: people heard that it had ended and, in the same message, began."""
    desk = Desk(Policy(flap_changes=100))
    heard(desk, 0, firing())
    start = T0 - 5 * MINUTE_MS
    history = [replace(each, late=True) for each in (firing(-4, start=start), resolved(1, start=start))]
    assert heard(desk, 6, *history) == []
    assert heard(desk, 12, resolved(11)) == [("bureau", "news", ["resolved"])]


def taken_back(each):
    return replace(each, state="resolved", void=True, reason="corrected")


def test_what_is_said_and_taken_back_in_one_breath_is_not_told():
    """After an outage readings came one by one in any order: one episode was told five times, each a little longer."""
    desk, starts = Desk(Policy(flap_changes=100)), [T0 + 3 * MINUTE_MS, T0 + 2 * MINUTE_MS, T0]
    breath = []
    for start in starts:
        breath += [firing(3, start=start), resolved(4, start=start), taken_back(firing(start=start))]
    assert heard(desk, 5, *breath[:-1]) == [("bureau", "news", ["firing", "resolved"])]


def test_a_city_that_fires_at_once_is_not_compared_each_with_each():
    """Ten thousand alerts in one breath held the rules up for four seconds."""

    class Name(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Name.compared += 1
            return str.__eq__(self, other)

    said = [firing(of=series(f"lp-{n}")) for n in range(300)]
    Desk().hear([replace(each, fingerprint=Name(each.fingerprint), key=Name(each.key)) for each in said], T0)
    assert Name.compared < 20 * len(said)


def test_of_a_longer_episode_that_is_parted_only_that_is_told_of_which_nobody_heard():
    desk, later, earlier = Desk(Policy(flap_changes=100)), T0 + 4 * MINUTE_MS, T0 + 3 * MINUTE_MS
    assert heard(desk, 6, firing(4, start=later), resolved(5, start=later)) == [
        ("bureau", "news", ["firing", "resolved"])
    ]
    assert heard(desk, 12, taken_back(firing(4, start=later)), firing(), resolved(5)) == []
    desk.hear([resolved(1), firing(3, start=earlier), resolved(5, start=earlier)], T0 + 18 * MINUTE_MS)
    (said,) = desk.tick(T0 + 18 * MINUTE_MS)
    assert [(line.state, line.alert.start_ms) for line in said.lines] == [("firing", T0), ("resolved", T0)]


def test_a_backlog_with_an_episode_before_the_one_that_fires_is_told_as_two_each_to_its_end():
    """The live reading comes first. The earlier one was never told, or the one that fires was told as two."""
    desk, live, moved = Desk(Policy(flap_changes=100)), T0 + 5 * MINUTE_MS, T0 + 4 * MINUTE_MS
    assert heard(desk, 5, firing(5, start=live)) == [("bureau", "news", ["firing"])]
    back = [firing(), resolved(1), firing(5, start=live), taken_back(firing(5, start=live))]
    desk.hear(
        [taken_back(firing(5, start=live)), *back, firing(4, start=moved), resolved(6, start=moved)],
        T0 + 11 * MINUTE_MS,
    )
    (said,) = desk.tick(T0 + 11 * MINUTE_MS)
    told = [(line.state, line.alert.start_ms, line.alert.key.rpartition("|")[2]) for line in said.lines]
    assert told == [("firing", T0, str(T0)), ("resolved", T0, str(T0)), ("resolved", moved, str(live))]


def test_an_end_that_late_readings_only_move_is_told_once():
    desk = Desk(Policy(flap_changes=100))
    assert heard(desk, 0, firing()) == [("bureau", "news", ["firing"])]
    assert heard(desk, 6, resolved(2)) == [("bureau", "news", ["resolved"])]
    reopened = replace(firing(), reason="corrected")
    assert heard(desk, 12, reopened, resolved(4)) == []
    assert heard(desk, 18, reopened) == [("bureau", "news", ["firing"])], "but one that goes on is told"


def test_an_alert_that_late_readings_open_again_is_a_message_of_its_own():
    desk, keys = Desk(Policy(flap_changes=100)), []
    reopened = replace(firing(), reason="corrected")
    for minute, said in ((0, firing()), (6, resolved(2)), (12, reopened), (18, resolved(17))):
        now = T0 + minute * MINUTE_MS
        desk.hear([said], now)
        keys += [each.key for each in desk.tick(now)]
    assert len(set(keys)) == 4


def test_a_rule_that_is_changed_while_it_fires_does_not_flap():
    desk = Desk()
    heard(desk, 0, firing())
    ended = replace(resolved(10), reason="the rule was changed")
    anew = firing(10, by=rule("pm25-high", severity="critical"))
    assert heard(desk, 10, ended, anew) == [("bureau", "news", ["resolved", "firing"])]


def test_who_must_hear_it_again_and_again_hears_what_it_was_told():
    desk = Desk(Policy(flap_changes=2, group_ms=0))
    desk.hear([firing()], T0)
    assert desk.told_to("bureau") == [], "nobody was told yet"
    desk.tick(T0)
    desk.silence(Silence.made(matchers("node=lp-1"), T0, T0 + HOUR_MS, "li", ""), T0)
    desk.tick(T0 + 1)
    assert desk.told_to("bureau") == [firing()], "a silence ends nothing"
    assert desk.told_to("other") == []
    desk.unsilence(next(iter(desk.silences)).name, "li", T0)
    assert heard(desk, 1, resolved(1)) == [("bureau", "news", ["flapping"])]
    assert [each.state for each in desk.told_to("bureau")] == ["firing"], "what flaps is said to fire"
    assert heard(desk, 32) == [("bureau", "news", ["resolved"])]
    assert [each.state for each in desk.told_to("bureau")] == ["resolved"]


def test_who_heard_by_a_channel_that_went_hears_by_those_there_are():
    desk = Desk(Policy(receivers=("bureau", "phone")))
    heard(desk, 0, firing())
    renamed = Desk.restore(Policy(receivers=("office", "phone")), json.loads(json.dumps(desk.packed())))
    assert heard(renamed, 6, resolved(6)) == [(name, "news", ["resolved"]) for name in ("office", "phone")]


def moved(desk, notify, *channels):
    return Desk.restore(Policy(receivers=channels), json.loads(json.dumps(desk.packed())), {"pm25-high": notify})


def test_who_takes_over_hears_at_once_what_fires_and_nobody_else_does():
    """A renamed channel was told of it by the next reminder, four hours later, and all others were told too."""
    desk = Desk()
    heard(desk, 0, firing())
    renamed = moved(desk, ("office",), "office", "citizens")
    assert heard(renamed, 1) == [("office", "reminder", ["firing"])]
    assert heard(renamed, 6, resolved(6)) == [("office", "news", ["resolved"])]
    has_it = firing().fingerprint
    desk.acknowledge(has_it, "li", "", T0 + HOUR_MS, T0)
    assert heard(moved(desk, ("office",), "office"), 1) == [], "somebody has it"


def test_who_is_named_anew_hears_reminders_and_the_end_beside_those_who_heard_the_beginning():
    """The rule named the night watch from six o'clock on; reminders still went to the day's alone."""
    desk = Desk()
    heard(desk, 0, firing())
    night = moved(desk, ("night",), "bureau", "night")
    assert heard(night, 1) == []
    assert heard(night, 241) == [(name, "reminder", ["firing"]) for name in ("bureau", "night")]
    assert heard(night, 250, resolved(250)) == [(name, "news", ["resolved"]) for name in ("bureau", "night")]


def test_a_clock_that_is_set_back_by_hours_holds_up_no_news():
    desk = Desk()
    heard(desk, 0, firing())
    assert heard(desk, -8 * 60, resolved(1)) == [("bureau", "news", ["resolved"])]


def test_what_was_told_by_a_clock_that_was_ahead_is_told_again_and_further_once_it_is_set_back():
    """Nobody was reminded, or called instead of who does not answer, for all the hours that it was ahead."""
    desk, ahead = Desk(Policy(steps=(Step(10 * MINUTE_MS, ("boss",)),), repeat_ms=HOUR_MS)), 480
    heard(desk, ahead, firing())
    assert heard(desk, 1) == []
    assert heard(desk, 11) == [("boss", "escalation", ["firing"])]
    assert heard(desk, 61) == [(name, "reminder", ["firing"]) for name in ("bureau", "boss")]


@pytest.mark.parametrize("anew", [False, True])
def test_who_took_an_alert_by_a_clock_that_was_ahead_has_it_for_as_long_as_was_said(anew):
    desk, name, ahead = Desk(Policy(repeat_ms=10 * HOUR_MS)), firing().fingerprint, 480
    heard(desk, ahead, firing())
    desk.acknowledge(name, "li", "", T0 + 9 * HOUR_MS, T0 + 8 * HOUR_MS)
    if anew:
        desk = Desk.restore(desk.policy, json.loads(json.dumps(desk.packed())))
    assert heard(desk, 1) == []
    assert heard(desk, 60) == []
    assert heard(desk, 61) == [("bureau", "reminder", ["firing"])]


def test_flapping_by_a_clock_that_was_ahead_is_over_when_it_has_been_calm_for_long_enough():
    desk, ahead = Desk(), 480
    for minute in (0, 1, 2):
        start = T0 + minute * MINUTE_MS
        heard(desk, ahead + 6 * minute, firing(minute, start=start), resolved(minute + 0.5, start=start))
    assert desk.standings[firing().fingerprint].flapping
    assert heard(desk, 3) == []
    assert heard(desk, 33) == [("bureau", "news", ["resolved"])]


def test_an_earlier_episode_that_comes_late_is_told_and_what_fires_is_still_told_when_it_ends():
    desk = Desk(Policy(flap_changes=100))
    later = firing(5, start=T0 + 5 * MINUTE_MS)
    assert heard(desk, 5, later) == [("bureau", "news", ["firing"])]
    assert heard(desk, 11, firing(), resolved(2)) == [("bureau", "news", ["firing", "resolved"])]
    assert heard(desk, 17, resolved(16, start=T0 + 5 * MINUTE_MS)) == [("bureau", "news", ["resolved"])]


def test_that_it_began_earlier_is_no_news_and_who_has_it_keeps_it():
    """After an outage a backlog comes newest first: each batch moves the beginning of what fires."""
    desk, seen = Desk(Policy(group_ms=0)), []
    for minute in (4, 3, 2, 1):
        said = firing(minute, start=T0 + minute * MINUTE_MS)
        desk.hear([*seen, said], T0 + 5 * MINUTE_MS)
        told = desk.tick(T0 + 5 * MINUTE_MS)
        assert [line.state for each in told for line in each.lines] == ([] if seen else ["firing"])
        desk.acknowledge(said.fingerprint, "li", "", T0 + HOUR_MS, T0 + 5 * MINUTE_MS)
        seen = [taken_back(said)]
    (standing,) = Desk.restore(Policy(), json.loads(json.dumps(desk.packed()))).standings.values()
    assert standing.ack is not None
    assert (standing.alert.start_ms, standing.ack.who, standing.flapping) == (T0 + MINUTE_MS, "li", False)
    desk.hear([resolved(9, start=T0 + MINUTE_MS)], T0 + 9 * MINUTE_MS)
    (message,) = desk.tick(T0 + 9 * MINUTE_MS)
    (line,) = message.lines
    assert (line.state, line.alert.key) == ("resolved", firing(4, start=T0 + 4 * MINUTE_MS).key)


def test_an_alert_that_nobody_was_told_of_yet_is_told_from_its_true_beginning():
    desk = Desk()
    early, late = firing(), firing(1, start=T0 + MINUTE_MS)
    desk.hear([late], T0 + MINUTE_MS)
    desk.hear([taken_back(late), early], T0 + MINUTE_MS)
    (message,) = desk.tick(T0 + MINUTE_MS)
    assert [(line.state, line.alert.key) for line in message.lines] == [("firing", early.key)]


def test_what_does_not_fire_after_all_is_taken_back():
    desk = Desk()
    heard(desk, 0, firing())
    assert heard(desk, 6, taken_back(firing())) == [("bureau", "news", ["resolved"])]


def test_an_alert_is_told_when_it_fires_and_when_it_is_resolved():
    desk = Desk()
    assert heard(desk, 0, firing()) == [("bureau", "news", ["firing"])]
    assert heard(desk, 1, firing()) == []
    assert heard(desk, 6, resolved(6)) == [("bureau", "news", ["resolved"])]
    assert heard(desk, 60) == []
    assert desk.standings == {}


def test_history_is_nobodys_news_but_the_end_of_what_was_told_is():
    desk = Desk()
    assert heard(desk, 0, replace(firing(), late=True), replace(resolved(1), late=True)) == []
    heard(desk, 10, firing(10))
    assert heard(desk, 20, replace(resolved(12), late=True)) == [("bureau", "news", ["resolved"])]


def test_alerts_of_one_station_and_cause_come_together_and_worse_ones_at_once():
    desk = Desk()
    other, third = firing(0, rule("pm10-high")), firing(2, rule("no2-high"))
    assert heard(desk, 0, firing(), other) == [("bureau", "news", ["firing", "firing"])]
    assert heard(desk, 1, firing(1, rule("o3-high"))) == []
    assert heard(desk, 2, third, firing(2, rule("co-high", severity="critical"))) == [
        ("bureau", "news", ["firing"] * 3)
    ]
    assert heard(desk, 2, firing(2, HIGH, series("lp-2"))) == [("bureau", "news", ["firing"])]


def test_worse_is_worse_than_what_was_told_last_and_counts_beside_what_ends():
    desk, critical = Desk(), rule("pm25-dire", severity="critical")
    assert heard(desk, 0, firing(0, critical))
    assert heard(desk, 1, firing(1, of=series("lp-1", "air-2"))) == []
    assert heard(desk, 5.1), "the group has waited long enough"
    assert heard(
        desk, 6, firing(6, critical, series("lp-1", "air-3")), resolved(6, of=series("lp-1", "air-2"), start=T0)
    )


def test_what_fires_and_is_resolved_while_its_group_waits_is_told_in_one_message():
    desk = Desk()
    heard(desk, 0, firing(0, rule("first")))
    heard(desk, 1, firing(1))
    heard(desk, 2, resolved(2))
    assert heard(desk, 5) == [("bureau", "news", ["firing", "resolved"])]


@pytest.mark.parametrize("changes", [3, 100])
def test_who_was_called_by_escalation_hears_the_end_also_when_it_fires_again_before_that_is_told(changes):
    desk = Desk(Policy(steps=(Step(15 * MINUTE_MS, ("phone",)),), flap_changes=changes))
    heard(desk, 0, firing())
    assert heard(desk, 15) == [("phone", "escalation", ["firing"])]
    heard(desk, 20, firing(20, rule("other")))  # told of the same station: what follows waits
    heard(desk, 21, resolved(21))
    heard(desk, 22, firing(22, start=T0 + 22 * MINUTE_MS))
    told = [*heard(desk, 25), *heard(desk, 30, resolved(30, start=T0 + 22 * MINUTE_MS)), *heard(desk, 61)]
    ends = {receiver for receiver, what, lines in told if what == "news" and lines[-1] == "resolved"}
    assert ends == {"bureau", "phone"}


def test_toggling_at_every_evaluation_for_an_hour_gives_three_messages_at_most():
    desk, said = Desk(), []
    for i in range(360):
        start = T0 + (i // 2) * 20_000
        said += heard(desk, i / 6, (firing if i % 2 == 0 else resolved)(i / 6, start=start))
    assert [lines for _, _, lines in said] == [["firing"], ["flapping"]]
    calm = [heard(desk, minute) for minute in range(60, 100)]
    assert [each for each in calm if each] == [[("bureau", "news", ["resolved"])]]


@pytest.mark.parametrize("before", ["", "resolved"], ids=["never told", "told before"])
def test_what_flaps_in_a_silence_and_goes_on_is_told_when_the_silence_is_over(before):
    """Nobody heard of it for as long as it flapped, or the phone on duty did, that it had been resolved."""
    desk = Desk(Policy(steps=(Step(15 * MINUTE_MS, ("phone",)),), group_ms=0))
    if before:
        heard(desk, -70, firing(-70, start=T0 - 70 * MINUTE_MS))
        heard(desk, -65, resolved(-65, start=T0 - 70 * MINUTE_MS))
    now_ms = T0 - 40 * MINUTE_MS
    desk.silence(Silence.made(matchers("rule=*"), now_ms, T0 + 30 * MINUTE_MS, "li", ""), now_ms)
    told = []
    for minute in range(0, 56, 5):
        change, began = (resolved, minute - 5) if minute % 10 else (firing, minute)
        told += heard(desk, minute, change(minute, start=T0 + began * MINUTE_MS))
        assert not told or minute >= 30
    assert told == [("bureau", "news", ["flapping"]), ("phone", "escalation", ["flapping"])]


def test_what_flaps_calls_the_phone_on_duty_once_and_not_for_whoever_has_it():
    """Each time that it fired it was escalated at once: a hundred and sixty times in an hour."""
    desk, said = Desk(Policy(steps=(Step(15 * MINUTE_MS, ("phone",)),))), []
    for i in range(240):
        start = T0 + (i // 2) * 20_000
        said += heard(desk, i / 6, (firing if i % 2 == 0 else resolved)(i / 6, start=start))
        if i == 120:
            desk.acknowledge(firing().fingerprint, "li", "", T0 + HOUR_MS, T0 + 20 * MINUTE_MS)
    assert said[2:] == [("phone", "escalation", ["flapping"])]
    has_it = desk.standings[firing().fingerprint].ack
    assert has_it is not None
    assert has_it.who == "li"


@pytest.mark.parametrize("seconds", [10, 60, 300, 600])
def test_a_real_toggling_sensor_through_engine_and_desk(seconds):
    engine, desk, said = Engine([rule("toggle")]), Desk(), []
    engine.expect([Expected(series(), seconds * 1000)], T0)
    for i in range(3600 // seconds):
        now = T0 + i * seconds * 1000
        engine.observe(series(), [now], {"pm25_ugm3": [90.0 if i % 2 else 10.0]}, now)
        desk.hear(engine.tick(now), now)
        said += desk.tick(now)
    assert 1 <= len(said) <= 3


def test_a_lost_node_hides_its_sensors_until_it_is_back():
    desk = Desk()
    node = series("lp-1", "", "node_health")
    assert len(heard(desk, 0, firing(0, LOST, node))) == 1
    assert heard(desk, 1, firing(1, SILENT)) == []
    assert heard(desk, 1, firing(1, SILENT, series("lp-2"))) == [("bureau", "news", ["firing"])]
    assert heard(desk, 2, resolved(2, SILENT)) == []
    assert heard(desk, 3, firing(3, SILENT, start=T0 + 3 * MINUTE_MS)) == []
    assert [w for _, w, _ in heard(desk, 9, resolved(9, LOST, node))] == [
        "news",
        "news",
    ]  # resolved; the sensor is news


def test_a_lost_broker_hides_lost_nodes_and_silent_sensors():
    desk = Desk()
    assert heard(desk, 0, firing(0, BROKER, Series(OWN_LINK, "", OWN_LINK))) == [("bureau", "news", ["firing"])]
    assert heard(desk, 1, firing(1, LOST, series("lp-1", "", "node_health")), firing(1, SILENT)) == []
    assert heard(desk, 1, firing(1, HIGH, series("lp-2"))) == [("bureau", "news", ["firing"])]


def test_a_lost_broker_hides_no_other_trouble_of_the_collector():
    """A server that came back without broker and database told of the broker alone."""
    desk, ours = Desk(), Series(OWN_LINK, "", OWN_LINK)
    heard(desk, 0, firing(0, BROKER, ours))
    away = replace(firing(1, rule("collector-database", severity="critical"), ours), cause="own")
    assert heard(desk, 1, away) == [("bureau", "news", ["firing"])]


def test_a_desk_restored_goes_on_and_repeats_nothing():
    desk = Desk()
    desk.silence(Silence.made(matchers("node=lp-7"), T0, T0 + HOUR_MS, "w", ""), T0)
    heard(desk, 0, firing(), firing(0, HIGH, series("lp-7")))
    again = Desk.restore(Policy(), json.loads(json.dumps(desk.packed())))
    assert heard(again, 1, firing(), firing(0, HIGH, series("lp-7"))) == []
    assert heard(again, 61) == [("bureau", "news", ["firing"])]


def test_a_message_says_station_state_value_and_limit_in_both_languages():
    desk = Desk()
    desk.hear([firing()], T0)
    (said,) = desk.tick(T0)
    assert said.text_zh == "east lp-1\n[告警] 过高：PM2.5 触发时 80 µg/m³（阈值 > 75）"
    assert said.text_en == "east lp-1\n[FIRING] too high: PM2.5 began at 80 µg/m³ (limit > 75)"
