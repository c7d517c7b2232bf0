"""The spool keeps what it accepted, in the bytes it sealed, until the collector has answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.spool import file as spool_file
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import LATEST_BATCHES, Origin, Spool
from tests.closes import Closes
from wire import batch, check

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
RADAR = Series("radar-1", "traffic_flow", (("lane", "1"), ("direction", "in")))
ORIGIN = Origin("lp-1", "s", "b71d04c2", "synced")
T0, HOUR_MS = 1_790_000_000_000, 3_600_000
Reopened = Callable[[Spool], Spool]


def air(offset_ms: int, pm25: float | int = 12) -> Reading:
    return Reading(AIR, T0 + offset_ms, {"pm25_raw_ugm3": pm25})


@pytest.fixture
def reopened(closes: Closes) -> Reopened:
    return lambda spool: closes(Spool(spool.path, "lp-1", "s"))


def test_what_was_accepted_is_there_after_a_kill(spool: Spool, reopened: Reopened) -> None:
    spool.accept([air(0), air(1000)], ORIGIN)
    again = reopened(spool)  # no close: as after kill -9
    (sealed,) = again.seal()
    assert sealed.rows == 2
    assert again.spool_id == spool.spool_id


def test_sealed_bytes_are_a_batch_the_collector_accepts(spool: Spool) -> None:
    flow = Reading(RADAR, T0, {"count": 0, "duration_s": 60.0})
    spool.accept([air(0), flow, air(1000, 0)], ORIGIN)
    (sealed,) = spool.seal()
    envelope = batch.read("lp-1", sealed.data)
    checked = check.check(envelope.blocks, T0 + 60_000)
    assert (envelope.spool, envelope.seq, checked.refusals) == (spool.spool_id, 1, [])
    assert checked.blocks[0].fields == {"pm25_raw_ugm3": [12, 0]}
    assert checked.blocks[1].tags == {"lane": "1", "direction": "in"}
    assert checked.blocks[1].fields["count"] == [0]
    assert batch.digest(sealed.data) == sealed.digest


def test_bytes_and_sequence_survive_a_restart(spool: Spool, reopened: Reopened) -> None:
    spool.accept([air(0)], ORIGIN)
    (first,) = spool.seal()
    again = reopened(spool)
    again.accept([air(1000)], ORIGIN)
    (second,) = again.seal()
    assert [second.seq, *again.oldest(9)] == [2, first, second]
    assert again.newest(1) == [second]


def test_only_released_batches_stop_waiting(spool: Spool, reopened: Reopened) -> None:
    for n in range(3):
        spool.accept([air(n)], ORIGIN)
        spool.seal()
    spool.release(2, 0, T0)
    assert [s.seq for s in spool.oldest(9)] == [1, 3]
    assert spool.find(spool.spool_id, 2) is None
    spool.close()
    again = reopened(spool)
    assert [s.seq for s in again.oldest(9)] == [1, 3]
    assert again.depth().rows == 2


def test_the_replay_ring_is_pruned_by_age(spool: Spool) -> None:
    for n in range(2):
        spool.accept([air(n)], ORIGIN)
        spool.seal()
    spool.release(1, 0, T0)
    spool.release(2, 0, T0 + 10_000)
    assert spool.prune(before_ms=T0 + 5_000) == 1


def test_two_readings_of_one_millisecond_get_two_times(spool: Spool) -> None:
    taken = spool.accept([air(0), air(0), air(0)], ORIGIN)
    assert [r.time_ms - T0 for r in taken] == [0, 1, 2]


def test_times_stay_unique_over_a_restart_and_a_clock_step_back(spool: Spool, reopened: Reopened) -> None:
    spool.accept([air(5000)], ORIGIN)
    spool.seal()
    spool.accept([air(6000)], ORIGIN)
    again = reopened(spool)
    (taken,) = again.accept([air(0)], ORIGIN)
    assert taken.time_ms == T0, "a clock that was set back is followed"
    again = reopened(again)
    (between, late) = again.accept([air(5000), air(6000)], ORIGIN)
    assert [between.time_ms, late.time_ms] == [T0 + 5001, T0 + 6001], "what was used before is stepped over"
    (soon,) = again.accept([air(5900)], ORIGIN)
    assert soon.time_ms == T0 + 6002, "a little back is no step"


@pytest.mark.parametrize("starts", [1, 2])
def test_all_that_was_stamped_ahead_is_stepped_over_however_long_ago_it_was_sealed(
    spool: Spool, reopened: Reopened, starts: int
) -> None:
    """Of what was sealed before a start the last batches were known: a radar's minutes took the place of others."""
    ahead = [air(HOUR_MS + 60_000 * n) for n in range(LATEST_BATCHES + 8)]
    for one in ahead:
        spool.accept_and_seal([one], ORIGIN)
    again = reopened(spool)
    again.accept_and_seal([air(0)], ORIGIN)
    if starts == 2:
        again = reopened(again)
    taken = again.accept(ahead, ORIGIN)
    assert [one.time_ms for one in taken] == [one.time_ms + 1 for one in ahead]
    (later,) = again.accept([air(3 * HOUR_MS)], ORIGIN)
    assert later.time_ms == T0 + 3 * HOUR_MS


def test_what_waits_is_not_counted_anew_for_each_look_while_it_only_grows(spool: Spool) -> None:
    """After a month without a link that took a tenth of a processor: the status is written every two seconds."""
    sealed = [one for n in range(3) for one in spool.accept_and_seal([air(n), air(n + 500)], ORIGIN)]
    assert spool.depth()[:3] == (6, 3, T0)
    said: list[str] = []
    spool._db.set_trace_callback(said.append)
    spool.accept_and_seal([air(-60_000)], ORIGIN)
    assert spool.depth()[:3] == (7, 4, T0 - 60_000)
    assert not any("count(*)" in each for each in said)
    with suppress(KeyError), spool._transaction():
        spool._seal(ORIGIN, [air(9000)])
        assert spool.depth().batches == 5
        raise KeyError  # the disk did not take it
    assert spool.depth().batches == 4
    spool.release(sealed[0].id, 0, T0)
    assert spool.depth()[:2] == (5, 3)
    spool.accept_and_seal([air(10_000)], ORIGIN)
    assert spool_file.replay(spool.path, T0, T0 + 1000) == 1  # by a command, beside the agent
    assert spool.depth()[:2] == (8, 5)


def test_numbers_and_times_go_on_when_all_that_was_sealed_is_gone(spool: Spool, reopened: Reopened) -> None:
    for n in range(2):
        spool.accept([air(n)], ORIGIN)
        (one,) = spool.seal()
        spool.release(one.id, 0, T0)
    assert spool.prune(T0 + 1) == 2
    again = reopened(spool)
    (moved,) = again.accept([air(1)], ORIGIN)
    (third,) = again.seal()
    assert (moved.time_ms, third.seq) == (T0 + 2, 3)


def test_a_batch_holds_one_boot_and_site(spool: Spool) -> None:
    spool.accept([air(0)], ORIGIN)
    spool.accept([air(1)], ORIGIN._replace(boot="ffffffff"))
    spool.accept([air(2)], ORIGIN._replace(site="other"))
    sealed = spool.seal()
    assert [batch.read("lp-1", s.data).site for s in sealed] == ["s", "s", "other"]


def test_interval_state_is_committed_with_the_readings(spool: Spool, reopened: Reopened) -> None:
    spool.accept([], ORIGIN, {"radar-1": {"start_ms": T0, "speeds": {"in": [42.0]}}})
    assert reopened(spool).state("radar-1") == {"start_ms": T0, "speeds": {"in": [42.0]}}


def test_a_newer_format_is_refused_with_the_cure(spool: Spool, reopened: Reopened) -> None:
    spool._db.execute("UPDATE meta SET value = 99 WHERE key = 'format'")
    with pytest.raises(Exception, match=r"format 99.*install the newer agent"):
        reopened(spool)


def test_large_backlogs_are_sealed_in_portions(spool: Spool) -> None:
    spool.accept([air(n) for n in range(1201)], ORIGIN)
    assert [s.rows for s in spool.seal()] == [500, 500, 201]
    assert json.loads(json.dumps(spool.depth()))[0] == 1201


def test_a_new_life_tells_once_what_it_renumbered(spool: Spool) -> None:
    for n in range(3):
        spool.accept([air(n)], ORIGIN)
        spool.seal()
    for _ in range(3):
        spool.begin_life(T0)
    rows = [row for one in spool.oldest(99) for row in readings_of(one.data)[0]]
    assert sum(row.series.kind == "air_quality" for row in rows) == 3
    assert len(rows) == 3 + 3
    assert {(row.values["from_ms"], row.values["to_ms"]) for row in rows if row.series.kind == "gap"} == {(T0, T0 + 2)}
