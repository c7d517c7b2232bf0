"""Rules can be tested by their users: the starter set is, and what a test says when it fails names the time."""

from pathlib import Path

import pytest
import yaml

from collector.rules import cases
from collector.rules.cases import parse_cases, readings, rehearse
from collector.rules.complaint import BadRules
from collector.rules.parsing import parse
from tests.rules.high import HIGH
from wire.traffic import DIRECTIONS

ROOM = Path(cases.__file__).parent
STARTER = parse(yaml.safe_load((ROOM / "starter.yaml").read_text("utf-8")), "starter.yaml")
CASES = parse_cases(yaml.safe_load((ROOM / "starter.tests.yaml").read_text("utf-8")), "starter.tests.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_starter_set(case):
    assert rehearse(case, STARTER) == []


def test_every_rule_of_the_starter_set_fires_in_some_test():
    fired = {name for case in CASES for names in case.expect.values() for name in names}
    assert {rule.alert for rule in STARTER} - fired <= {
        "gb-no2-24h",  # as the 24-hour rules of particles
        "who-no2-24h",
        "weather-sensor-silent",  # as the other silent sensors
        "pm25-suspect",  # needs flags, which a rule test has no words for
    }


def test_the_starter_tests_speak_only_of_directions_that_an_agent_sends():
    told = {series.tags["direction"] for case in CASES for series in case.series if "direction" in series.tags}
    assert told <= DIRECTIONS
    assert {direction for rule in STARTER for direction in rule.scope.direction} <= DIRECTIONS


def test_values_are_written_briefly():
    assert readings("12 12x2 10+5x3 1-0.5x2 _ _x2 优x2 -3") == [
        12, 12, 12, 10, 15, 20, 1, 0.5, None, None, None, "优", "优", -3,
    ]  # fmt: skip


def case(**more):
    plain = {
        "name": "haze",
        "series": [{"kind": "air_quality", "sensor": "air-1", "values": {"pm25_ugm3": "10x5 90x5"}}],
        "expect": {"4m": [], "7m": ["high"]},
    }
    return [plain | more]


def test_a_test_that_fails_names_the_time_and_what_fired():
    (right,) = parse_cases(case())
    assert rehearse(right, HIGH) == []
    (wrong,) = parse_cases(case(expect={"4m": ["high"], "7m": []}))
    assert rehearse(wrong, HIGH) == [
        "haze: at 4m: expected high, firing nothing",
        "haze: at 7m: expected nothing, firing high",
    ]
    (unknown,) = parse_cases(case(expect={"4m": ["hihg"]}))
    assert rehearse(unknown, HIGH) == ["haze: there is no rule 'hihg'"]


def test_a_test_file_is_read_strictly():
    with pytest.raises(BadRules, match=r"t\.yaml:3: haze: intervall: unknown key 'intervall', did you mean 'interval'"):
        parse_cases(case(intervall="1m"), "t.yaml", lambda _: 3)
    with pytest.raises(BadRules, match="names no time zone"):
        parse_cases(case(start="2026-10-03T08:00:00"))


def test_a_test_about_nothing_is_refused_with_the_nearest_word():
    raw = {
        "name": "haze",
        "rules": ["pm25-stuk"],
        "series": [
            {"kind": "air_qality", "values": {"pm25_ugm3": "1"}},
            {"kind": "air_quality", "values": {"pm25_ugm": "1"}},
        ],
        "expect": {"1m": ["gb-no2-1hour"]},
    }
    with pytest.raises(BadRules) as caught:
        parse_cases([raw], "t.yaml", None, [rule.alert for rule in STARTER])
    assert caught.value.problems == [
        "t.yaml: haze: rules: there is no rule 'pm25-stuk', did you mean 'pm25-stuck'?",
        "t.yaml: haze: expect: there is no rule 'gb-no2-1hour', did you mean 'gb-no2-1h'?",
        "t.yaml: haze: series.0.kind: unknown kind 'air_qality', did you mean 'air_quality'?",
        "t.yaml: haze: series.1.values.pm25_ugm: air_quality has no quantity 'pm25_ugm', did you mean 'pm25_ugm3'?",
    ]


@pytest.mark.parametrize("values", ["5+3 7", "90x", "abc", "1 2 z"])
def test_a_word_where_a_number_belongs_is_refused_with_the_cure(values):
    series = {"kind": "air_quality", "values": {"pm25_ugm3": values}}
    with pytest.raises(BadRules, match=r"pm25_ugm3: '.+' is no number, write 12"):
        parse_cases([{"name": "x", "series": [series], "expect": {"5m": []}}], "t.yaml")


def test_readings_in_no_time_are_refused():
    series = {"kind": "air_quality", "values": {"pm25_ugm3": "5"}}
    with pytest.raises(BadRules, match="interval: 0s is no time"):
        parse_cases([{"name": "x", "interval": "0s", "series": [series], "expect": {"5m": []}}], "t.yaml")
