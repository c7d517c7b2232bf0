"""What fires as the database knows it: what another collector told is taken over, what it took back is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collector.alerts.points import firing, point
from collector.rules.parsing import parse
from collector.rules.transition import Series, Transition, transition
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Store, Stored
from tests.alerts.kills import RULE
from tests.closes import Closes

T0 = 1_790_000_000_000
AIR = Series.of("air_quality", {"site": "s", "node": "lp-1", "sensor": "air-1"})
(HIGH,) = parse([RULE])


@pytest.fixture
def store(tmp_path: Path, closes: Closes) -> Store:
    made = closes(Sqlite(tmp_path / "alerts.db"))
    assert made.prepare() == Stored()
    return made


def said(start_ms: int, state: str, event_ms: int, void: bool = False) -> Transition:
    made = transition(AIR, HIGH, start_ms, 90.0, state, event_ms)
    return replace(made, void=void, reason="corrected" if void else "")


def told(store: Store, *story: Transition) -> list[tuple[str, int]]:
    for number, each in enumerate(story):
        assert store.write(store.render(point(each, number))) == Stored()
    return [(each.state, each.start_ms) for each in firing(store, {HIGH.alert: HIGH}, T0 + 60_000)]


def test_what_fires_is_taken_over_and_what_has_ended_is_not(store: Store) -> None:
    assert told(store, said(T0, "firing", T0)) == [("firing", T0)]
    assert told(store, said(T0, "resolved", T0 + 9_000)) == []


def test_an_episode_whose_start_was_corrected_fires_since_its_true_start(store: Store) -> None:
    """The reading of its first moment came late: what was told of the second was taken back, later in event time."""
    late = T0 + 500
    story = said(late, "firing", late), said(late, "resolved", late, void=True), said(T0, "firing", T0)
    assert told(store, *story) == [("firing", T0)]
    assert told(store, said(T0, "resolved", T0 + 9_000)) == []


def test_after_a_million_changes_each_still_stands_in_its_own_millisecond(store: Store) -> None:
    numbers = (999_999, 1_000_000, 1_771_562)
    rows = [row for number in numbers for row in store.render(point(said(T0, "firing", T0), number))]
    assert store.write(rows) == Stored()
    (series,) = store.select(Select("alerts", ("state",)))
    assert series.rows == [[T0, "firing"]] * len(numbers)


def test_what_was_taken_back_altogether_does_not_fire(store: Store) -> None:
    assert told(store, said(T0, "firing", T0), said(T0, "resolved", T0, void=True)) == []
