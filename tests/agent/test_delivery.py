"""Delivery deletes only what an acknowledgement truly names, and sends the rest again by timer."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from edge_agent.delivery import unanswered
from edge_agent.delivery.delivery import JITTER, RTO_MAX_S, UNANSWERED_S, Delivery
from edge_agent.spool import making_room
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool, SpoolError
from tests.agent.delivering import T0, ack, fill, seqs
from wire import ack as wire_ack
from wire.ack import Hello, Verdict


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_final_code_releases_and_makes_room(delivery: Delivery, code: int) -> None:
    (one,) = fill(delivery, 1)
    delivery.due(1)
    assert delivery.on_ack(ack(delivery, Verdict(1, one.digest, code)), 2) == [1]
    assert delivery.due(1000) == []


def test_when_it_was_answered_is_told_by_the_collectors_clock(delivery: Delivery) -> None:
    """By that of a board that has just begun it was days ago, or in 1970: what is kept for a replay went at once."""
    (one,) = fill(delivery, 1)
    delivery.due(1)
    delivery.on_ack(ack(delivery, Verdict(1, one.digest, 0)), 2)
    spool = delivery.spool
    assert isinstance(spool, Spool)
    assert (spool.prune(T0), spool.prune(T0 + 1)) == (0, 1)


@pytest.mark.parametrize(
    ("code", "counted"),
    [(10, "later"), (11, "too_large"), (12, "held_code_12"), (77, "held_code_77"), (-1, "held_code_-1")],
)
def test_any_other_code_deletes_nothing_and_is_counted(delivery: Delivery, code: int, counted: str) -> None:
    (one,) = fill(delivery, 1)
    delivery.due(1)
    assert delivery.on_ack(ack(delivery, Verdict(1, one.digest, code)), 2) == []
    assert +delivery.counts == {counted: 1}
    assert seqs(delivery.due(1000)) == [1]


def test_nothing_goes_before_a_connection(spool: Spool) -> None:
    made = Delivery(spool, random.Random(7), connect_pause_s=0)
    fill(made, 1)
    assert made.due(1) == []
    made.on_connect(1)
    assert seqs(made.due(1)) == [1]


def test_a_pause_that_the_collector_asks_for_is_kept_and_a_shorter_one_does_not_end_it(delivery: Delivery) -> None:
    one, *_ = fill(delivery, 20)
    delivery.due(1)
    for at_s, pause_ms in ((2, 60_000), (3, 1_000)):
        delivery.on_ack(ack(delivery, Verdict(1, one.digest, 0))._replace(pause_ms=pause_ms), at_s)
    assert delivery.due(61.9) == []
    assert delivery.due(62)


def test_an_answer_is_waited_for_four_times_as_long_as_the_last_ones_took(delivery: Delivery) -> None:
    one, two = fill(delivery, 2)
    delivery.due(0)
    delivery.on_ack(ack(delivery, Verdict(1, one.digest, 0), Verdict(2, two.digest, 0)), 20)
    fill(delivery, 1)
    assert seqs(delivery.due(20)) == [3]
    assert delivery.due(20 + 4 * 20 * (1 - JITTER) - 0.1) == []
    assert seqs(delivery.due(20 + 4 * 20 * (1 + JITTER))) == [3]


def test_spool_sequence_and_digest_must_all_fit(delivery: Delivery) -> None:
    one, two = fill(delivery, 2)
    delivery.due(1)
    wrong = [
        ack(delivery, Verdict(1, one.digest, 0), spool="f" * 32),
        ack(delivery, Verdict(1, "0" * 32, 0)),
        ack(delivery, Verdict(1, two.digest, 0)),
        ack(delivery, Verdict(99999, one.digest, 0)),
    ]
    for message in wrong:
        assert delivery.on_ack(message, 2) == []
    assert sorted(seqs(delivery.due(1000))) == [1, 2]


def test_an_acknowledgement_counts_for_its_own_batch_alone(delivery: Delivery) -> None:
    sealed = fill(delivery, 3)
    delivery.due(1)
    delivery.on_ack(ack(delivery, Verdict(3, sealed[2].digest, 0)), 2)
    assert sorted(seqs(delivery.due(1000))) == [1, 2]


def test_silence_is_answered_by_timer_with_growing_waits(delivery: Delivery) -> None:
    fill(delivery, 1)
    times = [t for t in range(1, 4000) if delivery.due(t)]
    waits = [b - a for a, b in pairwise(times)]
    assert 24 <= waits[0] <= 37
    assert all(wait <= RTO_MAX_S * 1.2 + 1 for wait in waits)
    assert waits[1] > 1.2 * waits[0]


def test_a_reconnect_sends_everything_again(delivery: Delivery) -> None:
    fill(delivery, 1)
    assert seqs(delivery.due(1)) == [1]
    delivery.on_disconnect()
    assert delivery.due(2) == []
    delivery.on_connect(3)
    assert seqs(delivery.due(3)) == [1]


def test_later_waits_as_long_as_asked_and_garbage_is_ignored(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    delivery.due(1)
    delivery.on_ack(ack(delivery, Verdict(1, one.digest, 10, {"after_ms": 2000})), 1)
    assert delivery.due(2.9) == []
    assert seqs(delivery.due(3.5)) == [1]
    delivery.on_ack(ack(delivery, Verdict(1, one.digest, 10, {"after_ms": -1})), 4)
    assert delivery.due(5) == []


def test_a_closed_window_lets_one_probe_through_every_ten_minutes(delivery: Delivery) -> None:
    fill(delivery, 5)
    delivery.on_ack(ack(delivery, window=0), 0)
    sent = [t for t in range(1, 1300) if delivery.due(t)]
    assert len(sent) == 3


def test_hello_detects_a_rolled_back_card(delivery: Delivery) -> None:
    delivery.on_hello(Hello("c1", T0, {delivery.spool.spool_id: 4}), next_seq=5, now_s=1, session="")
    assert not delivery.rolled_back
    delivery.on_hello(Hello("c1", T0, {delivery.spool.spool_id: 5}), next_seq=5, now_s=1, session="")
    assert delivery.rolled_back


def test_hello_brings_waiting_batches_forward(delivery: Delivery) -> None:
    fill(delivery, 1)
    delivery.due(1)
    assert delivery.due(2) == []
    delivery.on_hello(Hello("c1", T0, {}), next_seq=2, now_s=3, session="")
    assert seqs(delivery.due(3)) == [1]


def test_a_hello_does_not_end_the_wait_by_which_a_fleet_spreads(spool: Spool) -> None:
    firsts = []
    for seed in range(50):
        delivery = Delivery(spool, random.Random(seed), connect_pause_s=5.0)
        if not seed:
            fill(delivery, 1)
        delivery.on_connect(0)
        delivery.on_hello(Hello("c1", T0, {}), next_seq=2, now_s=0.01, session="")
        firsts.append(next(t / 10 for t in range(60) if delivery.due(t / 10)))
    assert min(firsts) < 1
    assert 4 < max(firsts) <= 5


def test_a_copy_dies_in_the_broker_when_the_next_is_due(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    sent_s, lives_s = 0.0, []
    for now_s in range(1, 3000):
        if delivery.due(now_s):
            if lives_s:
                assert now_s - sent_s == pytest.approx(lives_s[-1], abs=1.5)
            sent_s = now_s
            lives_s.append(delivery.copy_lives_s(one.id))
    assert 24 <= lives_s[0] <= 36
    assert max(lives_s) > 400


def live_for(delivery: Delivery, hours: int, answers: bool, every_s: int = 60) -> list[float]:
    """One batch that nobody answers beside others that are acknowledged, or not; when it was found ignored."""
    (poison,) = fill(delivery, 1)
    found: list[float] = []
    for now_s in range(1, hours * 3600, every_s):
        if answers and now_s % 1800 == 1:
            fill(delivery, 1)
        for one in delivery.due(now_s):
            if one.seq != poison.seq:
                delivery.on_ack(ack(delivery, Verdict(one.seq, one.digest, 0)), now_s + 0.1)
        if delivery.ignored and not found:
            found.append(now_s / 3600)
            assert delivery.ignored == {poison.id}
    return found


def test_what_nobody_answers_for_a_day_while_others_are_acknowledged_is_found(delivery: Delivery) -> None:
    (hours,) = live_for(delivery, 100, answers=True)
    assert hours >= 24


def test_an_outage_of_days_ignores_nobody(delivery: Delivery) -> None:
    assert live_for(delivery, 100, answers=False) == []


def test_a_batch_put_aside_keeps_its_bytes_and_has_a_gap_record(delivery: Delivery) -> None:
    (poison, other) = fill(delivery, 2)
    spool = delivery.spool
    assert isinstance(spool, Spool)
    unanswered.set_aside(spool, poison.id, T0 + 5_000)
    (file,) = unanswered.folder_of(spool.path).iterdir()
    assert (file.name, file.read_bytes()) == (f"{poison.spool}-{poison.seq}.batch", poison.data)
    kept, record = spool.oldest(9)
    assert kept.seq == other.seq
    (row,) = readings_of(record.data)[0]
    assert dict(row.series.tags)["reason"] == "unanswered"
    assert (row.values["from_seq"], row.values["to_seq"], row.values["lost_count"]) == (poison.seq, poison.seq, 1)
    unanswered.set_aside(spool, other.id, T0 + 6_000)
    assert (spool.lost("unanswered"), spool.lost("dropped")) == (2, 0)


def test_one_that_was_answered_meanwhile_and_one_beyond_the_hundredth_file_stay_in_the_spool(
    delivery: Delivery,
) -> None:
    answered, *others = fill(delivery, 3)
    spool = delivery.spool
    assert isinstance(spool, Spool)
    spool.release(answered.id, 0, T0)
    folder = unanswered.folder_of(spool.path)
    unanswered.set_aside(spool, answered.id, T0)
    assert not folder.exists()
    folder.mkdir()
    for number in range(99):
        (folder / f"{number}.batch").touch()
    for one in others:
        unanswered.set_aside(spool, one.id, T0)
    assert len(list(folder.iterdir())) == 100
    assert others[1].seq in seqs(spool.oldest(9))


def test_a_batch_that_has_gone_meanwhile_is_neither_split_nor_put_aside(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    spool = delivery.spool
    assert isinstance(spool, Spool)
    before = spool.depth()
    for care in (making_room.split, unanswered.set_aside):
        care(spool, one.id + 1, T0)
    assert spool.depth() == before
    assert not unanswered.folder_of(spool.path).exists()


def test_a_batch_whose_file_cannot_be_written_stays_in_the_spool(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    spool = delivery.spool
    assert isinstance(spool, Spool)
    unanswered.folder_of(spool.path).touch()
    with pytest.raises(SpoolError, match=f"{spool.spool_id}-{one.seq}.batch: .* Cure: free space"):
        unanswered.set_aside(spool, one.id, T0)
    assert seqs(spool.oldest(9)) == [one.seq]


def test_other_bytes_stored_under_a_number_that_waits_mean_a_restored_card(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    assert delivery.on_ack(ack(delivery, Verdict(1, "0" * 32, 10)), 2) == []
    assert not delivery.rolled_back
    assert delivery.on_ack(ack(delivery, Verdict(1, "0" * 32, 3)), 2) == []
    assert delivery.rolled_back
    assert seqs(delivery.spool.oldest(9, [])) == [one.seq]


def test_a_birth_nobody_seems_to_have_heard_is_said_again_but_seldom(delivery: Delivery) -> None:
    fill(delivery, 1)
    heard = []
    for now_s in range(1, 1000):
        delivery.due(now_s)
        if delivery.unheard:
            heard.append(now_s)
            delivery.unheard = False
    assert 60 < heard[0] < 130
    assert all(later - earlier >= 300 for earlier, later in pairwise(heard))


def test_a_link_on_which_nobody_answers_is_as_good_as_none(delivery: Delivery) -> None:
    """A database that is away for a month must not fill the card with batches of five seconds."""
    (one, _) = fill(delivery, 2)
    assert delivery.is_answered(1)
    assert not delivery.is_answered(UNANSWERED_S + 1)
    delivery.on_ack(ack(delivery, Verdict(1, one.digest, 0)), 1000)
    assert delivery.is_answered(1001)
    delivery.on_disconnect()
    assert not delivery.is_answered(1001)


def test_a_live_batch_that_was_lost_on_its_way_goes_ahead_again(delivery: Delivery) -> None:
    sealed = {one.seq: one for one in fill(delivery, 400)}
    delivery.due(1)
    now_s, went = 1.0, [400]
    while not set(went) - {1, 2, 3, 4, 5, 6} or went[0] < 300:
        delivery.on_ack(ack(delivery, *(Verdict(n, sealed[n].digest, 0) for n in went if n < 399)), now_s + 0.1)
        now_s += 1
        went = seqs(delivery.due(now_s))
        assert now_s < 60
    assert went[0] in (399, 400), "by its timer, and not behind days of backlog"


def test_a_fortnight_without_an_answer_is_outlived(delivery: Delivery) -> None:
    fill(delivery, 1)
    tries = sum(bool(delivery.due(n * (RTO_MAX_S + 200))) for n in range(2000))
    assert tries > 1024, "and 2 ** 1024 seconds were no number"


def test_a_hello_written_far_ahead_holds_no_answer_back_once_the_next_has_come(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    delivery.due(1)
    said = ack(delivery, Verdict(1, one.digest, 0))
    right, ahead = Hello("c1", T0, {}, session="5" * 16), Hello("c1", T0 + 86_400_000, {}, session="5" * 16)
    delivery.on_hello(ahead, 2, 1, "5" * 16)
    assert delivery.on_ack(said, 2) == []
    delivery.on_hello(right, 2, 3, "5" * 16)
    delivery.on_hello(ahead._replace(session="4" * 16), 2, 3, "5" * 16)  # of the session before: a broker has kept it
    assert delivery.on_ack(said._replace(now_ms=T0 - 1), 4) == [], "kept from before this session"
    assert delivery.on_ack(said, 4) == [1]


def test_a_hello_that_names_no_session_is_one_of_a_collector_of_before(delivery: Delivery) -> None:
    (one,) = fill(delivery, 1)
    delivery.due(1)
    for now_ms in (T0 + 1, T0 - 5):
        delivery.on_hello(Hello("c1", now_ms, {}), 2, 1, "5" * 16)
    assert delivery.on_ack(ack(delivery, Verdict(1, one.digest, 0)), 2) == []


def test_a_hello_names_the_session_it_answers_and_need_not() -> None:
    for hello in (Hello("c1", T0, {"6" * 32: 3}, session="5" * 16), Hello("c1", T0, {"6" * 32: 3})):
        assert wire_ack.decode(wire_ack.encode(hello)) == hello
    assert b"session" not in wire_ack.encode(Hello("c1", T0, {}))
