"""Silence and neighbours, reckoned once more from what docs/alerts.md says and in full at every step, are as told."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.rules.engine import Engine, Expected
from collector.rules.fields import OWN_LINK
from collector.rules.lateness import LATENESS_MS
from collector.rules.parsing import parse
from collector.rules.rule import STORE_LINK
from collector.rules.series import Series
from collector.rules.transition import Transition
from wire.times import MINUTE_MS

T0 = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS
TICK_MS = 10_000
TEXT = {"zh": "异常", "en": "odd"}
Said = tuple[str, str, str, int]
"""Rule, state, node and sensor, and when."""


def air(node: str, sensor: str = "air-1") -> Series:
    return Series.of("air_quality", {"site": "s", "node": node, "sensor": sensor})


def told(said: list[Transition]) -> Counter[Said]:
    return Counter((t.rule, t.state, t.labels["node"] + t.labels.get("sensor", ""), t.event_ms) for t in said)


@dataclass
class State:
    """Of one rule on one series: since when it is raised, or clear, and the newest sign of life while it fires."""

    raised_ms: int | None = None
    fires: bool = False
    clear_ms: int | None = None
    life_ms: int = 0


# Silence


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_who_is_silent_and_which_link_is_down(seed: int) -> None:
    dice = random.Random(seed)
    absent_s, offline_s = dice.choice((60, 120, 600)), dice.choice((0, 60, 300))
    keep_s = dice.choice((0, 60, 180))
    silent = {"alert": "silent", "kind": "air_quality", "absent": f"{absent_s}s", "keep_firing_for": f"{keep_s}s"}
    lost = {"alert": "lost", "kind": "node_health", "offline": f"{offline_s}s"}
    engine = Engine(parse([silent | {"text": TEXT}, lost | {"text": TEXT}]))
    sensors = [air(node, sensor) for node in ("lp-0", "lp-1") for sensor in ("air-0", "air-1")]
    engine.expect([Expected(each, TICK_MS) for each in sensors], T0)
    said: list[Transition] = []
    due: list[Said] = []
    is_up = dict.fromkeys(("lp-0", "lp-1", OWN_LINK, STORE_LINK), True)
    since_ms = dict.fromkeys(is_up, T0)
    alive = {each: dice.random() < 0.8 for each in sensors}
    newest = dict.fromkeys(sensors, T0)
    of_sensor, of_node = {each: State() for each in sensors}, {node: State() for node in ("lp-0", "lp-1")}
    for now_ms in range(T0, T0 + dice.randint(60, 400) * TICK_MS, TICK_MS):
        for link in is_up:
            if dice.random() < (0.02 if is_up[link] else 0.15):
                is_up[link], since_ms[link] = not is_up[link], now_ms
                engine.node_state(link, is_up[link], now_ms)
        for each in sensors:
            alive[each] ^= dice.random() < 0.03
            hears = (is_up[each.node], is_up[OWN_LINK], is_up[STORE_LINK])
            state, time_ms = of_sensor[each], now_ms - dice.choice((0, 1_000, 3_000))
            if all(hears) and alive[each] and time_ms > newest[each]:
                engine.observe(each, [time_ms], {"pm25_ugm3": [5.0]}, now_ms)
                newest[each] = time_ms
                if state.fires:
                    is_back = state.clear_ms is not None and time_ms - state.life_ms <= absent_s * 1000
                    state.clear_ms, state.life_ms = state.clear_ms if is_back else time_ms, time_ms
                    assert state.clear_ms is not None
                    if time_ms - state.clear_ms >= keep_s * 1000:
                        of_sensor[each] = State()
                        due.append(("silent", "resolved", each.node + each.sensor, time_ms))
            heard_ms = max(newest[each], *(since_ms[link] for link in (each.node, OWN_LINK, STORE_LINK)))
            fires_ms = heard_ms + absent_s * 1000
            if all(hears) and not of_sensor[each].fires and fires_ms <= now_ms:
                of_sensor[each] = State(fires=True, life_ms=fires_ms)
                due.append(("silent", "firing", each.node + each.sensor, fires_ms))
        for node, state in of_node.items():
            fires_ms = max(since_ms[node], since_ms[OWN_LINK]) + offline_s * 1000
            if state.fires and is_up[node]:
                state.fires = False
                due.append(("lost", "resolved", node, since_ms[node]))
            elif not state.fires and not is_up[node] and is_up[OWN_LINK] and fires_ms <= now_ms:
                state.fires = True
                due.append(("lost", "firing", node, fires_ms))
        said += engine.tick(now_ms)
    assert told(said) == Counter(due)


# Neighbours


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_who_leaves_its_neighbours(seed: int) -> None:
    dice = random.Random(seed)
    nodes = [f"lp-{n}" for n in range(dice.randint(1, 5))]
    near = {node: tuple(each for each in nodes if each != node and dice.random() < 0.6) for node in nodes}
    step_ms, over = dice.choice((10_000, 30_000, 60_000)), dice.choice((5, 10, 60))
    complete, hold, keep = dice.choice((30, 75, 100)), dice.choice((0, 0, 2, 5)), dice.choice((0, 0, 3, 7))
    level, back, percent = dice.choice((5, 20, 50)), dice.choice((0, 3)), dice.choice(("", "%"))
    window = {"mean": "pm25_ugm3", "over": f"{over}m", "versus": "neighbours", "complete": f"{complete}%"}
    times = {"for": f"{hold}m", "keep_firing_for": f"{keep}m"}
    levels = {"raise": f"> {level}{percent}", "clear": f"< {level - back}{percent}"}
    rule = {"alert": "odd", "kind": "air_quality", "window": window, "text": TEXT} | times | levels
    air_of = {node: some_air(dice, step_ms, dice.randint(30, 120)) for node in nodes}
    engine = Engine(parse([rule]))
    engine.expect([Expected(air(node), step_ms, {}, near[node]) for node in nodes], T0)
    said = played(engine, dice, air_of)

    def mean(node: str, at_ms: int) -> float | None:
        """Of a window whose time is over, if enough of it is there."""
        width_ms = over * 1_000 if over == 60 else over * 3_000
        end_ms = at_ms // width_ms * width_ms
        there = [value for time, value in air_of[node].items() if end_ms - over * MINUTE_MS <= time < end_ms]
        whole = len(there) * step_ms * 100 >= complete * over * MINUTE_MS
        return round(fmean(there), 6) if there and whole else None

    def difference(node: str, at_ms: int) -> float | None:
        own = mean(node, at_ms)
        others = [mean(each, at_ms) for each in near[node] or [each for each in nodes if each != node]]
        middle = median([value for value in others if value is not None] or [-1.0])
        if own is None or middle < 0 or (percent and middle == 0):
            return None
        return round(100 * (own - middle) / middle if percent else own - middle, 6)

    due, states = [], {node: State() for node in nodes}
    for at_ms in range(T0, max(max(each, default=T0) for each in air_of.values()) + 5 * MINUTE_MS, MINUTE_MS):
        for node, state in states.items():
            value = difference(node, at_ms)
            if not state.fires:
                is_raised = value is not None and value > level
                state.raised_ms = (state.raised_ms or at_ms) if is_raised else None
                if state.raised_ms is not None and at_ms - state.raised_ms >= hold * MINUTE_MS:
                    states[node] = State(fires=True)
                    due.append(("odd", "firing", node + "air-1", at_ms))
            elif value is not None:
                state.clear_ms = (state.clear_ms or at_ms) if value < level - back else None
                if state.clear_ms is not None and at_ms - state.clear_ms >= keep * MINUTE_MS:
                    states[node] = State()
                    due.append(("odd", "resolved", node + "air-1", at_ms))
    assert told(said) == Counter(due)


def some_air(dice: random.Random, step_ms: int, minutes: int) -> dict[int, float]:
    """Readings that jump now and then, with gaps."""
    found: dict[int, float] = {}
    value, is_away = dice.choice((0.0, 20.0, 50.0)), False
    for time_ms in range(T0, T0 + minutes * MINUTE_MS, step_ms):
        is_away ^= dice.random() < 0.02
        value += dice.choice((-30, -10, 30, 60)) if dice.random() < 0.03 else 0
        if not is_away:
            found[time_ms] = round(max(value + 4 * dice.random(), 0), 2)
    return found


def played(engine: Engine, dice: random.Random, air_of: dict[str, dict[int, float]]) -> list[Transition]:
    """What is said while the readings come, each at most a lateness after its time, and for as long after the last."""
    left: list[tuple[int, str, int]] = sorted(
        (time_ms + dice.choice((0, 0, 20_000, 90_000)), node, time_ms) for node in air_of for time_ms in air_of[node]
    )
    said: list[Transition] = []
    last_ms = max((time_ms for _, _, time_ms in left), default=T0)
    for now_ms in range(T0, last_ms + 5 * MINUTE_MS + LATENESS_MS, TICK_MS):
        rows: dict[str, list[int]] = {}
        while left and left[0][0] <= now_ms:
            _, node, time_ms = left.pop(0)
            rows.setdefault(node, []).append(time_ms)
        for node in dice.sample([*rows], len(rows)):
            columns: dict[str, list[Any]] = {"pm25_ugm3": [air_of[node][time_ms] for time_ms in sorted(rows[node])]}
            engine.observe(air(node), sorted(rows[node]), columns, now_ms)
        said += engine.tick(now_ms)
    return said
