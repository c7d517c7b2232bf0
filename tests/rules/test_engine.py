"""Alerts are decided on event time: whatever the order of arrival, whatever was late, whoever restarted."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.rules.engine import Engine, Expected
from collector.rules.episode import episodes
from collector.rules.lateness import LATENESS_MS
from collector.rules.parsing import parse
from collector.rules.series import Series
from tests.rules.bench import AIR, MANY, STEP, T0, engine_of, outcome, rows, rules, run, within_lateness
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS


def told(transitions):
    return [(t.rule, t.state, (t.event_ms - T0) // STEP) for t in transitions]


def test_a_level_is_passed_and_left():
    said = run(engine_of({"clear": "< 60"}), rows([10, 80, 70, 65, 59, 80]))
    assert told(said) == [("rule-0", "firing", 1), ("rule-0", "resolved", 4), ("rule-0", "firing", 5)]
    assert said[0].text_zh == "PM2.5 过高：PM2.5 触发时 80 µg/m³（阈值 > 75）"
    assert said[0].text_en == "PM2.5 too high: PM2.5 began at 80 µg/m³ (limit > 75)"
    assert said[1].text_en == "Resolved: PM2.5 too high: PM2.5 59 µg/m³ (clears at < 60)"
    assert said[0].key == said[1].key != said[2].key
    assert said[0].fingerprint == said[2].fingerprint


def test_for_waits_and_starts_again_when_the_value_falls():
    said = run(engine_of({"for": "30s"}), rows([80, 80, 80, 10, 80, 80, 80, 80]))
    assert told(said) == [("rule-0", "firing", 7)]
    assert said[0].start_ms == T0 + 4 * STEP


def test_for_starts_again_after_a_hole():
    engine = engine_of({"for": "30s"})
    said = run(engine, rows([80, 80, 80]) + rows([80, 80], T0 + HOUR_MS))
    assert said == []
    assert [(a.state, a.start_ms) for a in engine.alerts()] == [("pending", T0 + HOUR_MS)]


def test_keep_firing_for_outlives_a_short_dip():
    said = run(engine_of({"keep_firing_for": "20s"}), rows([80, 10, 10, 80, 10, 10, 10, 10]))
    assert told(said) == [("rule-0", "firing", 0), ("rule-0", "resolved", 6)]


def test_a_window_that_is_not_complete_raises_nothing_and_clears_nothing():
    high = {"window": {"mean": "pm25_ugm3", "over": "10m", "complete": "75%"}}
    engine = engine_of(high)
    assert run(engine, rows([200] * 40)) == []
    (fired,) = run(engine, rows([200] * 20, T0 + 40 * STEP))
    assert fired.event_ms == pytest.approx(T0 + 7.5 * MINUTE_MS, abs=2 * STEP)
    assert run(engine, rows([1] * 10, T0 + HOUR_MS)) == []
    assert told(run(engine, rows([1] * 60, T0 + HOUR_MS + 10 * STEP)))[0][1] == "resolved"


@pytest.mark.parametrize(
    ("interval_ms", "over"), [(HOUR_MS, "1h"), (HOUR_MS, "2h"), (10 * MINUTE_MS, "10m"), (7_000, "1m")]
)
@pytest.mark.parametrize("began_ms", [0, 5_000, 4 * MINUTE_MS + 1])
def test_a_window_of_which_every_reading_came_is_complete(interval_ms, over, began_ms):
    """Of hours, a mean over one or two was complete by half, and no rule on it could fire."""
    whole = {"window": {"mean": "pm25_ugm3", "over": over, "complete": "100%"}}
    engine = engine_of(whole, interval_ms=interval_ms)
    assert told(run(engine, rows([80] * 20, T0 + began_ms, interval_ms)))[0][:2] == ("rule-0", "firing")
    assert {alert.state for alert in engine.alerts()} == {"firing"}


def test_a_flagged_value_leaves_its_windows_and_no_others():
    engine = engine_of(
        {}, {"window": {"last": "pm10_ugm3"}}, {"window": {"suspect": "pm25_ugm3", "over": "1m"}, "raise": "> 20%"}
    )
    columns = {"pm25_ugm3": [900.0], "pm10_ugm3": [900.0], "qc_code": ["pm25_ugm3:spike"]}
    for i in range(8):
        engine.observe(AIR, [T0 + i * STEP], columns, T0 + i * STEP)
    said = engine.tick(T0 + 8 * STEP)
    assert sorted({t.rule for t in said}) == ["rule-1", "rule-2"]
    assert "%" in next(t.text_en for t in said if t.rule == "rule-2")


def test_zero_is_a_value_and_null_is_none():
    engine = engine_of({"raise": "<= 0"})
    engine.observe(AIR, [T0, T0 + 1], {"pm25_ugm3": [None, 0]}, T0)
    (said,) = engine.tick(T0)
    assert (said.event_ms, said.value) == (T0 + 1, 0)


def test_a_second_condition_of_the_same_series():
    wet = {"and": {"window": {"last": "pm10_ugm3"}, "raise": "> 100"}}
    dry = {"unless": {"window": {"last": "pm10_ugm3"}, "raise": "> 100"}}
    engine = engine_of(wet, dry)
    engine.observe(AIR, [T0, T0 + 1], {"pm25_ugm3": [80.0, 80.0], "pm10_ugm3": [90.0, 110.0]}, T0)
    said = sorted(told(engine.tick(T0)))
    assert said == [("rule-0", "firing", 0), ("rule-1", "firing", 0), ("rule-1", "resolved", 0)]


def test_hours_close_a_rule():
    day = {"hours": {"from": "00:00", "to": "01:00", "zone": "UTC"}}
    midnight = T0 // (24 * HOUR_MS) * 24 * HOUR_MS + 24 * HOUR_MS
    said = run(engine_of(day), rows([80] * 8, midnight - 20 * MINUTE_MS, 10 * MINUTE_MS))
    assert [(t.state, t.event_ms - midnight) for t in said if not t.late] == [("firing", 0)]
    assert said[-1].state == "firing"
    assert run(engine_of(day), rows([80] * 9, midnight - 20 * MINUTE_MS, 10 * MINUTE_MS))[-1].state == "resolved"


def test_hours_close_a_rule_also_when_too_little_of_its_window_is_there():
    """Of few cars at night no mean speed is complete: slow traffic of the evening was told until the morning."""
    rule = {"window": {"mean": "pm25_ugm3", "over": "10m"}, "hours": {"from": "00:00", "to": "01:00", "zone": "UTC"}}
    midnight = T0 // (24 * HOUR_MS) * 24 * HOUR_MS + 24 * HOUR_MS
    engine = engine_of(rule)
    engine.expect([Expected(AIR, MINUTE_MS)], midnight)
    evening, night = (
        rows([80] * 40, midnight + 20 * MINUTE_MS, MINUTE_MS),
        rows([80] * 9, midnight + 70 * MINUTE_MS, 4 * MINUTE_MS),
    )
    said = run(engine, evening + night)
    assert [(t.state, (t.event_ms - midnight) // MINUTE_MS) for t in said] == [("firing", 27), ("resolved", 70)]


def test_an_index_that_is_not_published_ends_no_alert_on_its_category():
    """Of the pollutant that was heavy there is no valid hour: the end of the pollution was told for it."""
    rule = {"alert": "bad", "kind": "air_index", "category": ["重度污染"], "text": {"zh": "重", "en": "heavy"}}
    series = Series.of("air_index", INDEX_OF | {"standard": "HJ 633", "edition": "2026", "period": "1h"})
    engine = Engine(parse([rule]))
    engine.expect([], T0)
    said = []
    for hour, word in enumerate(["重度污染", "NA", "重度污染", "良"]):
        now_ms = T0 + (hour + 1) * HOUR_MS + 3 * MINUTE_MS
        engine.observe(series, [T0 + hour * HOUR_MS], {"category": [word]}, now_ms)
        said += [(t.state, hour) for t in engine.tick(now_ms)]
    assert said == [("firing", 0), ("resolved", 3)]


HARD = (
    {"clear": "< 60"},
    {"for": "30s", "keep_firing_for": "20s"},
    {"window": {"mean": "pm25_ugm3", "over": "2m", "complete": "50%"}, "clear": "< 70"},
    {"window": {"max": "pm25_ugm3", "over": "1m", "complete": "10%"}},
    {"window": {"p85": "pm25_ugm3", "over": "1m", "complete": "10%"}, "for": "10s"},
    {"raise": "< 20", "window": {"change": "pm25_ugm3", "over": "1m", "complete": "10%"}},
    {"and": {"window": {"mean": "pm25_ugm3", "over": "1m", "complete": "50%"}, "raise": "> 40"}},
)


SHUFFLED = (
    st.lists(st.sampled_from([10, 50, 65, 72, 80, 120]), min_size=5, max_size=70),
    st.integers(0, 10**9),
    st.integers(2, 30),
)


def same_in_any_order(values, seed, chunk):
    readings = rows(values)
    in_order = outcome(run(engine_of(*HARD), readings))
    assert outcome(run(engine_of(*HARD), within_lateness(readings, seed))) == in_order
    assert outcome(run(engine_of(*HARD), readings, chunk=chunk)) == in_order


@settings(max_examples=60, deadline=None)
@given(*SHUFFLED)
def test_any_order_of_arrival_within_the_lateness_tells_the_same_episodes(values, seed, chunk):
    same_in_any_order(values, seed, chunk)


@pytest.mark.long
@settings(max_examples=5000, deadline=None)
@given(*SHUFFLED)
def test_five_thousand_orders_of_arrival_tell_the_same_episodes(values, seed, chunk):
    same_in_any_order(values, seed, chunk)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([10, 65, 80, 120]), min_size=5, max_size=60), st.integers(0, 10**9), st.data())
def test_an_engine_restored_from_a_snapshot_goes_on_as_if_nothing_had_been(values, seed, data):
    order = within_lateness(rows(values), seed)
    cut = data.draw(st.integers(0, len(order)))
    whole = run(engine_of(*HARD), order)
    first = engine_of(*HARD)
    said = run(first, order[:cut])
    second = Engine.restore(
        rules(*HARD), json.loads(json.dumps(first.snapshot(), allow_nan=False)), [Expected(AIR, STEP)], T0
    )
    said += run(second, order[cut:])
    assert outcome(said) == outcome(whole)


def test_a_snapshot_behind_the_store_tells_again_under_the_same_keys():
    engine = engine_of({})
    run(engine, rows([10, 10]))
    old = engine.snapshot()
    once = run(engine, rows([80, 10], T0 + 2 * STEP))
    again = run(Engine.restore(rules({}), old, [], T0), rows([80, 10], T0 + 2 * STEP))
    assert [t.key for t in once] == [t.key for t in again]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([10, 65, 80, 120]), min_size=5, max_size=60), st.integers(0, 10**9))
def test_the_database_brings_back_what_a_crash_at_any_moment_took(values, seed):
    dice, order = random.Random(seed), within_lateness(rows(values), seed)
    whole = run(engine_of(*HARD), order)
    engine, saved, stored, said, head = engine_of(*HARD), {}, {}, [], 0
    for time_ms, value in order:
        stored[time_ms] = value
        head = max(head, time_ms)
        seen = dice.random() < 0.9  # or the collector died between the database's answer and the rules
        if seen:
            engine.observe(AIR, [time_ms], {"pm25_ugm3": [value]}, head)
            said += (now_said := engine.tick(head))
        if (seen and now_said) or dice.random() < 0.2:  # one commit holds what was said and the state behind it
            saved |= json.loads(json.dumps(engine.changes(1)))
        if not seen or dice.random() < 0.2:
            engine = Engine.restore(rules(*HARD), saved, [Expected(AIR, STEP)], T0)
            since = (engine.head_ms(AIR) or 0) - LATENESS_MS
            times = sorted(t for t in stored if t >= since)
            engine.observe(AIR, times, {"pm25_ugm3": [stored[t] for t in times]}, head)
            said += engine.tick(head)
            saved |= json.loads(json.dumps(engine.changes(1)))
    assert outcome(said) == outcome(whole)


def test_changes_hold_the_touched_series_only():
    engine = engine_of({})
    run(engine, rows([10]))
    assert list(engine.changes()) == ["", str(AIR)]
    assert list(engine.changes()) == [""]


def test_a_day_of_backfill_pages_nobody_and_writes_the_history_it_would_have_been():
    values = [10] * 60 + [120] * 120 + [20] * 200 + [130] * 90 + [10] * 250
    day = [(T0 + i * 2 * MINUTE_MS, float(v)) for i, v in enumerate(values)]
    hourly = {"window": {"mean": "pm25_ugm3", "over": "1h"}, "clear": "< 60", "for": "10m"}
    before = [(T0 - HOUR_MS + i * 2 * MINUTE_MS, 10.0) for i in range(30)]
    since = [(day[-1][0] + (i + 1) * 2 * MINUTE_MS, 10.0) for i in range(30)]
    straight = run(engine_of(hourly, interval_ms=2 * MINUTE_MS), before + day + since)

    engine = engine_of(hourly, interval_ms=2 * MINUTE_MS)
    said = run(engine, before)
    now = since[0][0]
    backlog = [day[i : i + 60] for i in range(0, len(day), 60)]
    for number, reading in enumerate(since):  # the live lane goes ahead of the backlog
        said += run(engine, [reading])
        for part in backlog[number : number + 1]:
            engine.observe(AIR, [t for t, _ in part], {"pm25_ugm3": [v for _, v in part]}, now)
            said += engine.tick(now)
    assert [t for t in said if not t.late] == []
    assert len(outcome(said)) == 2
    assert outcome(said) == outcome(straight)


@pytest.mark.parametrize("minutes", range(1, 16))
def test_after_a_short_outage_a_backlog_that_comes_newest_first_ends_nothing_that_fires(minutes):
    """History, too, learns late when an episode began: what it takes back may be what the live reel has by then."""
    engine = engine_of({})
    run(engine, rows([10]))
    backlog, now = rows([80] * 6 * minutes, T0 + STEP), T0 + (6 * minutes + 1) * STEP
    said = []
    for start in reversed(range(0, len(backlog), 6)):
        batch = backlog[start : start + 6]
        engine.observe(AIR, [at for at, _ in batch], {"pm25_ugm3": [value for _, value in batch]}, now)
        said += engine.tick(now)
    (alert,) = engine.alerts()
    (open_one,) = (each for each in episodes(said) if not each.late)
    assert (open_one.start_ms, open_one.end_ms) == (alert.start_ms, None)
    assert all(not each.text_en.startswith("Resolved") for each in said), "nothing was ever below the limit"


def test_catching_up_in_order_pages_only_for_what_still_holds():
    readings = rows([80] * 30 + [10] * 30 + [80] * 30)
    now = readings[-1][0]
    engine = engine_of({})
    said = []
    for time_ms, value in readings:
        engine.observe(AIR, [time_ms], {"pm25_ugm3": [value]}, now)
        said += engine.tick(now)
    assert [(t.state, t.late) for t in said] == [
        ("firing", True),
        ("resolved", True),
        ("firing", True),
        ("firing", False),
    ]
    assert said[2].key == said[3].key


def test_a_rule_that_went_or_changed_resolves_its_alerts_with_the_reason():
    engine = engine_of({}, {})
    run(engine, rows([80]))
    changed = rules({"raise": "> 76"})
    said = Engine.restore(changed, engine.snapshot(), [], T0 + HOUR_MS).tick(T0 + HOUR_MS)
    assert [(t.rule, t.state, t.reason) for t in said] == [
        ("rule-0", "resolved", "the rule was changed"),
        ("rule-1", "resolved", "the rule was removed"),
    ]
    assert [t.key for t in said] == [t.key for t in run(engine_of({}, {}), rows([80]))]


def test_a_scope_narrows_by_tag_label_and_pattern():
    scopes = [{"node": "lp-0017"}, {"node": "lp-00*"}, {"site": "other"}, {"labels": {"district": ["chaoyang"]}}]
    engine = Engine(rules(*({"scope": scope} for scope in scopes)))
    engine.expect([Expected(AIR, STEP, {"district": "chaoyang"})], T0)
    assert sorted(t.rule for t in run(engine, rows([80]))) == ["rule-0", "rule-1", "rule-3"]


def test_a_count_over_five_minutes_is_not_late_for_being_stamped_at_its_start():
    series = Series.of("traffic_flow", {"site": "s", "node": "n", "sensor": "r", "lane": "1", "direction": "in"})
    engine = Engine(rules({"kind": "traffic_flow", "window": {"last": "count"}, "for": "10m"}))
    said = []
    for i in range(4):
        start = T0 + i * 5 * MINUTE_MS
        engine.observe(series, [start], {"count": [90], "duration_s": [300.0]}, start + 5 * MINUTE_MS + 2_000)
        said += engine.tick(start + 5 * MINUTE_MS + 2_000)
    assert [(t.state, t.late) for t in said] == [("firing", False)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 100), st.just(50)), min_size=1, max_size=90),
    st.integers(2, 60),
    st.sampled_from((None, STEP)),
)
def test_rows_in_batches_tell_what_rows_one_by_one_tell(values, chunk, interval_ms):
    """A batch may pass its windows in bulk; whatever is said, and when, is the same."""
    one, many = (engine_of(*MANY, interval_ms=interval_ms) for _ in range(2))
    end_ms = T0 + len(values) * STEP
    single, batched = run(one, rows(values), age_ms=end_ms), run(many, rows(values), age_ms=end_ms, chunk=chunk)
    assert [each.as_json() for each in single] == [each.as_json() for each in batched]


def test_an_episode_that_was_told_is_not_told_again_when_the_reel_goes_back_into_it():
    """Winding back judges old rows anew, as history; what the marks keep of them must know that people were told."""
    engine, said = engine_of({"clear": "< 60"}, interval_ms=1_000), []

    def read(second, value, now=None):
        at = T0 + second * 1000
        engine.observe(AIR, [at], {"pm25_ugm3": [value]}, T0 + (now or second) * 1000)
        said.extend((each.state, each.late) for each in engine.tick(T0 + (now or second) * 1000))

    for second in range(0, 240, 5):
        if second != 230:
            read(second, 90.0 if 110 <= second < 170 else 10.0)
    assert said == [("firing", False), ("resolved", False)]
    for second in (230, 240, 245, 250, 255, 252, 260, 257):  # after half a minute of silence, and not in order
        read(second, 10.0, now=272)
    assert said == [("firing", False), ("resolved", False)]


INDEX_OF = {"site": "jianguo-rd", "node": "lp-0017", "sensor": "air-1", "standard": "HJ 633", "edition": "2026"}


@pytest.mark.parametrize(
    ("kind", "tags", "span_ms"),
    [
        ("air_quality_1h", {}, HOUR_MS),
        ("air_quality_1d", {}, DAY_MS),
        ("air_quality_1d", {}, DAY_MS + HOUR_MS),  # the day on which the clock is put back
        ("air_index", {"period": "1h"}, HOUR_MS),
        ("air_index", {"period": "1d"}, DAY_MS),
    ],
)
def test_an_hour_or_a_day_computed_from_the_database_calls_people_and_one_of_long_ago_is_history(kind, tags, span_ms):
    """Its row bears the time at which its window begins, and comes when that is over and stragglers had their time."""
    index = kind == "air_index"
    watched = {"category": ["重度污染"]} if index else {"window": {"last": "pm25_ugm3_mean"}, "raise": "> 75"}
    rule = {"alert": "high", "kind": kind, "text": {"zh": "高", "en": "high"}} | watched
    series = Series.of(kind, INDEX_OF | tags if index else {k: INDEX_OF[k] for k in ("site", "node", "sensor")})
    columns = {"category": ["重度污染"]} if index else {"pm25_ugm3_mean": [90.0]}

    def late(after_ms):
        engine = Engine(parse([rule]))
        engine.expect([], T0)
        engine.observe(series, [T0], columns, T0 + span_ms + after_ms)
        (said,) = engine.tick(T0 + span_ms + after_ms)
        return said.late

    assert [late(after_ms) for after_ms in (2 * MINUTE_MS, 3 * MINUTE_MS, 10 * MINUTE_MS)] == [False] * 3
    assert late(2 * HOUR_MS)


@pytest.mark.parametrize("order", [(501, 502), (502, 501)])
@pytest.mark.parametrize("late", [range(484, 494), range(494, 499), (497,)])
def test_what_came_too_late_to_be_judged_stays_in_its_windows_when_later_rows_come_out_of_order(order, late):
    """24 h have buckets of 24 minutes: the one that was open at a mark has these rows too."""
    engine = engine_of({"window": {"sum": "pm25_ugm3", "over": "24h", "complete": "0%"}, "raise": "> 1000000"})
    engine.expect([Expected(AIR, MINUTE_MS)], T0)
    arrivals = [(m, m) for m in range(501) if m not in late] + [(m, 500) for m in late] + [(m, 502) for m in order]
    for minute, now in arrivals:
        engine.observe(AIR, [T0 + minute * MINUTE_MS], {"pm25_ugm3": [1.0]}, T0 + now * MINUTE_MS)
    reel = engine.reel(AIR)
    reel.wake()
    assert reel.windows[0].value() == 503


@pytest.mark.parametrize("before", [(), range(10)], ids=["a new series", "an outage"])
def test_a_backlog_behind_live_readings_is_in_the_windows_and_is_not_kept_to_be_played_again(before):
    """A reel that keeps all of it goes through all of it with each of its blocks: a drain of days came to a stop."""
    engine = engine_of({"window": {"sum": "pm25_ugm3", "over": "24h", "complete": "0%"}, "raise": "> 1000000"})
    engine.expect([Expected(AIR, MINUTE_MS)], T0)
    kept = []
    for minute in (*before, 600, *range(len(before), 600), 602, 601):
        engine.observe(AIR, [T0 + minute * MINUTE_MS], {"pm25_ugm3": [1.0]}, T0 + max(minute, 600) * MINUTE_MS)
        kept.append(len(engine.reel(AIR).recent.times))
    assert max(kept) < 10
    reel = engine.reel(AIR)
    reel.wake()
    assert reel.windows[0].value() == 603


def test_an_alert_on_an_index_that_is_made_no_more_ends_when_another_has_told_for_two_days():
    """At midnight the edition changed, or a station reports another standard since: it fired for ever."""
    rule = {"kind": "air_index", "window": {"last": "value"}, "raise": "> 100", "clear": "< 90"}
    engine = Engine(rules(rule))
    sensor = {"site": "s", "node": "lp-1", "sensor": "air-1"}
    old, new, other = (
        Series.of("air_index", tags | {"standard": "HJ 633", "edition": edition, "period": period})
        for tags, edition, period in (
            (sensor, "2012", "1h"),
            (sensor, "2026", "1h"),
            (sensor | {"sensor": "air-2"}, "2012", "1h"),
        )
    )
    expected = [Expected(Series.of("air_quality", tags), STEP) for tags in (sensor, sensor | {"sensor": "air-2"})]
    engine.expect(expected, T0)
    said = []
    for hour in range(60):
        now = T0 + (hour + 1) * HOUR_MS
        telling = ((old, 150), (other, 150)) if hour < 3 else ((new, 150 if hour < 10 else 50),)
        for series, value in telling:
            engine.observe(series, [T0 + hour * HOUR_MS], {"value": [value]}, now)
        engine.expect(expected, now)
        said += [(each.state, each.labels["sensor"], each.labels["edition"], hour) for each in engine.tick(now)]
    assert [one for one in said if one[0] == "firing"] == [
        ("firing", "air-1", "2012", 0),
        ("firing", "air-2", "2012", 0),
        ("firing", "air-1", "2026", 3),
    ]
    assert [one for one in said if one[0] == "resolved"] == [
        ("resolved", "air-1", "2026", 10),
        ("resolved", "air-1", "2012", 51),
    ]
