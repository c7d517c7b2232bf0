"""What is live goes ahead, what is old gets its share, and nobody wins by calling everything live."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.traffic import Sender
from collector.broker.lanes import OLD_SHARE, Lanes
from collector.delivery.live_lane import LIVE_BYTES, LIVE_MS, LIVE_UNITS_PER_S, LiveLane, is_of_now
from collector.delivery.pace import BURST_S
from wire import names

NOW = 1_790_000_000_000


def sealed(age_ms: int, rows: int = 5, number: int = 1) -> bytes:
    return Sender(number, NOW - age_ms, rows).batch()


@given(st.lists(st.one_of(st.booleans(), st.tuples(st.integers(1, 9), st.booleans()))))
def test_lanes_lose_nothing_keep_their_order_and_none_waits_for_good(story: list[bool | tuple[int, bool]]) -> None:
    lanes: Lanes[tuple[bool, int]] = Lanes()
    put: dict[bool, list[int]] = {True: [], False: []}
    taken: dict[bool, list[int]] = {True: [], False: []}
    for number, act in enumerate(story):
        if isinstance(act, bool):
            lanes.put((act, number), act)
            put[act].append(number)
            continue
        count, live_only = act
        waited = {live: len(put[live]) - len(taken[live]) for live in (True, False)}
        found = lanes.take(count, live_only)
        for live, each in found:
            taken[live].append(each)
        got = {live: sum(lane == live for lane, _ in found) for live in (True, False)}
        assert len(found) == min(count, waited[True] + (0 if live_only else waited[False])), "as many as there are"
        assert [live for live, _ in found] == sorted((live for live, _ in found), reverse=True), "the live ones first"
        if live_only:
            assert not got[False]
        else:
            assert got[False] >= min(waited[False], count // OLD_SHARE)
        assert got[True] >= min(waited[True], count - count // OLD_SHARE)
    assert len(lanes) == sum(map(len, put.values())) - sum(map(len, taken.values()))
    assert lanes.live == len(put[True]) - len(taken[True])
    assert all(taken[live] == put[live][: len(taken[live])] for live in (True, False))


def test_a_batch_of_now_is_told_from_one_of_before_by_its_first_bytes() -> None:
    for rows in (1, 5, 60):
        assert is_of_now(sealed(rows * 1000, rows), NOW)
        assert not is_of_now(sealed(LIVE_MS + rows * 1000, rows), NOW)
        assert is_of_now(gzip.decompress(sealed(rows * 1000, 60)), NOW), "compressed or not"
    assert not is_of_now(sealed(-3_600_000), NOW), "nor is what claims to be of the future"


def test_a_batch_that_begins_with_the_account_of_its_hour_is_live_all_the_same() -> None:
    body = gzip.decompress(sealed(5_000, 60)).decode()
    account = (
        f'{{"sensor":"air-1","kind":"sensor_ledger","t0":{NOW - 3_000_000},"dt":[0],"fields":{{"accepted":[3]}}}},'
    )
    assert is_of_now(body.replace('"blocks":[', '"blocks":[' + account).encode(), NOW)


@given(st.binary(max_size=300) | st.binary(max_size=100).map(gzip.compress))
def test_no_bytes_are_too_odd_to_be_judged(payload: bytes) -> None:
    is_of_now(payload, NOW)


def test_what_is_large_waits_in_line_whatever_it_claims() -> None:
    assert not is_of_now(sealed(0) + b" " * LIVE_BYTES, NOW)


def goes_ahead(lane: LiveLane, payload: bytes, node: str = "lp-00001", now_ms: int = NOW, again: bool = False) -> bool:
    return lane.goes_ahead(names.data(node), payload, again, now_ms)


def test_births_questions_and_other_collectors_are_never_overtaken_by_batches() -> None:
    lane = LiveLane()
    for topic in (names.status("lp-1"), names.collector_status("c2"), *names.questions()):
        assert lane.goes_ahead(topic.replace("+", "lp-1"), b"", True, NOW)


def test_a_replay_and_what_the_broker_has_kept_wait_in_line() -> None:
    assert goes_ahead(LiveLane(), sealed(1_000))
    assert not goes_ahead(LiveLane(), sealed(1_000), again=True)
    assert not LiveLane().goes_ahead(names.replay("lp-00001"), sealed(1_000), False, NOW)


def test_a_node_that_calls_everything_live_gets_its_bucket_and_no_other_waits_for_it() -> None:
    lane, payload = LiveLane(), sealed(1_000)
    most = LIVE_UNITS_PER_S * BURST_S
    ahead = sum(goes_ahead(lane, payload) for _ in range(10_000))
    assert most / 2 < ahead <= most
    later = sum(goes_ahead(lane, payload, now_ms=NOW + 1_000) for _ in range(10_000))
    assert 0 < later <= LIVE_UNITS_PER_S
    assert goes_ahead(lane, sealed(1_000, number=2), "lp-00002")


def test_an_honest_station_never_runs_out() -> None:
    """Twelve sensors at 1 Hz, sealed every second, for an hour."""
    lane = LiveLane()
    assert all(goes_ahead(lane, sealed(-s * 1000, 12), now_ms=NOW + (s + 12) * 1000) for s in range(3_600))
