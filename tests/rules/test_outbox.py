"""Nothing is lost on the way out: order is kept, failures wait, what cannot be delivered is kept with the reason."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.alerts.duty import Duty
from collector.rules.desk import Desk
from collector.rules.notification import Notification, notification
from collector.rules.outbox import GIVE_UP_MS, LOG_LINES, LONGEST_RETRY_MS, Delivery, Outbox, Route
from collector.rules.standing import Line
from tests.rules.transitions import firing

T0 = 1_790_000_000_000
ROUTES = {"bureau": Route("wecom", "sms")}


def note(number, order="bureau|a", receiver="bureau"):
    return Notification(f"k{number}", receiver, "news", order, "major", T0, (), f"第{number}条", f"number {number}")


def test_a_message_is_sent_once_and_taken_once():
    box = Outbox(ROUTES)
    box.put([note(1), note(1)], T0)
    (delivery,) = box.due(T0)
    assert (delivery.channel, delivery.text_zh) == ("wecom", "第1条")
    assert box.due(T0 + 1) == []
    box.succeeded(delivery.name, T0 + 5)
    box.put([note(1)], T0 + 10)
    assert box.due(T0 + 10) == []
    assert [(a.outcome, a.channel) for a in box.log] == [("sent", "wecom")]


def test_a_dead_receiver_for_six_hours_loses_nothing_and_keeps_the_order():
    box, got, now = Outbox(ROUTES), [], T0
    for i in range(60):
        box.put([note(i, f"bureau|{'ab'[i % 2]}")], T0 + i * 60_000)
    while (due := box.next_due_ms()) is not None:
        now = max(now, due)
        for delivery in box.due(now):
            if delivery.channel == "wecom" and now < T0 + 6 * 3_600_000:
                box.failed(delivery.name, now, "502 Bad Gateway")
            else:
                box.succeeded(delivery.name, now)
                got.append((delivery.channel, delivery.order, int(delivery.key[1:])))
    for order in "ab":
        for channel in ("wecom", "sms"):
            numbers = [n for c, o, n in got if c == channel and o == f"bureau|{order}"]
            assert numbers == sorted(numbers)
    assert {n for c, _, n in got if c == "wecom"} == set(range(60))
    assert now <= T0 + 6 * 3_600_000 + LONGEST_RETRY_MS
    assert box.dead == {}


def test_back_off_doubles_from_a_second_and_honours_retry_after():
    box, waits, now = Outbox({"bureau": Route("wecom")}), [], T0
    box.put([note(1)], now)
    for attempt in range(14):
        (delivery,) = box.due(now)
        box.failed(delivery.name, now, "timeout", retry_after_ms=60_000 if attempt == 13 else None)
        waits.append(delivery.due_ms - now)
        now = delivery.due_ms
    assert waits[:5] == [1000, 2000, 4000, 8000, 16000]
    assert waits[-2:] == [LONGEST_RETRY_MS] * 2
    (delivery,) = box.due(now)
    box.succeeded(delivery.name, now)
    box.put([note(2)], now)
    (delivery,) = box.due(now)
    box.failed(delivery.name, now, "429", retry_after_ms=30_000)
    assert delivery.due_ms == now + 30_000


def test_a_message_refused_for_good_goes_the_second_way_and_is_kept():
    box = Outbox(ROUTES)
    box.put([note(1), note(2, receiver="nobody")], T0)
    (delivery,) = box.due(T0)
    box.failed(delivery.name, T0, "410 Gone", for_good=True)
    assert [d.channel for d in box.due(T0)] == ["sms"]
    assert sorted(d.why for d in box.dead.values()) == ["410 Gone", "no channel for the receiver 'nobody'"]
    assert box.revive(delivery.name, T0 + 1)
    assert [d.channel for d in box.due(T0 + 1)] == ["wecom"]


def test_what_waits_behind_a_message_that_fails_takes_the_second_channel_too():
    box, got = Outbox(ROUTES), []
    for minute in range(6 * 60):
        now = T0 + minute * 60_000
        if minute % 60 == 0:
            box.put([note(minute)], now)
        for delivery in box.due(now):
            if delivery.channel == "wecom":
                box.failed(delivery.name, now, "502 Bad Gateway")
            else:
                box.succeeded(delivery.name, now)
                got.append((delivery.key, minute))
    assert got == [(f"k{minute}", minute + 10) for minute in range(0, 6 * 60, 60)]


def test_a_channel_that_never_ends_with_a_message_is_deaf_and_the_second_is_told_whatever_waits_for_it():
    """A mail server that trickles: its thread says neither yes nor no."""
    box, got = Outbox(ROUTES), []
    box.put([note(1)], T0)
    for minute in range(20):
        now = T0 + minute * 60_000
        assert box.deaf(now) == ({"wecom"} if minute >= 5 else set())
        if minute == 3:
            box.put([note(2, "bureau|b")], now)
            assert len(box.due(now, "sms")) == 0
        for delivery in [*box.due(now, "sms"), *(box.due(now, "wecom") if minute == 0 else ())]:
            if delivery.channel == "sms":
                box.succeeded(delivery.name, now)
                got.append((delivery.key, minute))
    assert got == [("k1", 10), ("k2", 13)]
    box.succeeded("k1|wecom", now)
    assert box.deaf(now) == set()
    assert [each.key for each in box.due(now, "wecom")] == ["k2"]


def due(box: Outbox) -> int:
    due_ms = box.next_due_ms()
    assert due_ms is not None
    return due_ms


def test_a_channel_that_takes_nothing_for_half_an_hour_is_called_deaf_until_it_does():
    box, now = Outbox({"bureau": Route("wecom")}), T0
    box.put([note(1)], T0)
    while now < T0 + 30 * 60_000:
        assert box.deaf(now) == set()
        now = max(now, due(box))
        for delivery in box.due(now):
            box.failed(delivery.name, now, "401 Unauthorized")
    assert box.deaf(now) == {"wecom"}
    box.succeeded("k1|wecom", now)
    assert box.deaf(now) == set()


def test_a_second_channel_that_hears_the_same_as_a_receiver_hears_it_once():
    box = Outbox({"bureau": Route("bureau", "phone"), "phone": Route("phone")})
    told = [Line("firing", firing())]
    box.put([notification(name, "news", "east/lp-1/value", told, T0) for name in ("bureau", "phone")], T0)
    for minute in range(30):
        for delivery in box.due(T0 + minute * 60_000):
            if delivery.channel == "phone":
                box.succeeded(delivery.name, T0 + minute * 60_000)
            else:
                box.failed(delivery.name, T0 + minute * 60_000, "502 Bad Gateway")
    assert [attempt.outcome for attempt in box.log if attempt.channel == "phone"] == ["sent"]


def test_the_end_of_what_the_second_channel_was_told_is_told_there_too():
    box, got = Outbox(ROUTES), []

    def pass_on(now, box, is_down):
        for delivery in box.due(now):
            if is_down and delivery.channel == "wecom":
                box.failed(delivery.name, now, "502 Bad Gateway")
            else:
                box.succeeded(delivery.name, now)
                got.append((delivery.channel, delivery.body["lines"][0][0]))

    fired = firing()
    for minute in range(12):
        box.put([notification("bureau", "news", "east/lp-1/value", [Line("firing", fired)], T0)], T0 + minute * 60_000)
        pass_on(T0 + minute * 60_000, box, True)
    pass_on(T0 + 30 * 60_000, box, False)
    again = Outbox.restore(ROUTES, [Delivery(**asdict(each)) for each in box.changes()[0]], T0 + 31 * 60_000)
    for minute in (40, 50):  # an end, and an episode that begins and ends when all is well
        lines = [Line("resolved", replace(fired, state="resolved", event_ms=T0 + minute * 60_000))]
        again.put([notification("bureau", "news", "east/lp-1/value", lines, T0)], T0 + minute * 60_000)
        pass_on(T0 + minute * 60_000, again, False)
    assert got == [
        ("sms", "firing"),
        ("wecom", "firing"),
        ("wecom", "resolved"),
        ("sms", "resolved"),
        ("wecom", "resolved"),
    ]


@pytest.mark.parametrize(
    ("course", "up_from", "expected"),
    [
        ([(0, "news", "firing", 0), (20, "reminder", "firing", 0), (25, "news", "resolved", 0)], 60, "FFR"),
        ([(0, "news", "firing", 0), (25, "news", "resolved", 3)], 12, "FR"),
        ([(0, "news", "firing", 0), (9, "news", "resolved", 0)], 12, "FR"),
    ],
    ids=["behind a reminder that waits", "of a later episode, where it flapped", "made before the beginning went"],
)
def test_the_end_is_the_last_that_the_second_channel_hears(course, up_from, expected):
    """Who was told by it that something fires was told so for ever."""
    box, got = Outbox(ROUTES), []
    for minute in range(60):
        now = T0 + minute * 60_000
        for _, what, state, start in [each for each in course if each[0] == minute]:
            alert = replace(firing(start, start=T0 + start * 60_000), state=state, event_ms=now)
            box.put([notification("bureau", what, "east/lp-1/value", [Line(state, alert)], now)], now)
        for delivery in box.due(now):
            if delivery.channel == "wecom" and minute < up_from:
                box.failed(delivery.name, now, "502 Bad Gateway")
            else:
                box.succeeded(delivery.name, now)
                got += [delivery.body["lines"][0][0][0].upper()] if delivery.channel == "sms" else []
    assert "".join(got) == expected


def test_what_waits_for_a_channel_that_the_settings_name_no_more_is_dead_mail():
    box = Outbox({"bureau": Route("wecom")})
    box.put([note(1)], T0)
    again = Outbox.restore({"bureau": Route("sms")}, box.changes()[0], T0 + 1)
    assert again.open == {}
    (dead,) = again.dead.values()
    assert dead.why == "the settings name no channel 'wecom' any more"
    assert again.changes()[0] == [dead]
    answer = Duty(Desk(), again).do("revive", {"delivery": dead.name, "who": "li"}, T0 + 2)
    assert answer == {"refused": "the settings name no channel 'wecom'"}


@pytest.mark.parametrize(("before", "after"), [(None, "sms"), ("pager", "sms"), ("sms", "sms")])
def test_what_waits_takes_the_second_channel_that_the_settings_name_now(before, after):
    """Named because the first had failed: what waited already never went there, or to one that was gone."""
    box, sent = Outbox({"bureau": Route("wecom", before), "pager": Route("pager")}), []
    box.put([note(1)], T0)

    def tell(box, minutes):
        for minute in minutes:
            for delivery in box.due(T0 + minute * 60_000):
                if delivery.channel == "wecom":
                    box.failed(delivery.name, T0 + minute * 60_000, "502 Bad Gateway")
                else:
                    box.succeeded(delivery.name, T0 + minute * 60_000)
                    sent.append(delivery.channel)

    tell(box, range(5))
    for started in (5, 30):  # and once more, when the second has it
        known = [Delivery(**asdict(each)) for each in (*box.open.values(), *box.changes()[0])]
        box = Outbox.restore({"bureau": Route("wecom", after)}, {each.name: each for each in known}.values(), T0)
        tell(box, range(started, started + 20))
    assert sent == ["sms"]


def test_a_clock_that_is_set_back_by_hours_holds_up_no_message():
    box = Outbox(ROUTES)
    box.put([note(1)], T0)
    (delivery,) = box.due(T0)
    box.failed(delivery.name, T0, "502 Bad Gateway")
    earlier = T0 - 8 * 3_600_000
    assert {d.channel for d in box.due(earlier)} >= {"wecom"}


def test_what_fails_by_a_clock_that_was_ahead_takes_the_second_channel_in_time_once_it_is_set_back():
    """It tried the first alone, and nobody heard that it was deaf, for all the hours that it was ahead."""
    box, ahead, minute = Outbox(ROUTES), T0 + 8 * 3_600_000, 60_000
    box.put([note(1)], ahead)
    (delivery,) = box.due(ahead)
    box.failed(delivery.name, ahead, "502 Bad Gateway")
    for now in (T0, T0 + 9 * minute):
        assert {each.channel for each in box.due(now)} <= {"wecom"}
        box.failed(delivery.name, now, "502 Bad Gateway")
    tried = box.due(T0 + 10 * minute)
    for each in tried:
        box.failed(each.name, T0 + 10 * minute, "502 Bad Gateway")
    assert "sms" in {each.channel for each in tried}
    assert box.deaf(T0 + 29 * minute) == set()
    assert box.deaf(T0 + 30 * minute) == {"wecom"}


def test_a_message_that_hangs_since_a_clock_was_ahead_sends_the_others_elsewhere_once_it_is_set_back():
    box, ahead = Outbox(ROUTES), T0 + 8 * 3_600_000
    box.put([note(1), note(2)], ahead)
    (hangs,) = box.due(ahead)
    assert box.due(T0) == []
    assert {each.channel for each in box.due(T0 + 600_000)} == {"sms"}
    assert hangs.state == "sending"


def test_a_day_of_failures_ends_in_the_dead_letters_with_the_reason():
    box, now = Outbox({"bureau": Route("wecom")}), T0
    box.put([note(1), note(2)], now)
    while not box.dead:
        now = max(now, due(box))
        for delivery in box.due(now):
            box.failed(delivery.name, now, "connection refused")
        assert box.open or box.dead
        now += 1
    assert GIVE_UP_MS <= now - T0 <= GIVE_UP_MS + LONGEST_RETRY_MS
    assert [d.key for d in box.due(now)] == ["k2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["put", "ok", "fail", "die", "wait"]), max_size=60))
def test_whatever_dies_when_every_message_is_sent_and_each_order_is_kept(moves):
    box, got, made, now = Outbox({"bureau": Route("wecom")}), [], 0, T0
    sending, kept = [], {}
    for move in [*moves, *["wait", "ok"] * 80]:
        now += 1
        if move == "put":
            box.put([note(made, f"o{made % 3}")], now)
            made += 1
        elif move == "wait":
            now = max(now, box.next_due_ms() or now)
            sending += box.due(now)
        elif move == "die":
            for delivery in box.changes()[0]:
                kept[delivery.name] = json.dumps(asdict(delivery))
            box, sending = Outbox.restore(box.routes, (Delivery(**json.loads(text)) for text in kept.values()), now), []
        elif sending:
            delivery = sending.pop(0)
            if move == "ok":
                box.succeeded(delivery.name, now)
                got.append(int(delivery.key[1:]))
            else:
                box.failed(delivery.name, now, "500")
    assert sorted(got) == list(range(made))
    for order in range(3):
        numbers = [n for n in got if n % 3 == order]
        assert numbers == sorted(numbers)


def test_a_restart_sends_what_waited_in_its_order_and_neither_the_delivered_nor_the_dead():
    box = Outbox(ROUTES)
    for number in range(5):
        box.put([note(number, f"bureau|{number}")], T0)
    delivered, dead, *_ = box.due(T0)
    box.succeeded(delivered.name, T0)
    box.failed(dead.name, T0, "400", for_good=True)
    known, _ = box.changes()
    again = Outbox.restore(ROUTES, reversed(known), T0 + 1)
    again.put([note(0, "bureau|0"), note(1, "bureau|1"), note(5, "bureau|5")], T0 + 1)
    assert [each.key for each in again.due(T0 + 1, "wecom")] == ["k2", "k3", "k4", "k5"]
    assert [each.key for each in again.dead.values()] == ["k1"]
    assert again.revive(dead.name, T0 + 2)
    assert [(each.key, each.attempts) for each in again.due(T0 + 2, "wecom")] == [("k1", 1)]
    assert not again.revive(dead.name, T0 + 3), "it is no dead letter any more"


def test_what_is_kept_of_the_past_is_bounded():
    box = Outbox(ROUTES)
    for number in range(LOG_LINES + 50):
        box.put([note(number)], T0 + number * GIVE_UP_MS // 1000)
        for delivery in box.due(T0 + number * GIVE_UP_MS // 1000):
            box.succeeded(delivery.name, T0 + number * GIVE_UP_MS // 1000)
    assert [len(box.log), len(box.changes()[1])] == [LOG_LINES] * 2
    assert len(box._done) <= 1000
