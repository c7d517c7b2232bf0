"""A window over buckets agrees with the readings it stands for, by whichever road it came there."""

import json
import math
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.rules.present import Present
from collector.rules.rule import Spec
from collector.rules.statistic import window
from collector.rules.window import bucket_ms
from wire.times import HOUR_MS, MINUTE_MS

T0 = 1_790_000_000_000 // HOUR_MS * HOUR_MS
HALF_OF_LAST = 0.5000001e-6  # six decimals are told
STATS = ("mean", "min", "max", "sum", "count", "range", "change", "p85")


def test_the_mean_of_sound_levels_is_that_of_their_energies():
    """Leq (ISO 1996-1): a minute of 80 dB and nine of 60 dB are 70.4 dB; the arithmetic mean would say 62."""
    spec = Spec("mean", "noise_db", 10 * MINUTE_MS)
    readings = [(T0 + n * MINUTE_MS, 80.0 if n == 4 else 60.0) for n in range(10)]
    assert fed(spec, readings).value() == pytest.approx(10 * math.log10((1e8 + 9e6) / 10), abs=1e-6)
    later = [(T0 + n * MINUTE_MS, 30.0) for n in range(10, 30)]
    assert fed(spec, [*readings[:5], (T0 + 5 * MINUTE_MS, 160.0), *later]).value() == pytest.approx(30.0)
    whole = window(spec, 600_000)
    whole.feed(Present([t for t, _ in readings], [v for _, v in readings]))
    assert whole.value() == fed(spec, readings).value()
    assert window(spec, 0).value() is None


def fed(spec, readings, reach_ms=600_000):
    made = window(spec, reach_ms)
    for time_ms, value in readings:
        made.roll(time_ms)
        made.add(time_ms, value)
    return made


def truth(stat, values):
    if stat == "p85":
        values = sorted(values)
        return statistics.quantiles(values, n=20, method="inclusive")[16] if len(values) > 1 else values[0]
    made: dict[str, Callable[[list[float]], float]] = {
        "mean": lambda v: sum(v) / len(v),
        "min": min,
        "max": max,
        "sum": sum,
        "count": len,
        "range": lambda v: max(v) - min(v),
        "change": lambda v: v[-1] - v[0],
    }
    return made[stat](values)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(STATS),
    st.sampled_from([10 * MINUTE_MS, HOUR_MS, 90_000]),
    st.lists(st.tuples(st.integers(1, 400), st.integers(-500, 500)), min_size=1, max_size=120),
)
def test_a_window_holds_the_readings_of_its_buckets(stat, over_ms, steps):
    spec = Spec(stat, "pm25_ugm3", over_ms)
    width = bucket_ms(spec)
    readings, time_ms = [], T0
    for step, value in steps:
        time_ms += step * width // 10
        readings.append((time_ms, value / 4))
    first = time_ms // width * width - over_ms + width
    inside = {(t * 10 // width if stat == "p85" else t): v for t, v in readings if t >= first}
    assert fed(spec, readings).value() == pytest.approx(truth(stat, list(inside.values())), abs=HALF_OF_LAST)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STATS), st.lists(st.integers(1, 90), min_size=3, max_size=80), st.data())
def test_wound_back_and_fed_again_nothing_differs(stat, steps, data):
    spec = Spec(stat, "pm25_ugm3", 10 * MINUTE_MS)
    times = [T0 + 1000 * sum(steps[: i + 1]) for i in range(len(steps))]
    readings = [(t, (t // 1000) % 17 / 3) for t in times]
    near = [i for i, t in enumerate(times) if t > times[-1] - 600_000]
    cut = data.draw(st.sampled_from(near))
    straight = fed(spec, readings)
    wound = fed(spec, readings[:cut])
    mark = wound.mark()
    for time_ms, value in [(t, v + 1) for t, v in readings[cut:]]:
        wound.roll(time_ms)
        wound.add(time_ms, value)
    wound.rewind(mark)
    for time_ms, value in readings[cut:]:
        wound.roll(time_ms)
        wound.add(time_ms, value)
    assert wound.value() == straight.value()
    assert wound.share(times[-1], 10_000) == straight.share(times[-1], 10_000)


def test_completeness_counts_readings_against_those_expected():
    spec = Spec("mean", "pm25_ugm3", HOUR_MS)
    half = fed(spec, [(T0 + i * 10_000, 5.0) for i in range(180)])
    last = T0 + 179 * 10_000
    assert half.share(last, 10_000) == pytest.approx(0.5, abs=0.02)
    assert half.share(last, None) == pytest.approx(0.5, abs=0.02)
    whole = fed(spec, [(T0 + i * 10_000, 5.0) for i in range(720)])
    assert whole.share(T0 + 719 * 10_000, 10_000) == 1.0


def test_a_late_reading_completes_the_bucket_it_belongs_to():
    spec = Spec("sum", "count", HOUR_MS)
    made = fed(spec, [(T0 + i * MINUTE_MS, 1.0) for i in range(60) if i != 30])
    made.patch(Present([T0 - 5 * HOUR_MS, T0 + 30 * MINUTE_MS], [1.0, 1.0]))
    assert made.value() == 60


@given(st.data(), st.sampled_from(["mean", "sum", "count", "max", "min", "range"]))
def test_a_window_that_got_some_readings_too_late_is_the_one_that_got_all_in_order(data, stat):
    spec = Spec(stat, "pm25_ugm3", HOUR_MS)
    readings = [(T0 + i * 20_000, float(i % 11)) for i in range(240)]
    late = set(data.draw(st.lists(st.sampled_from(readings[:-1]), unique=True, min_size=1)))
    made = fed(spec, [each for each in readings if each not in late])
    times, values = zip(*sorted(late), strict=True)
    made.patch(Present(list(times), list(values)))
    straight = fed(spec, readings)
    last_ms = readings[-1][0]
    assert (made.value(), made.share(last_ms, 20_000)) == (straight.value(), straight.share(last_ms, 20_000))
    assert made.at(last_ms - 300_000, 20_000) == straight.at(last_ms - 300_000, 20_000)


@pytest.mark.parametrize("reach_ms", [600_000, 0, 2 * HOUR_MS])
@pytest.mark.parametrize("stat", [*STATS, "last"])
def test_packed_and_unpacked_a_window_goes_on_also_in_a_version_that_looks_back_further_or_less_far(stat, reach_ms):
    spec = Spec(stat, "pm25_ugm3", 0 if stat == "last" else HOUR_MS)
    readings = [(T0 + i * 20_000, float(i % 7)) for i in range(400)]
    made = fed(spec, readings[:300])
    twin = window(spec, reach_ms)
    twin.unpack(json.loads(json.dumps(made.packed(), allow_nan=False)))
    for time_ms, value in readings[300:]:
        for each in (made, twin):
            each.roll(time_ms)
            each.add(time_ms, value)
        least = time_ms - min(reach_ms, 600_000)
        assert stat == "last" or twin.at(least, 20_000) == made.at(least, 20_000)
    assert twin.value() == made.value() is not None


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(("mean", "min", "max", "range", "last", "sum", "count")),
    st.lists(st.integers(0, 20), min_size=0, max_size=20),
    st.lists(st.integers(-3, 20), min_size=1, max_size=9),
)
def test_what_is_said_to_stay_within_does(stat, before, values):
    spec = Spec(stat, "pm25_ugm3", 0 if stat == "last" else HOUR_MS)
    made = fed(spec, [(T0 + i * 1000, float(v)) for i, v in enumerate(before)])
    made.roll(T0 + 30_000)
    rows = Present([T0 + 30_000 + i for i in range(len(values))], [float(v) for v in values])
    sure = made.within(rows, 5.5, 14.5)
    for i, value in enumerate(values):
        made.add(T0 + 30_000 + i, float(value))
        assert not sure or 5.5 < made.value() < 14.5


@settings(max_examples=80, deadline=None)
@given(st.sampled_from((None, 1000, 10_000)), st.integers(0, 300), st.integers(1, 60))
def test_no_share_exceeds_what_was_said_to_be_the_most(interval_ms, before, more):
    made = fed(Spec("mean", "pm25_ugm3", HOUR_MS), [(T0 + i * 10_000, 1.0) for i in range(before)])
    first_ms = T0 + before * 10_000
    made.roll(first_ms)
    times = [at for i in range(more) if (at := first_ms + i * 1000) < made.end_ms]
    most = made.share_at_most(len(times), first_ms, interval_ms)
    for time_ms in times:
        made.add(time_ms, 1.0)
        assert made.share(time_ms, interval_ms) <= most
