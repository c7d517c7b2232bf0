"""What fires as the database knows it: what another collector told is taken over, what it took back is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.alerts.book import Happened
from collector.alerts.points import firing, point
from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import Transition, transition
from collector.stores.store import Select, Store, Stored
from tests.alerts.kills import RULE
from tests.stored import put

T0 = 1_790_000_000_000
AIR = Series.of("air_quality", {"site": "s", "node": "lp-1", "sensor": "air-1"})
(HIGH,) = parse([RULE])


def said(start_ms: int, state: str, event_ms: int, void: bool = False) -> Transition:
    made = transition(AIR, HIGH, start_ms, 90.0, state, event_ms)
    return replace(made, void=void, reason="corrected" if void else "")


def told(store: Store, *story: Transition, backwards: bool = False) -> list[tuple[str, int]]:
    numbers = reversed(range(len(story))) if backwards else range(len(story))  # as of two collectors
    for said_ms, (number, each) in enumerate(zip(numbers, story, strict=True), T0):
        put(store, point(Happened(number, said_ms, each)))
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
    rows = [row for number in numbers for row in store.render(point(Happened(number, T0, said(T0, "firing", T0))))]
    assert store.write(rows) == Stored()
    (series,) = store.select(Select("alerts", ("state",)))
    assert series.rows == [[T0, "firing"]] * len(numbers)


def test_what_was_taken_back_altogether_does_not_fire(store: Store) -> None:
    assert told(store, said(T0, "firing", T0), said(T0, "resolved", T0, void=True)) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_what_was_taken_back_and_found_again_fires(store: Store, backwards: bool) -> None:
    """It was lost for who took over, and its end with it; a report knew nothing of it."""
    fires, back = said(T0, "firing", T0), said(T0, "resolved", T0, void=True)
    assert told(store, fires, back, fires, backwards=backwards) == [("firing", T0)]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_one_has_said_and_the_other_took_back_does_not_fire(store: Store, backwards: bool) -> None:
    story = said(T0, "firing", T0), said(T0, "resolved", T0, void=True)
    assert told(store, *story, backwards=backwards) == []


def test_history_within_an_episode_of_which_a_second_beginning_was_taken_back_hides_it_from_nobody(
    store: Store,
) -> None:
    second, within = T0 + 10_000, replace(said(T0 + 30_000, "firing", T0 + 30_000), late=True)
    story = said(T0, "firing", T0), said(second, "firing", second), said(second, "resolved", second, void=True), within
    assert told(store, *story) == [("firing", T0)]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_was_news_to_one_and_history_to_another_was_news(store: Store, backwards: bool) -> None:
    fires = said(T0, "firing", T0)
    told(store, replace(fires, late=True), fires, backwards=backwards)
    assert [each.late for each in firing(store, {HIGH.alert: HIGH}, T0 + 60_000)] == [False]
