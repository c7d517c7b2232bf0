"""Killed and begun again amid stalls and readings out of order, the rules say nothing twice to people."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from collector.rules.engine import Engine, Expected
from collector.rules.lateness import LATENESS_MS
from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import Transition

T0 = 1_790_000_000_000
STEP_MS = 500
SERIES = Series("air_quality", "jianguo", "lp-0017", "air-1")
INVENTORY = [Expected(SERIES, 1000)]
(RULE,) = parse(
    [
        {
            "alert": "high",
            "kind": "air_quality",
            "window": {"last": "pm25_ugm3"},
            "raise": "> 75",
            "clear": "< 60",
            "severity": "major",
            "text": {"zh": "高", "en": "high"},
        }
    ]
)
Reading = tuple[int, float]


def readings(dice: random.Random, count: int) -> list[Reading]:
    """Episodes of 5 to 45 s."""
    found: list[Reading] = []
    value = 90.0
    while len(found) < count:
        value = 100.0 - value
        found += [(T0 + STEP_MS * (len(found) + n), value) for n in range(dice.randrange(10, 90))]
    return found[:count]


def arrivals(dice: random.Random, count: int) -> Iterator[tuple[int, Reading]]:
    """When each reading comes: some a little late, some after a stall of up to half a minute, now and then shuffled."""
    waiting: list[Reading] = []
    stalled_until = 0
    for number, reading in enumerate(readings(dice, count)):
        waiting.append(reading)
        if number >= stalled_until and dice.random() < 0.01:
            stalled_until = number + dice.randrange(2, 60)
        if number < stalled_until:
            continue
        come = [each for each in waiting if dice.random() < 0.85]
        if dice.random() < 0.2:
            dice.shuffle(come)
        waiting = [each for each in waiting if each not in come]
        yield from ((T0 + STEP_MS * number + 100, each) for each in come)


class Lives:
    """An engine that is killed, and what stays: the database, the saved state, and what was written down as said."""

    def __init__(self) -> None:
        self.stored: list[Reading] = []
        self.saved: dict[str, Any] = {}
        self.said: dict[tuple[str, str, int], bool] = {}  # and whether as history
        self.twice: list[Transition] = []
        self.engine = Engine.restore([RULE], {}, INVENTORY, T0)

    def take(self, reading: Reading, now_ms: int) -> None:
        self.stored.append(reading)
        self._observe([reading], now_ms)
        self._hear(now_ms, caught_up=False)

    def save(self) -> None:
        self.saved |= json.loads(json.dumps(self.engine.changes(500)))

    def begin_again(self, now_ms: int) -> None:
        self.engine = Engine.restore([RULE], self.saved, INVENTORY, now_ms)
        since_ms = (self.engine.head_ms(SERIES) or 0) - LATENESS_MS
        self._observe(sorted(each for each in self.stored if each[0] >= since_ms), now_ms)
        self._hear(now_ms, caught_up=True)

    def _observe(self, rows: list[Reading], now_ms: int) -> None:
        times, values = [time_ms for time_ms, _ in rows], [value for _, value in rows]
        self.engine.observe(SERIES, times, {"pm25_ugm3": values}, now_ms)

    def _hear(self, now_ms: int, caught_up: bool) -> None:
        """What is history, or comes of a catch-up, is told when it was not written down; all else is told."""
        for each in self.engine.tick(now_ms):
            name = each.key, each.state, each.event_ms
            is_known = name in self.said and self.said[name] <= each.late
            if is_known and not (each.late or caught_up):
                self.twice.append(each)
            self.said[name] = each.late
            if each.void:
                self.said = {known: late for known, late in self.said.items() if known[0] != each.key}


@pytest.mark.parametrize("seed", [5, 19, *range(100, 110)])
def test_nothing_is_told_twice(seed: int) -> None:
    dice, lives = random.Random(seed), Lives()
    for now_ms, reading in arrivals(dice, 900):
        if dice.random() < 0.02:
            lives.begin_again(now_ms)
            if dice.random() < 0.7:
                lives.save()
        lives.take(reading, now_ms)
        if dice.random() < 0.1:
            lives.save()
    assert [(each.state, each.start_ms - T0) for each in lives.twice] == []
