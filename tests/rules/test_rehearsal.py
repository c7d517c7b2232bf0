"""Rules can be tested by their users: the starter set is, and what a test says when it fails names the time."""

from pathlib import Path

import pytest
import yaml

from collector.rules import rehearsal
from collector.rules.complaint import BadRules
from collector.rules.engine import Engine, Expected
from collector.rules.parsing import parse
from collector.rules.rehearsal import backtest, explain, parse_cases, readings, rehearse
from collector.rules.transition import Series, episodes
from wire.traffic import DIRECTIONS

MINUTE, HOUR = 60_000, 3_600_000
T0 = rehearsal.START_MS
ROOM = Path(rehearsal.__file__).parent
STARTER = parse(yaml.safe_load((ROOM / "starter.yaml").read_text("utf-8")), "starter.yaml")
CASES = parse_cases(yaml.safe_load((ROOM / "starter.tests.yaml").read_text("utf-8")), "starter.tests.yaml")
AIR = Series.of("air_quality", {"site": "east", "node": "lp-1", "sensor": "air-1"})


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


HIGH = parse(
    [
        {
            "alert": "high",
            "kind": "air_quality",
            "window": {"last": "pm25_ugm3"},
            "raise": "> 75",
            "clear": "< 60",
            "text": {"zh": "过高", "en": "too high"},
        }
    ]
)


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


def history(values, step=MINUTE, chunk=60):
    for i in range(0, len(values), chunk):
        part = values[i : i + chunk]
        yield AIR, [T0 + (i + k) * step for k in range(len(part))], {"pm25_ugm3": [float(v) for v in part]}


def test_a_backtest_counts_what_would_have_called_people():
    (found,) = backtest(HIGH, history([10] * 100 + [80] * 30 + [10] * 100 + [80] * 20), [Expected(AIR, MINUTE)])
    assert (found.pages, found.rows, found.firing_ms) == (2, 250, 30 * MINUTE)
    assert [(each.fired_ms - T0) // MINUTE for each in found.episodes] == [100, 230]


def test_a_rule_is_explained_in_numbers_and_words():
    (rule,) = parse(
        [
            {
                "alert": "high",
                "kind": "air_quality",
                "window": {"mean": "pm25_ugm3", "over": "1h"},
                "raise": "> 150",
                "clear": "< 135",
                "for": "10m",
                "keep_firing_for": "20m",
                "text": {"zh": "过高", "en": "too high"},
            }
        ]
    )
    rows = [(times, columns) for _, times, columns in history([183] * 100)]
    found = explain(rule, AIR, rows, T0 + 80 * MINUTE, MINUTE, "Asia/Shanghai")
    assert found.text_en == (
        "PM2.5 1h mean = 183 µg/m³ (100% of the window valid, at least 75%)"
        "   raise > 150 for 10m, since 08:44 -> FIRING\nclears < 135 for 20m"
    )
    assert found.text_zh.endswith("解除 < 135，持续 20m")
    assert explain(rule, AIR, rows, T0 + 50 * MINUTE, MINUTE).state == "pending"
    assert explain(rule, AIR, [], T0, MINUTE).state == "inactive"


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


@pytest.mark.parametrize("slice_minutes", [60, 10, 1])
@pytest.mark.parametrize("last", [False, True])
def test_a_backtest_of_a_rule_that_compares_says_what_it_would_have_said(slice_minutes, last):
    """By whatever slices history comes, and in whichever order its series: what is compared is of one minute."""
    window = {"mean": "pm25_ugm3", "over": "10m", "versus": "neighbours"}
    raw = {"alert": "off", "kind": "air_quality", "window": window, "raise": "> 50%", "for": "5m"}
    (rule,) = parse([raw | {"text": {"zh": "a", "en": "b"}}])
    series = [Series.of("air_quality", {"site": "east", "node": f"lp-{n}", "sensor": "air-1"}) for n in range(4)]
    inventory = [Expected(each, MINUTE) for each in series]
    odd = series[-1 if last else 0]

    def value(each, minute):
        return 100.0 if each is odd and (65 <= minute < 85 or 200 <= minute < 225) else 20.0

    live, said = Engine([rule]), []
    live.expect(inventory, T0)
    for minute in range(360):
        now_ms = T0 + minute * MINUTE
        for each in series:
            live.observe(each, [now_ms], {"pm25_ugm3": [value(each, minute)]}, now_ms)
        said += live.tick(now_ms)

    def slices():
        for first in range(0, 360, slice_minutes):
            minutes = range(first, first + slice_minutes)
            for each in series:
                yield each, [T0 + m * MINUTE for m in minutes], {"pm25_ugm3": [value(each, m) for m in minutes]}

    (found,) = backtest([rule], slices(), inventory)
    assert len(found.episodes) == 2
    assert found.episodes == episodes(said)


@pytest.mark.parametrize("values", ["5+3 7", "90x", "abc", "1 2 z"])
def test_a_word_where_a_number_belongs_is_refused_with_the_cure(values):
    series = {"kind": "air_quality", "values": {"pm25_ugm3": values}}
    with pytest.raises(BadRules, match=r"pm25_ugm3: '.+' is no number, write 12"):
        parse_cases([{"name": "x", "series": [series], "expect": {"5m": []}}], "t.yaml")


def test_readings_in_no_time_are_refused():
    series = {"kind": "air_quality", "values": {"pm25_ugm3": "5"}}
    with pytest.raises(BadRules, match="interval: 0s is no time"):
        parse_cases([{"name": "x", "interval": "0s", "series": [series], "expect": {"5m": []}}], "t.yaml")


def test_what_still_fires_at_the_end_of_a_backtest_counts_until_then():
    (found,) = backtest(HIGH, history([10] * 10 + [80] * 61), [Expected(AIR, MINUTE)])
    (episode,) = found.episodes
    assert episode.end_ms is None
    assert (found.firing_ms, found.still_ms) == (0, 60 * MINUTE)
    assert episode.fired_ms == T0 + 10 * MINUTE


def test_an_alert_raised_before_the_rows_that_are_looked_at_is_explained_as_firing():
    """Between the two levels since: these rows alone raise nothing."""
    raw = {"alert": "high", "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75", "clear": "< 60"}
    (rule,) = parse([raw | {"text": {"zh": "a", "en": "b"}}])
    live = Engine([rule])
    live.observe(AIR, [T0 - 12 * HOUR], {"pm25_ugm3": [90.0]}, T0 - 12 * HOUR)
    (raised,) = live.tick(T0 - 12 * HOUR)
    rows = [([T0 + minute * MINUTE], {"pm25_ugm3": [70.0]}) for minute in range(60)]
    assert explain(rule, AIR, rows, T0 + HOUR, MINUTE).state == "inactive"
    why = explain(rule, AIR, rows, T0 + HOUR, MINUTE, standing=raised)
    assert (why.state, why.start_ms, why.value) == ("firing", T0 - 12 * HOUR, 70.0)
