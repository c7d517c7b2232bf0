"""A node whose clock is off is told of, by how much and what to do; a backlog is no clock; it ends by itself (T15)."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from collector.delivery.clocks import look, words
from collector.delivery.own_clock import HEARD_MS, OwnClock, Seen
from edge_agent.delivery.skew import Skew
from edge_agent.device import vitals
from edge_agent.spool.sealed import Depth
from tests.bad_inputs.__main__ import CASES
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import Words, compact
from wire import check

NOW = 1_790_000_000_000


def _health(t0: int, offset_s: float) -> dict[str, Any]:
    return {"sensor": "node", "kind": "node_health", "t0": t0, "dt": [0], "fields": {"clock_offset_s": [offset_s]}}


def _air(*times: int) -> dict[str, Any]:
    steps = [0, *(b - a for a, b in pairwise(times))]
    return {"sensor": "air-1", "kind": "air_quality", "t0": times[0], "dt": steps,
            "fields": {"pm25_raw_ugm3": [1.0] * len(times)}}  # fmt: skip


def _seen(*blocks: dict[str, Any]) -> tuple[int, bool] | None:
    return look(list(blocks), check.check(list(blocks), NOW), NOW)


@pytest.mark.parametrize(
    ("blocks", "seen"),
    [
        ([_air(NOW - 1000, NOW)], None),
        ([_air(NOW + 4_000)], None),
        ([_air(NOW - 1000, NOW + 30_000)], (30_000, True)),
        ([_air(NOW, NOW + 3_600_000)], (3_600_000, True)),  # refused, and seen all the same
        ([_air(NOW - 86_400_000)], None),  # a backlog
        ([_health(NOW - 2000, 0.2)], (200, False)),
        ([_health(NOW - 5_000, -1.5)], (-1500, False)),
        ([_health(NOW - 3_600_000, -3_600.0)], (-3_600_000, True)),
        ([_health(NOW + 60_000, 60.0)], (60_000, True)),
        ([_health(NOW - 3_600_000, 40.0)], None),  # of an hour ago: it may have been cured since
        ([_air(NOW), _health(NOW, -7.0)], (-7000, True)),
    ],
)
def test_what_a_batch_says_of_its_clock(blocks: list[dict[str, Any]], seen: tuple[int, bool] | None) -> None:
    assert _seen(*blocks) == seen


def test_the_alarm_names_offset_and_cure() -> None:
    assert "lp-1 is 90 s behind" in words("lp-1", -90_000)
    assert "Cure" in words("lp-1", -90_000)


@pytest.mark.parametrize(
    ("offsets_s", "behind_s"),
    [
        ([7200, 7300, 7400], 7300),
        ([-60, -60, -60, 0, 0], -60),
        ([7200, 7200], None),  # of two nobody knows
        ([7200, 7200, 7200, 0, 0, 0], None),  # no majority
        ([7200, 7200, -7200, -7200], None),  # they do not agree
        ([0, 1, -1, 40], None),  # one that is off is off by itself
        ([], None),
    ],
)
def test_our_own_clock_is_off_when_most_of_three_nodes_or_more_say_so(
    offsets_s: list[int], behind_s: int | None
) -> None:
    own = OwnClock()
    for number, offset_s in enumerate(offsets_s):
        own.note(f"lp-{number}", Seen(offset_s * 1000, abs(offset_s) > 5), NOW)
    assert own.behind_ms() == (None if behind_s is None else behind_s * 1000)


def test_of_a_hundred_nodes_three_that_are_off_are_off_though_only_they_have_said_so_yet() -> None:
    own = OwnClock()
    for number in range(100):
        own.note(f"lp-{number}", Seen(60_000, True) if number % 40 == 7 else None, NOW)
    assert own.behind_ms() is None
    for number in range(100):
        own.note(f"lp-{number}", Seen(60_000, True) if number % 2 else None, NOW + 1_000)
    assert own.behind_ms() is None, "half of them is not most"
    own.note("lp-0", Seen(60_000, True), NOW + 2_000)
    assert own.behind_ms() == 60_000


def test_batches_that_say_nothing_keep_what_was_said_for_three_minutes() -> None:
    own = OwnClock()
    for node in ("lp-1", "lp-2", "lp-3"):
        own.note(node, Seen(60_000, True), NOW)
    for after_ms in range(0, HEARD_MS + 1, 20_000):
        for node in ("lp-1", "lp-2", "lp-3"):
            own.note(node, None, NOW + after_ms)
    assert own.behind_ms() == 60_000
    for node in ("lp-1", "lp-2", "lp-3"):
        own.note(node, None, NOW + HEARD_MS + 40_000)
    assert own.behind_ms() is None


def test_what_a_node_said_of_its_clock_counts_once_and_for_three_minutes() -> None:
    own = OwnClock()
    for _ in range(3):
        own.note("lp-1", Seen(60_000, True), NOW)
    assert own.behind_ms() is None
    own.note("lp-2", Seen(60_000, True), NOW)
    own.note("lp-3", Seen(60_000, True), NOW + 1)
    assert own.behind_ms() == 60_000
    assert "60 s behind those of 3 of 3 nodes" in own.words(60_000)
    own.note("lp-3", Seen(60_000, True), NOW + HEARD_MS + 1)
    assert own.behind_ms() is None, "two of them have said nothing since"


def test_an_agent_tells_the_least_difference_to_signed_times() -> None:
    skew = Skew()
    assert skew.take_s() is None
    for here, there in ((10_000, 9_000), (11_000, 10_900), (12_000, 1_000)):  # the last one was kept back by a broker
        skew.note(here, there)
    assert skew.take_s() == 0.1
    assert skew.take_s() is None
    told = vitals.reading({}, Depth(0, 0, None, 0), 0, NOW, NOW, 0.1)
    assert told.values["clock_offset_s"] == 0.1
    assert "clock_offset_s" not in vitals.reading({}, Depth(0, 0, None, 0), 0, NOW, None, 0.1).values


@pytest.mark.real
def test_a_running_collector_raises_the_alarm_and_lets_it_go(tmp_path: Path) -> None:
    system = System(tmp_path / "system", Words(json.loads(CASES.read_text())["bases"]))
    system.start()
    try:
        voice = system.voice
        voice.fresh()

        def alarm_after(*blocks: dict[str, Any]) -> str | None:
            data = compact(voice.document() | {"blocks": list(blocks)}).encode()
            voice.seq += 1
            voice.send(data)
            assert voice.answer(data, 10) is not None
            return system.counters(time.time_ns() // 1_000_000)[1].get(f"clock:{voice.node}")

        now_ms = time.time_ns() // 1_000_000 + system.shift_ms
        assert "60 s ahead" in (alarm_after(_air(now_ms + 60_000)) or "")
        assert alarm_after(_health(now_ms, 0.3)) is None
        assert "120 s behind" in (alarm_after(_health(now_ms - 120_000, -120.0)) or "")
        assert alarm_after(_health(now_ms + 1, -0.3)) is None
    finally:
        system.close()
