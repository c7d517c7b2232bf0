"""A sensor that was set to report more seldom than its model does is judged by what it was set to."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from collector.rules.backtest import backtest
from collector.rules.engine import Expected
from collector.rules.explanation import explain
from collector.rules.parsing import parse
from collector.rules.rhythm import Rhythm
from collector.rules.series import Series
from tests.alerts.desk import HOURLY, T0, Desk, node
from tests.closes import Closes
from wire.status import Sensor

AIR = Series("air_quality", "east", "lp-1", "air-1")
MODEL = [Expected(AIR, 1_000)]


def told(rhythm: Rhythm) -> int:
    (found,) = rhythm.of(MODEL)
    return found.interval_ms


@pytest.mark.parametrize(("every_s", "model"), [(60, "plantower-pms5003@1"), (300, "my-own@1"), (145, "airrohr@1")])
def test_its_windows_are_complete_and_its_rules_fire(every_s: int, model: str, tmp_path: Path, closes: Closes) -> None:
    """The share of an hour that was there was a sixtieth, and no rule on a mean ever told anybody of it.

    Nor of one whose model nobody here knows, as a citizen's.
    """
    desk, known = Desk(tmp_path, HOURLY), node()
    desk.nodes = [known._replace(birth=replace(known.birth, sensors=(Sensor("air-1", model),)))]
    desk.die()
    closes(desk).tick()
    for at_s in range(0, 4_500, every_s):
        desk.now_ms = T0 + 1000 * at_s
        desk.reading(100.0)
        desk.tick()
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]


def test_a_backtest_and_an_explanation_see_it_as_well() -> None:
    times = list(range(T0, T0 + 7_200_000, 60_000))
    parts = [(times[at : at + 5], {"pm25_ugm3": [100.0] * 5}) for at in range(0, 120, 5)]
    (rule,) = rules = parse([HOURLY])
    (found,) = backtest(rules, [(AIR, *part) for part in parts], MODEL)
    assert found.pages == 1
    why = explain(rule, AIR, parts, times[-1], 1_000)
    assert (why.state, why.share > 0.9) == ("firing", True)


def at_random(step_ms: int, kept: float) -> list[int]:
    luck = random.Random(5)
    return [T0 + n * step_ms for n in range(2_000) if luck.random() < kept]


@pytest.mark.parametrize(
    ("times", "interval_ms"),
    [
        (at_random(1_000, 1.0), 1_000),
        (at_random(1_000, 0.3), 1_000),
        (at_random(60_000, 1.0), 60_000),
        (at_random(60_000, 0.7), 60_000),
        ([T0 + n * 60_000 + n % 7 for n in range(99)], 59_994),
        ([T0 + n * 1_400 + n % 7 for n in range(99)], 1_394),
        ([T0 + n * 1_150 + n % 7 for n in range(99)], 1_000),
    ],
    ids=[
        "as its model",
        "most of it lost",
        "seldom",
        "seldom, and some of it lost",
        "and not to the millisecond",
        "a little more seldom: of seven readings in ten no mean was complete",
        "a little late",
    ],
)
@pytest.mark.parametrize("together", [1, 7], ids=["one by one", "in batches"])
def test_what_is_lost_makes_no_rhythm(times: list[int], interval_ms: int, together: int) -> None:
    rhythm = Rhythm()
    rhythm.of(MODEL)
    for at in range(0, len(times), together):
        rhythm.note(AIR, times[at : at + together])
    assert abs(told(rhythm) - interval_ms) <= interval_ms / 20


def test_who_reports_as_its_model_again_is_expected_to_at_once() -> None:
    rhythm = Rhythm()
    rhythm.of(MODEL)
    rhythm.note(AIR, list(range(T0, T0 + 1_200_000, 60_000)))
    assert (rhythm.has_changed(), told(rhythm), rhythm.has_changed()) == (True, 60_000, False)
    rhythm.note(AIR, [T0 + 1_201_000, T0 + 1_202_000])
    assert (rhythm.has_changed(), told(rhythm)) == (True, 1_000)
    rhythm.note(AIR._replace(sensor="unknown"), [T0])
    assert rhythm.of([]) == []
