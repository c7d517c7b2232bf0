"""One node that floods holds up itself: its messages are put off, its noise has a share of the quarantine, no more."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from collector.delivery.pace import BURST_S, Pace
from collector.delivery.quarantine import NODE_STRAYS_MAX, Full, Name, Part, Quarantine
from tests.bad_inputs.__main__ import CASES
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import Words, compact
from tests.closes import Closes

SPOOL = "0" * 32


def test_a_bucket_fills_again_and_is_each_nodes_own() -> None:
    pace = Pace(100)
    taken = sum(pace.admits("lp-1", 0, 0) for _ in range(10_000))
    assert taken == 100 * BURST_S
    assert pace.admits("lp-2", 0, 0)
    assert not pace.admits("lp-1", 0, 0)
    assert sum(pace.admits("lp-1", 0, 1000) for _ in range(1000)) == 100
    assert sum(pace.admits("lp-1", 1023, 2000) for _ in range(1000)) in (50, 51), "a KiB costs as much as a message"


def test_a_clock_that_steps_back_locks_nobody_out() -> None:
    pace = Pace(100)
    while pace.admits("lp-1", 0, 3_600_000):
        pass
    pace.admits("lp-1", 0, 0)
    assert pace.admits("lp-1", 0, 1000)


def test_a_debt_is_bounded() -> None:
    pace = Pace(100)
    pace.admits("lp-1", 0, 0)
    for _ in range(10_000):
        pace.charge("lp-1", 50)
    assert not pace.admits("lp-1", 0, (BURST_S - 1) * 1000)
    assert pace.admits("lp-1", 0, (2 * BURST_S) * 1000)


def test_the_fastest_drain_there_was_is_not_slowed() -> None:
    """22,700 readings a second in batches of 60 with 8 values at 1.2 bytes: 3,776 times real time."""
    pace, size = Pace(), 60 * 8 * 1.2 + 200
    for number in range(22_700 // 60 * 160):
        assert pace.admits("lp-1", int(size), number * 160_000 // (22_700 // 60 * 160))


def _quarantine(path: Path, closes: Closes) -> Quarantine:
    db = closes(sqlite3.connect(path, isolation_level=None))
    return Quarantine(db, bytes_max=10_000, node_bytes_max=4_000)


def test_one_node_cannot_fill_the_quarantine_of_all(tmp_path: Path, closes: Closes) -> None:
    quarantine = _quarantine(tmp_path / "q.db", closes)
    for seq in range(4):
        quarantine.keep_whole(Name("lp-1", SPOOL, seq, "d"), b"x" * 1000, "bad", 0)
    with pytest.raises(Full) as full:
        quarantine.keep_whole(Name("lp-1", SPOOL, 4, "d"), b"x" * 1000, "bad", 0)
    assert full.value.alarm == "quarantine:lp-1"
    quarantine.keep_whole(Name("lp-2", SPOOL, 1, "d"), b"x" * 1000, "bad", 0)
    quarantine.keep_parts(Name("lp-2", SPOOL, 2, "d"), [Part(0, 1, "bad", "y" * 1000)], 0)
    again = _quarantine(tmp_path / "q.db", closes)
    with pytest.raises(Full):
        again.keep_whole(Name("lp-1", SPOOL, 200, "d"), b"x" * 1000, "bad", 0)


def test_what_comes_twice_is_counted_once_and_room_that_a_person_makes_is_seen(tmp_path: Path, closes: Closes) -> None:
    quarantine = _quarantine(tmp_path / "q.db", closes)
    for _ in range(50):
        quarantine.keep_whole(Name("lp-1", SPOOL, 1, "d"), b"x" * 1000, "bad", 0)
    for seq in range(2, 5):
        quarantine.keep_whole(Name("lp-1", SPOOL, seq, "d"), b"x" * 1000, "bad", 0)
    with pytest.raises(Full):
        quarantine.keep_whole(Name("lp-1", SPOOL, 5, "d"), b"x" * 1000, "bad", 0)
    with closing(sqlite3.connect(tmp_path / "q.db")) as other, other:
        other.execute("DELETE FROM quarantine_whole")
    quarantine.keep_whole(Name("lp-1", SPOOL, 5, "d"), b"x" * 1000, "bad", 0)


def test_noise_of_one_node_leaves_room_for_the_noise_of_others(tmp_path: Path, closes: Closes) -> None:
    quarantine = _quarantine(tmp_path / "q.db", closes)
    for number in range(5 * NODE_STRAYS_MAX):
        quarantine.keep_stray(f"{number}", "lp-1", b"?", "noise", 0)
    quarantine.keep_stray("other", "lp-2", b"?", "noise", 0)
    assert quarantine.counts()["stray"] == NODE_STRAYS_MAX + 1


@pytest.mark.real
def test_a_flood_on_a_real_broker_holds_up_nobody_else(tmp_path: Path) -> None:
    system = System(tmp_path / "system", Words(json.loads(CASES.read_text())["bases"]))
    system.settings = {"rate_per_node": 200}
    system.start()
    try:
        voice = system.voice
        voice.fresh()
        system.traffic.slowest_s = 0.0
        before = system.counters()[0]
        document = voice.document()
        until_s = time.monotonic() + 8
        number = 0
        while time.monotonic() < until_s:
            infos = []
            for _ in range(200):  # half of it noise, half of it good
                number += 1
                data = compact(document | {"seq": number}).encode() if number % 2 else b"noise %d" % number
                infos.append(voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, 1))
            infos[-1].wait_for_publish(10)
        codes = {entry[2] for entry in voice.answers()}
        counts, alarms = system.counters(time.time_ns() // 1_000_000)
        assert counts.get("put_off", 0) - before.get("put_off", 0) > 500
        assert f"flood:{voice.node}" in alarms
        assert 10 in codes, "the node is told: later"
        assert system.traffic.slowest_s < 3, "the others' batches are answered as ever"
        voice.fresh()
        took_s = None
        while time.monotonic() < until_s + 40 and took_s is None:  # the debt is paid in twenty seconds
            _, took_s = voice.good(5)
        assert took_s is not None
        assert system.traffic.finish() is None
    finally:
        system.close()
