"""The log names a sensor that is not heard, with its cure: it said nothing of one that was silent for days."""

from __future__ import annotations

from edge_agent.unheard import Unheard
from tests.agent.test_line_cost import NOW_MS
from tests.agent.test_status_screen import LONG_AGO, told

CURE = "lamppost agent doctor --only sensor.air-1"


def test_a_sensor_that_falls_silent_is_told_once_and_that_it_is_heard_again() -> None:
    unheard = Unheard()
    silent, heard = told(last_frame_ms=LONG_AGO) | {"up_s": 600}, told() | {"up_s": 700}
    assert [unheard.news(one, NOW_MS) for one in (heard, silent, silent, heard, heard)] == [
        [], [(True, f"sensor air-1: silent; {CURE}")], [], [(False, "sensor air-1 is heard again")], []
    ]  # fmt: skip


def test_one_that_comes_and_goes_is_told_once_an_hour() -> None:
    unheard, lines = Unheard(), 0
    for up_s in range(20, 7_200, 20):
        lines += len(unheard.news(told(last_frame_ms=LONG_AGO if up_s % 40 else NOW_MS) | {"up_s": up_s}, NOW_MS))
    assert lines == 4


def test_one_whose_port_is_shut_meanwhile_is_not_heard_again() -> None:
    unheard = Unheard()
    unheard.news(told(last_frame_ms=LONG_AGO) | {"up_s": 600}, NOW_MS)
    assert unheard.news(told(open=False) | {"up_s": 700}, NOW_MS) == []


def test_nothing_is_said_of_a_sensor_before_it_could_have_been_heard() -> None:
    unheard = Unheard()
    assert unheard.news(told(last_frame_ms=None) | {"up_s": 9}, NOW_MS) == []
    assert unheard.news(told(last_frame_ms=None) | {"up_s": 11}, NOW_MS) == [
        (True, f"sensor air-1: nothing heard; {CURE}")
    ]
