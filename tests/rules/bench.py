"""An engine of one series, and what it is fed."""

import random

from collector.rules.engine import Engine, Expected
from collector.rules.episode import episodes
from collector.rules.lateness import LATENESS_MS
from collector.rules.parsing import parse
from collector.rules.series import Series
from wire.times import HOUR_MS

T0 = 1_790_000_000_000 // HOUR_MS * HOUR_MS

AIR = Series.of("air_quality", {"site": "jianguo-rd", "node": "lp-0017", "sensor": "air-1"})

STEP = 10_000


def rules(*changes):
    plain = {
        "alert": "pm25-high",
        "kind": "air_quality",
        "window": {"last": "pm25_ugm3"},
        "raise": "> 75",
        "text": {"zh": "PM2.5 过高", "en": "PM2.5 too high"},
    }
    return parse([plain | {"alert": f"rule-{i}"} | change for i, change in enumerate(changes)])


def rows(values, start=T0, step=STEP):
    return [(start + i * step, float(v)) for i, v in enumerate(values)]


def run(engine, readings, *, age_ms=0, chunk=1):
    """Feed readings in the order given, `chunk` rows at a time; the transitions."""
    said, head = [], 0
    for i in range(0, len(readings), chunk):
        part = readings[i : i + chunk]
        head = max(head, part[-1][0])
        engine.observe(AIR, [t for t, _ in part], {"pm25_ugm3": [v for _, v in part]}, head + age_ms)
        said += engine.tick(head + age_ms)
    return said


def engine_of(*changes, interval_ms=STEP):
    engine = Engine(rules(*changes))
    engine.expect([Expected(AIR, interval_ms)], T0)
    return engine


def outcome(transitions):
    return [each._replace(late=False) for each in episodes(transitions)]


def within_lateness(readings, seed):
    """A random order of arrival in which no reading is older than the newest less the lateness."""
    dice, left, order, head = random.Random(seed), list(readings), [], 0
    while left:
        near = [r for r in left[:14] if r[0] <= left[0][0] + LATENESS_MS]
        pick = dice.choice(near if dice.random() < 0.7 else near[:1])
        left.remove(pick)
        order.append(pick)
        head = max(head, pick[0])
    assert all(t >= max(u for u, _ in order[: i + 1]) - LATENESS_MS for i, (t, _) in enumerate(order))
    return order


MANY = (
    {"for": "30s", "clear": "< 60"},
    {"window": {"mean": "pm25_ugm3", "over": "5m", "complete": "60%"}, "raise": "> 60", "clear": "< 40"},
    {"window": {"mean": "pm25_ugm3", "over": "10m", "complete": "90%"}, "raise": "< 30", "keep_firing_for": "1m"},
    {
        "window": {"max": "pm25_ugm3", "over": "2m"},
        "and": {"window": {"min": "pm25_ugm3", "over": "2m"}, "raise": "> 20"},
    },
    {"window": {"sum": "pm25_ugm3", "over": "2m"}, "raise": "> 700"},
    {"window": {"count": "pm25_ugm3", "over": "2m"}, "raise": "> 11"},
    {"window": {"range": "pm25_ugm3", "over": "5m"}, "raise": "< 1"},
    {"window": {"change": "pm25_ugm3", "over": "2m"}, "raise": "> 30", "clear": "< -30"},
)
