"""The proof of a set-up believes what was read since it began, whatever the clock does meanwhile."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.device import clock
from edge_agent.settings.config import Config
from edge_agent.setup import proof
from wire.times import HOUR_MS

NOW_MS = 1_790_000_000_000


class City:
    """A collector that answers with a reading of now; `asked` from when on it was to look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.wall_ms, self.synchronised = NOW_MS, True
        monkeypatch.setattr(proof, "ask_collector", self.answer)
        monkeypatch.setattr(clock, "wall_ms", lambda: self.wall_ms)
        monkeypatch.setattr(clock, "synchronised", lambda: self.synchronised)
        monkeypatch.setattr(proof, "ASK_EVERY_S", 0.01)

    def answer(self, _settings: object, _question: str, body: dict[str, Any], *_: object) -> dict[str, Any]:
        self.asked.append(body["from_ms"])
        rows = [{"sensor": "air-1", "time_ms": NOW_MS, "values": {"pm25_raw_ugm3": 35}}]
        return {"ok": True, "sensors": rows if body["from_ms"] <= NOW_MS else []}

    def read_back(self, began_s: float, said: list[str]) -> dict[str, dict[str, Any]]:
        settings = SimpleNamespace(sensors=[SimpleNamespace(name="air-1")], clock=Config.model_fields["clock"].default)
        return proof.read_back(settings, began_s, said.append, 0.2)  # type: ignore[arg-type]


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> City:
    return City(monkeypatch)


@pytest.mark.parametrize("wrong_by_ms", [3 * HOUR_MS, -3 * HOUR_MS])
def test_a_clock_that_is_set_during_a_set_up_moves_its_beginning_along(city: City, wrong_by_ms: int) -> None:
    """One ahead was never proved; one behind was proved by what a sensor had said that was pulled out since."""
    city.wall_ms = NOW_MS + wrong_by_ms
    began_s = time.monotonic() - 60.0
    city.wall_ms = NOW_MS
    assert city.read_back(began_s, []).keys() == {"air-1"}
    assert city.asked == [pytest.approx(NOW_MS - 60_000, abs=1_000)]


def test_without_the_time_nothing_is_proved_by_an_earlier_reading_and_the_screen_says_why(city: City) -> None:
    city.synchronised = False
    said: list[str] = []
    assert city.read_back(time.monotonic(), said) == {}
    assert city.asked == []
    assert said == ["  the clock has not been set by NTP: readings wait here"]
