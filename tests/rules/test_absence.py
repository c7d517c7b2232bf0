"""A dead sensor, a lost node and our own deaf ears are three different things."""

import json

import pytest

from collector.rules.engine import Engine, Expected
from collector.rules.fields import OWN_LINK
from collector.rules.parsing import parse
from collector.rules.rule import OWN_CLOCK
from collector.rules.series import Series
from wire.times import MINUTE_MS

T0 = 1_790_000_000_000
AIR = Series.of("air_quality", {"site": "s", "node": "lp-1", "sensor": "air-1"})
ECHO = Series.of("air_quality", {"site": "s", "node": "lp-1", "sensor": "air-2"})
TEXT = {"zh": "无数据", "en": "silent"}
RULES = [
    {"alert": "sensor-silent", "kind": "air_quality", "absent": "10m", "text": TEXT},
    {"alert": "node-lost", "kind": "node_health", "offline": "5m", "text": TEXT},
    {"alert": "broker-lost", "kind": "collector", "offline": "1m", "text": TEXT},
]


def engine(rules=RULES, *series):
    made = Engine(parse(rules))
    made.expect([Expected(each, 10_000) for each in series or (AIR,)], T0)
    return made


def at(made, minute, *, reading=None):
    now = T0 + minute * MINUTE_MS
    if reading is not None:
        made.observe(AIR, [T0 + reading * MINUTE_MS], {"pm25_ugm3": [5.0]}, now)
    return [(t.rule, t.state, (t.event_ms - T0) / MINUTE_MS) for t in made.tick(now)]


def test_a_sensor_that_fell_silent_and_one_that_never_spoke_are_both_missed():
    made = engine(RULES, AIR, ECHO)
    assert at(made, 0) == []
    assert at(made, 3, reading=3) == []
    assert at(made, 9) == []
    assert at(made, 11) == [("sensor-silent", "firing", 10)]  # air-2 never reported
    assert at(made, 12.9) == []
    assert at(made, 13) == [("sensor-silent", "firing", 13)]
    assert at(made, 20, reading=20) == [("sensor-silent", "resolved", 20)]
    assert at(made, 31) == [("sensor-silent", "firing", 30)]


def test_old_readings_are_no_sign_of_life():
    made = engine()
    at(made, 0, reading=0)
    assert at(made, 10) == [("sensor-silent", "firing", 10)]
    assert at(made, 40, reading=15) == []
    assert at(made, 41, reading=40.5) == [("sensor-silent", "resolved", 40.5)]


@pytest.mark.parametrize("meanwhile", ["inventory", "restart", "broker"])
def test_a_node_that_is_back_long_enough_is_back_whatever_happened_meanwhile(meanwhile):
    """The inventory is looked at half a minute after any link changed: the alert went on, and hid all of the node."""
    rules = [RULES[1] | {"keep_firing_for": "3m"}]
    made = engine(rules)
    made.node_state("lp-1", False, T0)
    at(made, 0)
    assert at(made, 6) == [("node-lost", "firing", 5)]
    made.node_state("lp-1", True, T0 + 10 * MINUTE_MS)
    assert at(made, 11) == []
    if meanwhile == "inventory":
        made.expect([Expected(AIR, 10_000)], T0 + 11 * MINUTE_MS)
    elif meanwhile == "restart":
        saved = json.loads(json.dumps(made.snapshot()))
        made = Engine.restore(parse(rules), saved, [Expected(AIR, 10_000)], T0 + 11 * MINUTE_MS)
    else:
        for is_up in (False, True):
            made.node_state(OWN_LINK, is_up, T0 + 11 * MINUTE_MS)
    assert [at(made, minute) for minute in (11, 12, 13)] == [[], [], [("node-lost", "resolved", 13)]]


def test_a_clock_that_was_hours_ahead_and_is_set_back_blinds_nobody():
    made = engine(RULES, AIR, ECHO)
    ahead = 8 * 60
    made.expect([Expected(each, 10_000) for each in (AIR, ECHO)], T0 + ahead * MINUTE_MS)
    made.node_state("lp-1", True, T0 + ahead * MINUTE_MS)
    assert at(made, ahead, reading=0) == []
    assert at(made, 1, reading=1) == []
    assert at(made, 10.9) == []
    assert at(made, 11) == [("sensor-silent", "firing", 11), ("sensor-silent", "firing", 11)]
    made.node_state("lp-1", False, T0 + 12 * MINUTE_MS)
    assert at(made, 17) == [("node-lost", "firing", 17)]


def test_a_node_that_came_back_while_the_clock_was_ahead_is_resolved_after_it_is_set_back():
    made = engine([RULES[1] | {"keep_firing_for": "5m"}])
    at(made, 0)
    made.node_state("lp-1", False, T0)
    assert at(made, 5) == [("node-lost", "firing", 5)]
    made.node_state("lp-1", True, T0 + 500 * MINUTE_MS)
    at(made, 500)
    assert at(made, 6) == []
    assert at(made, 11) == [("node-lost", "resolved", 11)]


def test_a_lost_node_is_not_a_dead_sensor():
    made = engine()
    made.node_state("lp-1", True, T0)
    at(made, 0, reading=0)
    made.node_state("lp-1", False, T0 + 2 * MINUTE_MS)
    assert at(made, 30) == [("node-lost", "firing", 7)]
    made.node_state("lp-1", True, T0 + 40 * MINUTE_MS)
    assert at(made, 40) == [("node-lost", "resolved", 40)]
    assert at(made, 49.9) == []
    assert at(made, 51) == [("sensor-silent", "firing", 50)]


def test_a_link_that_comes_and_goes_keeps_its_alert_for_the_time_it_must_hold():
    rules = [RULES[1] | {"keep_firing_for": "5m"}]
    made = engine(rules)
    at(made, 0)
    made.node_state("lp-1", False, T0)
    assert at(made, 6) == [("node-lost", "firing", 5)]
    for minute, online in ((10, True), (12, False), (14, True)):
        made.node_state("lp-1", online, T0 + minute * MINUTE_MS)
        assert at(made, minute) == []
    assert at(made, 18) == []
    assert at(made, 19) == [("node-lost", "resolved", 19)]


def test_while_our_own_link_is_down_nobody_else_is_blamed():
    made = engine()
    made.node_state("lp-1", True, T0)
    at(made, 0, reading=0)
    made.node_state(OWN_LINK, False, T0 + MINUTE_MS)
    made.node_state("lp-1", False, T0 + MINUTE_MS)
    assert at(made, 60) == [("broker-lost", "firing", 2)]
    made.node_state(OWN_LINK, True, T0 + 60 * MINUTE_MS)
    assert at(made, 60) == [("broker-lost", "resolved", 60)]
    assert at(made, 64) == []
    assert at(made, 66) == [("node-lost", "firing", 65)]  # the node did not come back with the broker


def test_while_our_own_clock_is_off_no_sensor_is_called_silent():
    made = engine()
    at(made, 0, reading=0)
    made.node_state(OWN_CLOCK, False, T0 + MINUTE_MS)
    assert at(made, 120) == []
    made.node_state(OWN_CLOCK, True, T0 + 120 * MINUTE_MS)
    assert at(made, 129) == []
    assert at(made, 130) == [("sensor-silent", "firing", 130)]


def test_a_restart_gives_everyone_time_to_be_heard_and_keeps_what_fires():
    made = engine()
    at(made, 0, reading=0)
    assert at(made, 10)
    state = json.loads(json.dumps(made.snapshot(), allow_nan=False))
    again = Engine.restore(parse(RULES), state, [Expected(AIR, 10_000), Expected(ECHO, 10_000)], T0 + 600 * MINUTE_MS)
    assert at(again, 600) == []
    assert [a.rule.alert for a in again.alerts()] == ["sensor-silent"]
    assert at(again, 611) == [("sensor-silent", "firing", 610)]
    assert at(again, 612, reading=612) == [("sensor-silent", "resolved", 612)]


def test_a_sensor_taken_out_of_the_inventory_ends_its_alert():
    made = engine(RULES, AIR, ECHO)
    at(made, 0)
    assert len(at(made, 10)) == 2
    made.expect([Expected(AIR, 10_000)], T0 + 11 * MINUTE_MS)
    (ended,) = made.tick(T0 + 11 * MINUTE_MS)
    assert (ended.labels["sensor"], ended.state, ended.reason) == ("air-2", "resolved", "no longer expected")
