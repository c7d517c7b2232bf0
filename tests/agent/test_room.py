"""How much is under way at once: what a line carries, with a lane for what is live."""

from __future__ import annotations

import random

from edge_agent.delivery.delivery import Delivery
from edge_agent.spool.spool import Sealed, Spool
from tests.agent.delivering import ack, fill, seqs
from wire.ack import Verdict


def test_the_window_bounds_what_flies_and_the_newest_goes_ahead(delivery: Delivery) -> None:
    fill(delivery, 20)
    assert seqs(delivery.due(1)) == [20, 19, 1, 2, 3, 4, 5, 6]
    assert delivery.due(1) == []


def test_a_connection_begins_with_one_batch_and_one_more_with_each_answer(beginning: Delivery) -> None:
    sealed = {one.seq: one for one in fill(beginning, 40)}
    trips = []
    for now_s in range(1, 6):  # answers that take long say that the line carries no more than four
        trips.append(went := seqs(beginning.due(now_s)))
        beginning.on_ack(ack(beginning, *(Verdict(seq, sealed[seq].digest, 0) for seq in went)), now_s + 0.9)
    assert trips == [[40], [1], [2, 3], [4, 5, 6], [7, 8, 9]]
    beginning.on_disconnect()
    beginning.on_connect(10)
    assert seqs(beginning.due(11)) == [39]


def test_a_batch_that_nobody_answers_does_not_hold_up_the_others(beginning: Delivery) -> None:
    mute, *others = fill(beginning, 12)[::-1]
    released: list[int] = []
    for now_s in range(1, 600):
        for one in beginning.due(now_s):
            if one.seq != mute.seq:
                released += beginning.on_ack(ack(beginning, Verdict(one.seq, one.digest, 0)), now_s + 0.1)
    assert sorted(released) == sorted(one.seq for one in others)


def test_a_line_that_takes_half_a_minute_for_a_batch_is_not_flooded_until_it_breaks(spool: Spool) -> None:
    """As one of 120 bytes/s did: TCP sends again what waits before a slow modem, until nothing else passes."""
    delivery = Delivery(spool, random.Random(7), connect_pause_s=5.0)
    fill(delivery, 200)
    line: list[Sealed] = []
    breaks, released, through_s = 0, 0, 0
    delivery.on_connect(0)
    for now_s in range(3600):
        if line and now_s >= through_s:
            one = line.pop(0)
            released += len(delivery.on_ack(ack(delivery, Verdict(one.seq, one.digest, 0)), now_s))
            through_s = now_s + 25
        went = delivery.due(now_s)
        through_s = through_s if line else now_s + 25
        line += went
        if len(line) > 4:
            delivery.on_disconnect()
            line.clear()
            breaks += 1
            delivery.on_connect(now_s)
    assert (breaks, released) == (0, 3600 // 25 - 1)


def test_when_answers_take_long_less_is_under_way_and_the_newest_still_goes_first(delivery: Delivery) -> None:
    sealed = {one.seq: one for one in fill(delivery, 300)}

    def trip(sent_s: float, took_s: float) -> list[int]:
        went = seqs(delivery.due(sent_s))
        for seq in went:
            delivery.on_ack(ack(delivery, Verdict(seq, sealed[seq].digest, 0), window=16), sent_s + took_s)
        return went

    trip(0, 0.05)
    assert len(trip(1, 0.05)) == 12, "of sixteen places four are kept for what is new"
    assert [len(trip(2 + n, 0.8)) for n in range(4)] == [12, 6, 3, 3]  # by half a trip, however many answers were late
    narrow = [len(trip(10 + n, 0.05)) for n in range(24)]
    assert narrow[0] == 3
    assert narrow == sorted(narrow)
    assert narrow[-1] == 12


def test_the_live_lane_is_kept_free_of_the_backlog(delivery: Delivery) -> None:
    sealed = {one.seq: one for one in fill(delivery, 40)}
    assert seqs(delivery.due(1)) == [40, 39, 1, 2, 3, 4, 5, 6]
    delivery.on_ack(ack(delivery, *(Verdict(seq, sealed[seq].digest, 0) for seq in (40, 39))), 1.1)
    assert delivery.due(2) == []
    sealed |= {one.seq: one for one in fill(delivery, 1)}
    assert seqs(delivery.due(3)) == [41]
    sealed |= {one.seq: one for one in fill(delivery, 2)}
    assert seqs(delivery.due(4)) == [43], "one place of two was left, and the newest has it"
    delivery.on_ack(ack(delivery, Verdict(43, sealed[43].digest, 0)), 4.1)
    assert seqs(delivery.due(5)) == [42]


def test_what_piles_up_on_a_standing_connection_grows_old_too(delivery: Delivery) -> None:
    sealed = {}
    for now_s in range(1, 900):  # a database that is away
        sealed |= {one.seq: one for one in fill(delivery, 1)}
        for one in delivery.due(now_s):
            delivery.on_ack(ack(delivery, Verdict(one.seq, one.digest, 10, {"after_ms": 5000})), now_s)
    went = []
    for now_s in range(910, 980):  # and back: whatever goes is answered
        went = seqs(delivery.due(now_s))
        assert went
        delivery.on_ack(ack(delivery, *(Verdict(n, sealed[n].digest, 0) for n in went)), now_s + 0.1)
    assert len(went) == 6, "of eight places two are not for what has waited"
    delivery.due(980)
    fill(delivery, 1)
    assert seqs(delivery.due(981)) == [900]
