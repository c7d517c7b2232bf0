"""A rule file is read strictly; whatever is wrong is named with its place and its cure."""

import pytest
import yaml

from collector.rules.complaint import BadRules
from collector.rules.fields import fields_of
from collector.rules.parsing import parse

DESIGN_RULE = """
- alert: pm25-hourly-high
  kind: air_quality
  window: {mean: pm25_ugm3, over: 1h, complete: 75%}
  raise: "> 75"
  clear: "< 60"
  for: 10m
  keep_firing_for: 10m
  severity: major
  notify: [environment-bureau]
  text: {zh: "PM2.5 小时均值过高", en: "PM2.5 hourly mean too high"}
"""


def changed(**changes):
    rule = yaml.safe_load(DESIGN_RULE)[0] | changes
    return [{key: value for key, value in rule.items() if value is not ...}]


def problem(**changes):
    with pytest.raises(BadRules) as caught:
        parse(changed(**changes), "r.yaml")
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def test_the_rule_of_the_design_parses_as_it_stands():
    (rule,) = parse(yaml.safe_load(DESIGN_RULE))
    assert rule.spec is not None
    assert (rule.spec.stat, rule.spec.quantity, rule.spec.over_ms) == ("mean", "pm25_ugm3", 3_600_000)
    assert rule.complete == 0.75
    assert (rule.limit.op, rule.limit.level) == (">", 75)
    assert (rule.clear_limit.op, rule.clear_limit.level) == ("<", 60)
    assert (rule.for_, rule.keep_firing_for, rule.severity) == (600_000, 600_000, "major")


@pytest.mark.parametrize(
    "bad", ["> .nan", "> inf", "> ７５", "> 1_0", "75", 75, "> 1e3", ">", "> 5 6", None, "=> 5", "> ٣"]
)
def test_a_limit_is_a_sign_and_a_finite_number_in_ascii(bad):
    with pytest.raises(BadRules, match="raise"):
        parse(changed(**{"raise": bad}))


@pytest.mark.parametrize("bad", ["10", 600, "10 m", "1.5h", "１0m", "-5m", "40d", ["1h"]])
def test_a_duration_is_a_whole_number_and_a_unit(bad):
    assert "for: " in problem(**{"for": bad})


def test_an_unknown_key_is_answered_with_the_nearest():
    assert (
        problem(severty="major") == "r.yaml: pm25-hourly-high: severty: unknown key 'severty', did you mean 'severity'?"
    )
    assert "did you mean 'over'?" in problem(window={"mean": "pm25_ugm3", "over": "1h", "ovre": "1h"})


def test_an_unknown_quantity_kind_or_severity_is_answered_with_the_nearest():
    assert "did you mean 'pm25_ugm3'?" in problem(window={"mean": "pm25_ugm", "over": "1h"})
    assert "did you mean 'air_quality'?" in problem(kind="air_qualty")
    assert "did you mean 'major'?" in problem(severity="mayor")


def test_a_value_of_another_shape_is_answered_with_the_right_one():
    assert "'high' stands where keys with values belong such as {zh: ..., en: ...}" in problem(text="high")
    assert "12 stands where text belongs, write it in quotes" in problem(alert=12)
    assert "5 stands where a list belongs, write [5]" in problem(notify=5)


def test_the_line_of_the_nearest_known_place_is_named():
    with pytest.raises(BadRules, match=r"^r\.yaml:4: pm25-hourly-high: window\.over: 'x' is not a duration"):
        parse(
            changed(window={"mean": "pm25_ugm3", "over": "x"}),
            "r.yaml",
            lambda place: 4 if place == (0, "window") else None,
        )


def test_levels_that_contradict_each_other_are_refused():
    assert "the other way" in problem(clear="> 60")
    assert "do both" in problem(clear="< 80")
    assert "both raise and clear" in problem(**{"raise": ">= 75", "clear": "<= 75"})


def test_one_thing_is_watched():
    assert "one of window, category, absent, offline" in problem(window=..., **{"raise": ...})
    assert "name one of" in problem(window={"mean": "pm25_ugm3", "max": "pm25_ugm3", "over": "1h"})
    assert "takes no raise" in problem(window=..., absent="10m")


def test_a_second_rule_of_one_name_is_refused():
    with pytest.raises(BadRules, match="second rule"):
        parse(changed() + changed(kind="air_quality"))


def test_the_version_follows_the_meaning_not_the_words():
    (rule,) = parse(changed())
    assert parse(changed(text={"zh": "甲", "en": "other"}, notify=[]))[0].version == rule.version
    assert parse(changed(**{"raise": "> 76"}))[0].version != rule.version
    assert parse(changed(**{"for": "600s"}))[0].version == rule.version


def test_rollups_indices_and_limits_in_percent():
    assert parse(changed(kind="air_quality_1h", window={"last": "pm25_ugm3_mean"}))
    assert parse(changed(kind="air_index", window=..., category="重度污染", clear=..., **{"raise": ...}))
    flow = {"mean": "flow_vph", "over": "1h", "versus": "last-week"}
    assert parse(changed(kind="traffic_flow", window=flow, clear=..., **{"raise": "< -60%"}))[0].joined
    assert "leave out the %" in problem(**{"raise": "> 75%"}, clear=...)


def test_a_zone_that_does_not_exist_is_refused():
    assert "unknown time zone" in problem(hours={"from": "06:00", "to": "22:00", "zone": "Asia/Shangai"})


def test_hours_that_are_closed_at_midnight_are_refused_of_days():
    """A day's row bears its midnight: the rule was fine, and called nobody ever."""
    closed = {"from": "06:00", "to": "22:00", "zone": "Asia/Shanghai"}
    index = {"kind": "air_index", "window": ..., "raise": ..., "clear": ..., "category": "重度污染"}
    days = ({"kind": "air_quality_1d", "window": {"last": "pm25_ugm3_mean"}}, index | {"scope": {"period": "1d"}})
    for day in days:
        assert "leave hours out" in problem(**day, hours=closed)
        assert parse(changed(**day, hours=closed | {"from": "00:00", "days": ["sat"]}))
        assert parse(changed(**day, hours=closed | {"from": "22:00", "to": "06:00"}))
    assert parse(changed(**index, hours=closed)), "of hours"


def test_rules_that_are_no_list_are_refused():
    with pytest.raises(BadRules, match="rules are a list"):
        parse({"alert": "x"})


@pytest.mark.parametrize(("stat", "word"), [("last", "category"), ("last", "primary"), ("count", "primary")])
def test_a_window_of_words_is_refused_for_it_cannot_be_counted(stat, word):
    window = {stat: word} | ({} if stat == "last" else {"over": "3h"})
    assert f"window.{stat}: {word} is a word" in problem(kind="air_index", window=window, clear=...)


@pytest.mark.parametrize("name", ["v85_kmh", "count_sum", "completeness", "duration_s_sum", "n_speed_100_kmh_sum"])
def test_a_rolled_up_window_has_the_fields_that_are_stored(name):
    assert parse(changed(kind="traffic_flow_1h", window={"last": name}, clear=..., **{"raise": "< 0.9"}))


@pytest.mark.parametrize("name", ["v85_kmh_mean", "v85_kmh_n", "headway_s_mean", "count_p85"])
def test_a_field_that_is_stored_nowhere_is_refused(name):
    assert "traffic_flow_1h has no quantity" in problem(kind="traffic_flow_1h", window={"last": name})
    assert "no quantity" in problem(kind="air_quality_1h", window={"last": "pm25_raw_ugm3_mean"})


def test_minutes_thinned_by_an_agent_have_its_fields_too():
    assert parse(changed(kind="air_quality_1m", window={"last": "pm25_raw_ugm3_mean"}))


def test_a_level_in_percent_is_not_cleared_by_a_plain_one_nor_the_reverse():
    window = {"mean": "pm25_ugm3", "over": "1h", "versus": "neighbours"}
    assert "both be in percent" in problem(window=window, clear="< 30", **{"raise": "> 50%"})
    assert "both be in percent" in problem(clear="< 30%", **{"raise": "> 50"})


def test_absent_for_no_time_is_refused():
    assert "absent: 0s is no time to wait" in problem(window=..., clear=..., absent="0s", **{"raise": ..., "for": ...})


@pytest.mark.parametrize("kind", ["air_quality_1h", "air_index", "collector", "gap"])
def test_absence_of_what_nobody_announces_is_refused(kind):
    """Such a rule was taken, and could call nobody."""
    watched = {"window": ..., "raise": ..., "clear": ..., "for": ..., "absent": "10m", "kind": kind}
    assert "write one of air_quality, weather," in problem(**watched)


def test_a_lane_may_be_called_by_its_number():
    flow = {"kind": "traffic_flow", "window": {"last": "count"}}
    ones = [parse(changed(**flow, scope={"lane": lane}))[0].scope.lane for lane in (1, [1], "1")]
    assert ones == [("1",)] * 3
    assert parse(changed(**flow, scope={"lane": [1, "2"]}))[0].scope.lane == ("1", "2")


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ({"node": "lp-1, lp-2"}, "'lp-1, lp-2' can match nothing, write small letters"),
        ({"site": ["east", "West"]}, "'West' can match nothing"),
        ({"standard": "china"}, "'china' can match nothing, there are HJ 633, US EPA AQI"),
        ({"period": "hour"}, "there are 1h, 1d"),
        ({"direction": "inbound"}, "there are any, in, out"),
        ({"edition": [2011]}, "'2011' can match nothing"),
    ],
)
def test_a_scope_that_matches_no_series_there_may_be_is_refused(scope, why):
    """Such a rule was fine, and never said anything."""
    assert why in problem(scope=scope)


def test_of_several_patterns_for_a_word_one_is_enough():
    scope = {"standard": ["HJ633*", "HJ 633*"], "edition": [2026], "direction": "*", "node": "lp-00[12]?"}
    index = {"kind": "air_index", "window": {"last": "value"}}
    assert parse(changed(**index, scope=scope))[0].scope.standard == ("HJ633*", "HJ 633*")


@pytest.mark.parametrize(
    ("kind", "tag", "there"),
    [
        ("air_quality", "lane", "site, node, sensor"),
        ("air_quality_1h", "period", "site, node, sensor"),
        ("traffic_flow_1h", "standard", "site, node, sensor, lane, direction"),
        ("node_health", "sensor", "site, node"),
    ],
)
def test_a_scope_of_a_tag_that_the_kind_does_not_have_is_refused(kind, tag, there):
    """Such a rule was fine, and never said anything."""
    last = next(name for name in fields_of(kind) if "dir" not in name)
    word = {"period": "1h", "standard": "HJ 633"}.get(tag, "a-1")
    told = problem(kind=kind, window={"last": last}, scope={tag: word})
    assert f"scope.{tag}: {kind} has no {tag} and nothing can match, leave it out: there are {there}" in told


def test_a_sensor_is_absent_whole_and_no_lane_of_it_can_be_named():
    bare = {"kind": "traffic_flow", "window": ..., "clear": ..., "raise": ..., "for": ...}
    assert "scope.lane: absent watches sensors" in problem(**bare, absent="10m", scope={"lane": 1})
    assert parse(changed(**bare, absent="10m", scope={"sensor": "radar-1"}))


def test_a_category_that_no_index_has_is_answered_with_the_nearest():
    bare = {"kind": "air_index", "window": ..., "clear": ..., "raise": ...}
    assert "category: no index has a category '重度汚染', did you mean '重度污染'?" in problem(
        **bare, category="重度汚染"
    )
    assert parse(changed(**bare, category=["Very poor", "Unhealthy", "严重污染", "Very High"]))


@pytest.mark.parametrize("word", ["heavily polluted", "Severe", "NA"])
def test_a_category_like_which_there_is_none_is_answered_with_all(word):
    """India's Moderately polluted was offered for it, and of that index nothing is made here."""
    told = problem(kind="air_index", window=..., clear=..., category=word, **{"raise": ...})
    assert f"no index has a category {word!r}, there are 优, 良, 轻度污染, 中度污染, 重度污染, 严重污染, Good" in told


def test_a_category_of_another_standard_than_the_scope_s_is_refused():
    """An index of HJ 633 is never Moderate: such a rule was fine, and never said anything."""
    bare = {"kind": "air_index", "window": ..., "clear": ..., "raise": ...}
    told = problem(**bare, category=["Moderate", "良"], scope={"standard": "HJ*"})
    assert "category: no index of HJ 633 has a category 'Moderate', there are 优, 良, 轻度污染" in told
    assert parse(changed(**bare, category=["Moderate", "良"], scope={"standard": ["HJ 633", "US*"]}))


@pytest.mark.parametrize(
    ("kind", "window", "level", "why"),
    [
        ("traffic_flow", {"mean": "occupancy_ratio", "over": "3m"}, "> 80", "occupancy_ratio is 0 to 1"),
        ("weather", {"last": "press_hpa"}, "> 101325", "press_hpa is 300 to 1100 hPa"),
        ("weather", {"last": "rh_pct"}, "> 100", "rh_pct is 0 to 100 %"),
        ("air_quality", {"mean": "co_mgm3", "over": "1h"}, "> 4000", "co_mgm3 is -50 to 200 mg/m³"),
        ("air_quality_1h", {"last": "completeness"}, "> 75", "completeness is 0 to 1"),
        ("air_quality_1h", {"last": "co_mgm3_max"}, ">= 201", "co_mgm3_max is -50 to 200 mg/m³"),
        ("air_index", {"last": "value"}, "< 0", "value is 0 or more"),
        ("weather", {"change": "temp_c", "over": "1h"}, "> 141", "the change of temp_c is -140 to 140 °C"),
        ("weather", {"suspect": "temp_c", "over": "1h"}, "> 100%", "the suspect of temp_c is 0 to 100 %"),
        (
            "traffic_flow",
            {"sum": "count", "over": "1h", "versus": "last-week"},
            "< -100%",
            "the sum of count is -100 % or more",
        ),
    ],
)
def test_a_limit_that_no_value_can_meet_is_refused(kind, window, level, why):
    """80 for 80 %, Pa for hPa, µg for mg: such a rule was fine, and never said anything."""
    bare = {"kind": kind, "window": window, "clear": ...}
    assert problem(**bare, **{"raise": level}) == f'r.yaml: pm25-hourly-high: raise: "{level}" is never met: {why}'


def test_a_second_condition_that_no_value_can_meet_is_refused():
    assert 'and.raise: "> 800" is never met' in problem(
        **{"and": {"kind": "weather", "window": {"mean": "rh_pct", "over": "1h"}, "raise": "> 800"}}
    )


def test_a_clear_that_no_value_can_meet_is_refused():
    damp = {"kind": "weather", "window": {"last": "rh_pct"}, "raise": ">= 100"}
    told = problem(**damp, clear="< 0")
    assert 'clear: "< 0" is never met, and what fires would never end: rh_pct is 0 to 100 %' in told
    assert parse(changed(**damp, clear="<= 0"))


@pytest.mark.parametrize("stat", ["change", "range"])
@pytest.mark.parametrize(
    ("kind", "field", "over", "cure"),
    [
        ("air_quality_1h", "pm25_ugm3_mean", "1h", "2h"),
        ("weather_1d", "temp_c_mean", "24h", "2d"),
        ("air_quality_1m", "pm25_ugm3_mean", "45s", "2m"),
        ("air_index", "value", "30m", "2h"),
    ],
)
def test_a_window_of_one_row_has_no_change_and_no_range(stat, kind, field, over, cure):
    """A change of it was never told, and it was stuck for ever."""
    plain = {"kind": kind, "clear": ..., "raise": ">= 30"}
    told = problem(**plain, window={stat: field, "over": over})
    assert f"window.over: one row of {kind} is in it, and one alone has no {stat}: write {cure}" in told
    assert parse(changed(**plain, window={stat: field, "over": cure}))


@pytest.mark.parametrize(
    ("hours", "most"),
    [
        ({"from": "06:00", "to": "08:00"}, "2h"),
        ({"from": "22:00", "to": "01:30"}, "210m"),
        ({"days": ["sat", "sun", "mon", "wed"]}, "3d"),
        ({"from": "06:00", "to": "06:00", "days": ["fri"]}, "1d"),
    ],
)
def test_for_is_shorter_than_hours_are_open(hours, most):
    """Pending begins anew each time they open: such a rule was fine, and never said anything."""
    zoned = hours | {"zone": "UTC"}
    assert f"which are open for {most}: make it shorter" in problem(hours=zoned, **{"for": most})
    assert parse(changed(hours=zoned, **{"for": "119m"}))
    assert parse(changed(hours={"zone": "UTC"}, **{"for": "32d"}))


def test_hours_of_no_day_are_refused():
    assert "hours.days: no day is named" in problem(hours={"days": [], "zone": "UTC"})


@pytest.mark.parametrize("stat", ["mean", "max", "p85", "range"])
def test_a_direction_has_no_mean_and_the_like(stat):
    told = problem(kind="weather", window={stat: "wind_dir_deg", "over": "10m"})
    assert f"a direction goes round at 360° and has no {stat}: write last: wind_dir_deg" in told
    assert parse(changed(kind="weather", window={"last": "wind_dir_deg"}))
