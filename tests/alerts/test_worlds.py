"""Two collectors in turn on one database, in seeded worlds of silences, deaths and take-overs.

People hear of what fires, and of its end.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.alerts.desk import HIGH, T0, Desk
from tests.closes import Closes
from wire.times import MINUTE_MS

VERY = HIGH | {"alert": "pm25-very-high", "raise": "> 150", "clear": "< 120", "severity": "major"}
MEAN = HIGH | {
    "alert": "pm25-mean",
    "window": {"mean": "pm25_ugm3", "over": "5m", "complete": "30%"},
    "for": "1m",
    "keep_firing_for": "2m",
}
STEP_MS = 10_000
TOLD_WITHIN_MS = 9 * MINUTE_MS
"""Of what fires and is not hidden: the quiet of its group, and the lateness for which a take-over waits."""


class World:
    """Air that goes up and down before two collectors, of which one works."""

    def __init__(self, folder: Path, closes: Closes, seed: int) -> None:
        self.random = random.Random(seed)
        self.works = closes(Desk(folder, HIGH, VERY, MEAN))
        self.rests = closes(Desk(folder, HIGH, VERY, MEAN, name="c2", store=self.works.store))
        self.now_ms, self.level = T0, 20.0
        self.heard: dict[str, str] = {}
        """By rule what people heard last."""
        self.open_ms: dict[str, int] = {}
        """Since when what fires by a rule is not hidden."""

    def run(self, steps: int) -> None:
        """Many things may happen at each step."""
        for _ in range(steps):
            self.step()
            if self.random.random() < 0.02:
                self.silence()
            if self.random.random() < 0.01:
                self.change()

    def calm_down(self) -> None:
        """Until all is over and told."""
        self.level = 20.0
        for _ in range(300):
            self.step(0.0)

    def step(self, swing: float = 0.06) -> None:
        self.works.reading(self._breathe(swing))
        self.works.tick()
        self.rests.now_ms = self.now_ms
        for told in self.works.told:
            self.heard |= {key.partition("@")[0]: state for state, key in told[1]}
        self.works.told = []
        self._look()

    def silence(self) -> None:
        match = self.random.choice(("node=lp-1", "rule=pm25-high", "rule=pm25-mean"))
        end_ms = self.now_ms + self.random.randint(1, 25) * MINUTE_MS
        asked = {"match": match, "who": "王磊", "note": "", "start_ms": self.now_ms, "end_ms": end_ms}
        assert self.works.alerting.ask("silence", asked, self.now_ms)["done"]

    def change(self) -> None:
        """One dies, or gives way, or both; what comes meanwhile is stored by what it had begun."""
        for _ in range(self.random.choice((0, 1, 2, 6, 60))):
            self.works.reading(self._breathe(0.06), seen=False)
        if self.random.random() < 0.7:
            self.works.die()
        if self.random.random() < 0.7:
            self.works, self.rests = self.rests, self.works
        self.works.now_ms = self.now_ms
        self.works.alerting.follow([], self.now_ms)
        self.open_ms.clear()

    def _breathe(self, swing: float) -> float:
        self.now_ms += STEP_MS
        self.works.now_ms = self.now_ms
        if self.random.random() < swing:
            self.level = self.random.choice((20.0, 50.0, 90.0, 100.0, 160.0, 200.0))
        return self.level + self.random.random()

    def _look(self) -> None:
        desk = self.works.alerting.desk
        fires = {each.alert.rule: each.alert for each in desk.standings.values() if each.firing}
        seen = {rule for rule, alert in fires.items() if desk.hidden(alert, self.now_ms) is None}
        self.open_ms = {rule: self.open_ms.get(rule, self.now_ms) for rule in seen}
        for rule, since_ms in self.open_ms.items():
            if self.now_ms - since_ms > TOLD_WITHIN_MS:
                assert self.heard.get(rule) in ("firing", "flapping"), f"{rule} fires since {since_ms - T0} ms"


@pytest.mark.parametrize("seed", [2, 10, 30])
def test_people_hear_of_what_fires_and_of_its_end_whoever_works(tmp_path: Path, closes: Closes, seed: int) -> None:
    world = World(tmp_path, closes, seed)
    world.run(500)
    world.calm_down()
    assert set(world.heard.values()) == {"resolved"}, world.heard


@pytest.mark.long
def test_people_hear_of_what_fires_in_many_worlds(tmp_path: Path, closes: Closes) -> None:
    for seed in range(1_000, 1_200):
        (tmp_path / str(seed)).mkdir()
        test_people_hear_of_what_fires_and_of_its_end_whoever_works(tmp_path / str(seed), closes, seed)
