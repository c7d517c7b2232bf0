"""A change of an alert in figures and in words: names that outlive versions, limits, units, two languages."""

import pytest

from collector.rules.episode import episodes
from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import Transition, fingerprint, key, transition

T0 = 1_790_000_000_000
TEXT = {"zh": "异常", "en": "Unusual"}
PLAIN = {"alert": "a", "kind": "air_quality", "text": TEXT}
AIR = Series.of("air_quality", {"site": "jianguo-rd", "node": "lp-0017", "sensor": "air-1"})
LEVEL = {"window": {"mean": "pm25_ugm3", "over": "1h"}, "raise": "> 75", "clear": "< 60"}


def said(change, state, value=None, series=AIR):
    (rule,) = parse([PLAIN | change])
    return transition(series, rule, T0, value, state, T0)


def test_an_alert_keeps_its_names_from_version_to_version():
    """Retained topics, incident keys and the database's history go by them."""
    assert fingerprint("pm25-high", AIR) == "7c5ce5c9baa925d1"
    assert key("pm25-high", "v1", AIR, T0) == f"pm25-high@v1|{AIR}|{T0}"


def test_the_limit_told_is_the_one_that_was_passed():
    assert (said(LEVEL, "firing", 80.0).limit, said(LEVEL, "resolved", 50.0).limit) == ("> 75", "< 60")
    assert said({"absent": "10m"}, "firing").limit == ""


@pytest.mark.parametrize(
    ("change", "zh", "en"),
    [
        ({"absent": "10m"}, "异常：超过 10 分钟无数据", "Unusual: no data for 10m"),
        ({"offline": "5m", "kind": "node_health"}, "异常：离线超过 5 分钟", "Unusual: offline for 5m"),
        (
            LEVEL,
            "异常：PM2.5 1 小时均值 触发时 80 µg/m³（阈值 > 75）",
            "Unusual: PM2.5 1h mean began at 80 µg/m³ (limit > 75)",
        ),
    ],
)
def test_what_begins_is_told_with_what_it_is(change, zh, en):
    begun = said(change, "firing", 80.0)
    assert (begun.text_zh, begun.text_en) == (zh, en)


def test_the_words_of_a_rule_stay_whole_through_the_end_of_its_alert():
    change = {"absent": "10m", "text": {"zh": "夜间：静默", "en": "At night: silent"}}
    begun = said(change, "firing", None)
    for each in (begun, said(change, "resolved", None), begun.ended(T0, "gone")):
        assert (each.words_zh, each.words_en) == ("夜间：静默", "At night: silent")
        assert Transition.read(each.as_json()) == each


def test_what_was_kept_before_words_were_has_those_before_the_colon():
    kept = {k: v for k, v in said(LEVEL, "firing", 80.0).as_json().items() if not k.startswith("words")}
    assert (Transition.read(kept).words_zh, Transition.read(kept).words_en) == ("异常", "Unusual")


@pytest.mark.parametrize(
    ("change", "zh", "en"),
    [
        ({"absent": "10m"}, "已恢复：异常", "Resolved: Unusual"),
        (
            LEVEL,
            "已恢复：异常：PM2.5 1 小时均值 50 µg/m³（解除阈值 < 60）",
            "Resolved: Unusual: PM2.5 1h mean 50 µg/m³ (clears at < 60)",
        ),
    ],
)
def test_what_ends_is_told_by_the_limit_that_ended_it(change, zh, en):
    ended = said(change, "resolved", 50.0)
    assert (ended.text_zh, ended.text_en) == (zh, en)


@pytest.mark.parametrize(
    ("kind", "window", "raised", "en"),
    [
        ("air_quality_1h", {"last": "pm25_ugm3_mean"}, "> 75", "PM2.5 mean began at 80 µg/m³ (limit > 75)"),
        (
            "air_quality",
            {"suspect": "pm25_ugm3", "over": "1h"},
            "> 50",
            "PM2.5 1h share of suspect readings began at 80% (limit > 50)",
        ),
        (
            "traffic_flow",
            {"count": "speed_tms_kmh", "over": "1h"},
            "> 50",
            "time-mean speed 1h readings began at 80 (limit > 50)",
        ),
        ("traffic_flow", {"last": "count"}, "> 50", "vehicles counted began at 80 veh (limit > 50)"),
        (
            "traffic_flow",
            {"mean": "occupancy_ratio", "over": "1h"},
            "> 0.5",
            "occupancy 1h mean began at 80 (limit > 0.5)",
        ),
        (
            "traffic_flow",
            {"mean": "speed_tms_kmh", "over": "1h", "versus": "last-week"},
            "> 50%",
            "time-mean speed 1h mean against last week began at 80% (limit > 50%)",
        ),
    ],
)
def test_a_windows_number_has_its_name_and_unit(kind, window, raised, en):
    series = Series.of(kind, {"site": "s", "node": "n", "sensor": "x"})
    assert said({"kind": kind, "window": window, "raise": raised}, "firing", 80.0, series).text_en == f"Unusual: {en}"


def test_an_episode_is_late_only_when_nothing_but_history_was_told_of_its_firing():
    (rule,) = parse([PLAIN | LEVEL])
    told = [transition(AIR, rule, T0, 80.0, "firing", T0, late) for late in (False, True)]
    for order in (told, told[::-1]):
        assert [one.late for one in episodes(order)] == [False]
    assert [one.late for one in episodes([told[1], told[1]])] == [True]


def test_a_window_of_hours_has_no_english_word_in_a_chinese_sentence():
    series = Series.of("air_quality_1h", {"site": "s", "node": "n", "sensor": "x"})
    begun = said(
        {"kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}, "raise": "> 75"}, "firing", 80.0, series
    )
    assert begun.text_zh == "异常：PM2.5 均值 触发时 80 µg/m³（阈值 > 75）"
