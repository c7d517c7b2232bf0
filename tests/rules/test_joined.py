"""Rules over several series are decided on whole minutes, whoever reported first."""

import random
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.rules import joined
from collector.rules.engine import Engine, Expected
from collector.rules.parsing import parse
from collector.rules.series import Series
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

T0 = 1_790_000_000_000 // DAY_MS * DAY_MS
TEXT = {"zh": "异常", "en": "odd"}


def air(node):
    return Series.of("air_quality", {"site": "s", "node": node, "sensor": "air-1"})


def weather(node):
    return Series.of("weather", {"site": "s", "node": node, "sensor": "met-1"})


def flow(node):
    return Series.of("traffic_flow", {"site": "s", "node": node, "sensor": "radar-1", "lane": "1", "direction": "in"})


def run(rule, feeds, minutes, *, shuffle=None, step=MINUTE_MS):
    """`feeds` maps a series to (field, value at a minute); one reading a step each."""
    engine = Engine(parse([{"alert": "odd", "text": TEXT} | rule]))
    engine.expect([Expected(each, step) for each in feeds], T0)
    said = []
    for i in range(minutes):
        now = T0 + i * step
        order = list(feeds.items())
        if shuffle is not None:
            shuffle.shuffle(order)
        for series, (field, value) in order:
            engine.observe(series, [now], {field: [value(i)]}, now)
        said += engine.tick(now)
    return said


def test_a_clock_that_was_hours_ahead_and_is_set_back_keeps_no_station_from_being_compared():
    """For all the hours that it was ahead, every minute counted as decided; also after a restart."""
    window = {"mean": "pm25_ugm3", "over": "10m", "versus": "neighbours"}
    rules = parse([{"alert": "odd", "text": TEXT, "kind": "air_quality", "window": window, "raise": "> 50%"}])
    nodes = [air(f"lp-{n}") for n in range(3)]
    engine, said = Engine(rules), []
    engine.expect([Expected(each, MINUTE_MS) for each in nodes], T0)
    for minute in range(40):
        now = T0 + minute * MINUTE_MS + (8 * HOUR_MS if minute < 20 else 0)
        for node in nodes:
            value = 90.0 if node == nodes[0] and minute >= 20 else 40.0
            engine.observe(node, [T0 + minute * MINUTE_MS], {"pm25_ugm3": [value]}, now)
        said += engine.tick(now)
        if minute == 19:
            engine = Engine.restore(rules, engine.snapshot(), [Expected(each, MINUTE_MS) for each in nodes], now)
    assert [(each.state, each.labels["node"]) for each in said] == [("firing", "lp-0")]


def test_a_sensor_that_leaves_its_neighbours_is_told_and_they_are_not():
    rule = {
        "kind": "air_quality",
        "window": {"mean": "pm25_ugm3", "over": "10m", "versus": "neighbours"},
        "raise": "> 50%",
    }
    feeds = {air(f"lp-{n}"): ("pm25_ugm3", lambda i, n=n: 90.0 if n == 0 and i > 60 else 40.0 + n) for n in range(4)}
    said = run(rule, feeds, 120)
    assert [(t.state, t.labels["node"]) for t in said] == [("firing", "lp-0")]
    assert "%" in said[0].text_en
    assert [t.key for t in run(rule, feeds, 120, shuffle=random.Random(5))] == [t.key for t in said]


def test_a_drop_against_the_same_hour_last_week():
    rule = {
        "kind": "traffic_flow",
        "window": {"mean": "flow_vph", "over": "1h", "versus": "last-week"},
        "raise": "< -60%",
    }
    per_hour = 4
    week = 7 * 24 * per_hour

    def value(i):
        return 100.0 if i >= week + 8 * per_hour else 200.0 + 100 * (i // per_hour % 24)

    said = run(rule, {flow("lp-1"): ("flow_vph", value)}, week + 24 * per_hour, step=HOUR_MS // per_hour)
    assert [t.state for t in said] == ["firing"]
    assert (said[0].start_ms - T0) / HOUR_MS == 7 * 24 + 9  # the first whole hour of the drop has ended


def test_a_condition_on_another_kind_at_the_same_node():
    wet = {"kind": "weather", "window": {"mean": "rh_pct", "over": "10m"}, "raise": "> 90"}
    rule = {"kind": "air_quality", "window": {"mean": "pm25_ugm3", "over": "10m"}, "raise": "> 75", "unless": wet}
    feeds = {
        air("lp-1"): ("pm25_ugm3", lambda _: 100.0),
        weather("lp-1"): ("rh_pct", lambda i: 95.0 if i < 60 else 50.0),
        weather("lp-2"): ("rh_pct", lambda _: 95.0),
    }
    (fired,) = run(rule, feeds, 90)
    assert (fired.labels["node"], (fired.event_ms - T0) // MINUTE_MS) == ("lp-1", 62)
    assert run({**rule, "unless": None, "and": wet}, feeds, 50)[0].state == "firing"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.data())
def test_the_middle_of_the_others_is_their_median(values, data):
    own = data.draw(st.sampled_from(values))
    others = list(values)
    others.remove(own)
    assert joined._middle_of_others(sorted(values), own) == (median(others) if others else None)


def test_a_station_is_compared_with_series_of_its_own_tags_and_kind_at_its_own_site():
    rule = {
        "kind": "traffic_flow",
        "window": {"mean": "flow_vph", "over": "10m", "versus": "neighbours"},
        "raise": "> 50%",
    }

    def lane(node, number, site="s"):
        tags = {"site": site, "node": node, "sensor": "radar-1", "lane": number, "direction": "in"}
        return Series.of("traffic_flow", tags)

    def of(level):
        return "flow_vph", lambda _: level

    feeds = {
        lane("lp-1", "1"): of(100.0),  # twice its neighbour: told
        lane("lp-2", "1"): of(50.0),
        lane("lp-1", "2"): of(900.0),  # alone with its lane number
        lane("lp-3", "1", "other"): of(10.0),  # alone at its site
        air("lp-1"): ("pm25_ugm3", lambda _: 1.0),
    }
    assert [(each.labels["node"], each.labels["lane"]) for each in run(rule, feeds, 30)] == [("lp-1", "1")]


@pytest.mark.parametrize(
    ("kind", "field", "tags", "interval", "over", "delay"),
    [
        ("traffic_flow", "speed_tms_kmh", {"lane": "1", "direction": "in"}, 5, "5m", 5),
        ("traffic_flow", "speed_tms_kmh", {"lane": "1", "direction": "in"}, 5, "10m", 5),
        ("traffic_flow", "speed_tms_kmh", {"lane": "1", "direction": "in"}, 1, "5m", 1),
        ("air_quality", "pm25_ugm3", {}, 5, "10m", 0),
        ("air_quality_1h", "pm25_ugm3_mean", {}, 60, "1h", 63),
        ("air_quality_1h", "pm25_ugm3_mean", {}, 60, "3h", 70),
    ],
)
@pytest.mark.parametrize("holds", ["0s", "3h"])
def test_rows_that_come_when_their_time_is_over_are_compared_too(kind, field, tags, interval, over, delay, holds):
    """Three times its neighbours, from the first row on and without a gap, however few rows a window has."""
    all_series = [Series.of(kind, {"site": "s", "node": f"lp-{n}", "sensor": "x", **tags}) for n in range(3)]
    window = {"mean": field, "over": over, "versus": "neighbours"}
    rule = {"alert": "odd", "kind": kind, "window": window, "raise": "> 50%", "for": holds, "text": TEXT}
    engine = Engine(parse([rule]))
    engine.expect([Expected(each, interval * MINUTE_MS) for each in all_series], T0)
    said = []
    for minute in range(12 * 60):
        now = T0 + minute * MINUTE_MS
        if minute >= delay and (minute - delay) % interval == 0:
            for n, series in enumerate(all_series):
                engine.observe(series, [now - delay * MINUTE_MS], {field: [30.0 if n else 90.0]}, now)
        said += engine.tick(now)
    assert [(each.state, each.labels["node"]) for each in said] == [("firing", "lp-0")]


@pytest.mark.parametrize("interval", [1, 5])
def test_a_drop_against_last_week_holds_for_hours_at_any_interval(interval):
    series = flow("lp-0")
    window = {"sum": "count", "over": "1h", "versus": "last-week"}
    rule = {"alert": "odd", "kind": "traffic_flow", "window": window, "raise": "< -50%", "for": "2h", "text": TEXT}
    engine = Engine(parse([rule]))
    engine.expect([Expected(series, interval * MINUTE_MS)], T0)
    said = []
    for minute in range(interval, 8 * 24 * 60):
        now = T0 + minute * MINUTE_MS
        if minute % interval == 0:
            count = (2 if minute - interval >= 7 * 24 * 60 else 10) * interval
            engine.observe(series, [now - interval * MINUTE_MS], {"count": [count]}, now)
        said += engine.tick(now)
    assert [(each.state, (each.event_ms - T0) // HOUR_MS) for each in said] == [("firing", 7 * 24 + 3)]


@pytest.mark.parametrize(("zone", "moved"), [("Europe/Berlin", "2026-10-25"), ("Europe/Berlin", "2027-03-28")])
def test_last_week_is_what_the_clock_said_also_where_clocks_were_moved(zone, moved):
    """People get up by the clock: the street at six was compared with that at seven, each morning for a week."""
    rule = {
        "kind": "traffic_flow",
        "window": {"sum": "count", "over": "15m", "versus": "last-week"},
        "raise": "< -40%",
        "hours": {"from": "00:00", "to": "24:00", "zone": zone},
    }
    series, clock = flow("lp-1"), ZoneInfo(zone)
    first = round(datetime.fromisoformat(f"{moved}T00:00:00").replace(tzinfo=clock).timestamp() * 1000) - 6 * DAY_MS
    engine = Engine(parse([{"alert": "odd", "text": TEXT} | rule]))
    engine.expect([Expected(series, 15 * MINUTE_MS)], first)
    said, quarter = [], 15 * MINUTE_MS
    for now in range(first, first + 10 * DAY_MS, quarter):
        hour = datetime.fromtimestamp((now - quarter) / 1000, clock).hour
        engine.observe(series, [now - quarter], {"count": [2 ** min(hour, 23 - hour)]}, now)
        said += engine.tick(now)
    assert said == []
