"""A reel that rests says what a reel says that never does, and a window's leeway is never too wide."""

import math
import random
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.rules import rest
from collector.rules.lateness import LATENESS_MS
from collector.rules.present import Present
from collector.rules.rule import Spec
from collector.rules.series import Series
from collector.rules.statistic import window
from tests.rules.bench import AIR, MANY, STEP, T0, engine_of, outcome, rows, run, within_lateness
from wire.times import MINUTE_MS

STATS = ("mean", "suspect", "min", "max", "range", "last", "sum", "count", "change", "p85")
BANDS = st.tuples(st.sampled_from((-math.inf, 0.0, 20.0, 45.0)), st.sampled_from((math.inf, 55.0, 80.0, 120.0)))
NEAR_AND_FAR = (*MANY, {"window": {"mean": "pm25_ugm3", "over": "1h", "complete": "10%"}, "raise": "> 60"})


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(STATS),
    st.sampled_from([2 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS]),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 100)), max_size=80),
    BANDS,
    st.lists(st.tuples(st.integers(1, 60_000), st.floats(0, 1)), max_size=30),
)
def test_a_statistic_stays_in_its_band_while_readings_keep_to_the_leeway(stat, over_ms, before, band, after):
    each = window(Spec(stat, "pm25_ugm3", over_ms), 600_000)
    time_ms = T0
    for seconds, value in before:
        time_ms += seconds * 1000
        each.roll(time_ms)
        each.add(time_ms, float(value))
    until_ms = time_ms + rest.REST_MS
    least, most = each.leeway(band, until_ms, 30)
    assume(least < most)
    least, most = max(least, -1e6), min(most, 1e6)
    for later_ms, place in after:
        time_ms += later_ms
        value = least + (most - least) * place
        if time_ms >= until_ms or not least < value < most:
            break
        each.roll(time_ms)
        each.add(time_ms, value)
        found = each.value()
        assert found is None or band[0] < found < band[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=90), st.integers(0, 80), st.sampled_from([30_000, 60_000]))
def test_a_window_fed_at_once_stands_where_it_stands_fed_one_by_one(values, gap, over_ms):
    spec = Spec("mean", "pm25_ugm3", over_ms)
    times = [T0 + n * 1000 + (n > 20) * gap * 1000 for n in range(len(values))]
    one, all_ = window(spec, 600_000), window(spec, 600_000)
    for time_ms, value in zip(times, values, strict=True):
        one.roll(time_ms)
        one.add(time_ms, float(value))
    all_.feed(Present(times, [float(value) for value in values]))
    assert (all_.mark(), all_.value()) == (one.mark(), one.value())


def walk(seed, length):
    """Values that mostly keep their ground and now and then go near a level or beyond."""
    dice, value, found = random.Random(seed), 20.0, []
    for _ in range(length):
        value = min(max(value + dice.choice((-1, 0, 0, 1)), 0), 100)
        found.append(dice.choice((55.0, 75.0, 100.0, 0.0)) if dice.random() < 0.01 else value)
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 30), st.booleans())
def test_who_rests_tells_what_who_never_rests_tells(seed, chunk, shuffled):
    readings = rows(walk(seed, 100 if shuffled else 300))  # each that is late has all of them played again
    if shuffled:
        readings, chunk = within_lateness(readings, seed), 1
    rested = run(engine_of(*NEAR_AND_FAR), readings, chunk=chunk)
    with patch.object(rest, "REST_MS", 0):
        awake = run(engine_of(*NEAR_AND_FAR), readings, chunk=chunk)
    assert outcome(rested) == outcome(awake)
    if not shuffled:
        assert [each.as_json() for each in rested] == [each.as_json() for each in awake]


def test_quiet_air_lets_the_windows_rest_and_a_high_value_wakes_them():
    engine = engine_of({"window": {"mean": "pm25_ugm3", "over": "10m", "complete": "10%"}, "raise": "> 75"})
    assert run(engine, rows([20.0] * 12), chunk=3) == []
    reel = engine.reel(AIR)
    assert reel.rest is not None
    raised = run(engine, rows([900.0] * 6, start=T0 + 12 * STEP), chunk=3)
    assert [each.state for each in raised] == ["firing"]
    assert reel.rest is None or reel.rest.since_ms == reel.head_ms


@given(st.data())
def test_a_window_is_looked_at_in_its_sleep_as_if_it_were_awake(data):
    """What closed buckets say is the same before and after waking, and to look wakes nobody."""
    stat = data.draw(st.sampled_from(["mean", "min", "max", "sum", "count", "p85", "change"]))
    level = {"min": "< -40", "sum": "> 100000", "count": "> 100000"}.get(stat, "> 1900")
    engine = engine_of({"window": {stat: "pm25_ugm3", "over": "10m"}, "raise": level})
    values = data.draw(st.lists(st.integers(0, 200), min_size=20, max_size=90))
    run(engine, rows(values), chunk=data.draw(st.integers(1, 9)))
    reel = engine.reel(AIR)
    spec, slept = reel.plan.watches[0].spec, reel.rest
    asked = range(T0 - MINUTE_MS, T0 + len(values) * STEP + MINUTE_MS, 17_000)
    asleep = [reel.at(spec, time_ms) for time_ms in asked]
    assert reel.rest is slept
    reel.wake()
    assert [reel.at(spec, time_ms) for time_ms in asked] == asleep


def test_a_quantity_that_a_resting_series_never_had_wakes_it():
    engine = engine_of({}, {"window": {"last": "pm10_ugm3"}, "raise": "> 150"})
    run(engine, rows([20.0] * 6))
    at = T0 + 6 * STEP
    engine.observe(AIR, [at], {"pm25_ugm3": [20.0], "pm10_ugm3": [200.0]}, at)
    assert [(each.rule, each.state) for each in engine.tick(at)] == [("rule-1", "firing")]


def test_what_is_saved_of_a_resting_series_holds_every_reading():
    engine = engine_of({"window": {"count": "pm25_ugm3", "over": "10m", "complete": "99%"}, "raise": "> 100000"})
    run(engine, rows([20.0] * 30), chunk=3)
    saved = engine.snapshot()[str(Series.of(AIR.kind, AIR.labels()))]["live"]
    assert saved["head"] == T0 + 29 * STEP
    assert engine.reel(AIR).windows[0].value() == 30


@pytest.mark.parametrize("rest_ms", [0, 60_000, 120_000, 180_000, 600_000])
@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_a_series_keeps_some_minutes_of_readings_however_long_it_rests(rest_ms, chunk):
    engine, times = engine_of({"raise": "> 75"}), [T0 + n * 5_000 for n in range(3_000)]
    kept = []
    with patch.object(rest, "REST_MS", rest_ms):
        for first in range(0, len(times), chunk):
            part = times[first : first + chunk]
            engine.observe(AIR, part, {"pm25_ugm3": [20.0] * len(part)}, part[-1])
            if first % 11 == 0:
                engine.reel(AIR).wake()
            kept.append(len(engine.reel(AIR).recent.times))
    assert max(kept) <= (rest_ms + 3 * LATENESS_MS) // 5_000 + chunk


def test_a_reel_at_rest_remembers_one_rest_and_what_ends_it():
    engine, most = engine_of({}), 0
    for part in range(400):
        run(engine, rows([10] * 6, T0 + part * 6 * STEP), chunk=6)
        most = max(most, len(engine.reel(AIR).recent.times))
    assert most <= rest.REST_MS // STEP + 6
