"""A receiver that is down, slow, overloaded or behind a captive portal loses nothing; each alert's order is kept."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.alerts.book import Book
from collector.files.statedb import open_state
from collector.notify.alertmanager import Alertmanager
from collector.notify.channel import NotNow, Outcome, Told
from collector.notify.grant import Grants
from collector.notify.message import Place, Writer
from collector.notify.teller import MANY, Teller
from collector.notify.webhook import Webhook
from collector.rules.desk import Desk
from collector.rules.outbox import GIVE_UP_MS, LONGEST_RETRY_MS, Delivery, Outbox, Route
from collector.rules.policy import Policy
from collector.rules.series import Series
from collector.rules.transition import transition
from tests.alerts.receiver import Receiver
from tests.rules.high import PM25_HIGH
from tests.servers import wait_for
from wire.times import MINUTE_MS

T0 = 1_790_000_000_000
SECRET = "a shared secret"
WRITER = Writer(lambda node: Place(f"{node} 站", f"Station {node}", ZoneInfo("Asia/Shanghai")), "https://city.example")


class Office:
    """A desk, an outbox and a webhook on a clock that the test moves."""

    def __init__(self, folder: Path, url: str, second: str | None = None) -> None:
        self.now_ms = T0
        self.desk = Desk(Policy(group_ms=0, flap_changes=20, receivers=("hook",)))
        self.channels = [Webhook("hook", url, SECRET, WRITER)]
        routes = {"hook": Route("hook")}
        if second is not None:
            self.channels.append(Webhook("second", second, None, WRITER))
            routes = {"hook": Route("hook", "second"), "second": Route("second")}
        self.book = Book(open_state(folder / "state.db"))
        self.book._db.execute("PRAGMA synchronous=OFF")
        self.outbox = Outbox(routes)
        self.teller = Teller(self.outbox, self.channels, self._save, lambda: self.now_ms)

    def _save(self, *changes: object) -> None:
        with self.book.commit():
            self.book.save_outbox(*changes)  # type: ignore[arg-type]

    def change(self, node: str, state: str, episode: int) -> None:
        series = Series.of("air_quality", {"site": "east", "node": node, "sensor": "air-1"})
        said = transition(series, PM25_HIGH, T0 + episode * MINUTE_MS, 80.0, state, self.now_ms)
        self.desk.hear([said], self.now_ms)
        self.outbox.put(self.desk.tick(self.now_ms), self.now_ms)

    def tell(self) -> None:
        for channel in self.channels:
            self.teller.step(channel)

    def wait(self, until_ms: int) -> None:
        """Let time pass, telling whenever something is due."""
        while (due_ms := self.outbox.next_due_ms()) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.tell()
        self.now_ms = until_ms


@pytest.fixture
def office(tmp_path: Path, receiver: Receiver) -> Iterator[Office]:
    made = Office(tmp_path, receiver.url)
    yield made
    made.book.close()


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Node, state and episode of everything that was taken, in order."""
    return [(a["labels"]["node"], a["state"], a["key"]) for message in receiver.took for a in message["alerts"]]


@pytest.mark.parametrize("mood", ["drop", "500", "429", "page", "redirect"])
def test_six_hours_of_a_receiver_that_takes_nothing(office: Office, receiver: Receiver, mood: str) -> None:
    receiver.mood = mood
    wanted = []
    for episode in range(12):  # an episode on each of three stations every half hour
        for node in ("lp-1", "lp-2", "lp-3"):
            office.change(node, "firing", episode)
            office.change(node, "resolved", episode)
            wanted += [(node, state, episode) for state in ("firing", "resolved")]
        office.wait(T0 + (episode + 1) * 30 * MINUTE_MS)
    assert receiver.took == []
    assert office.outbox.dead == {}
    receiver.mood = "ok"
    office.wait(office.now_ms + LONGEST_RETRY_MS + MINUTE_MS)
    assert office.outbox.open == {}, "everything was told"
    got = told(receiver)
    assert len(got) == len(wanted) == 72
    for node in ("lp-1", "lp-2", "lp-3"):
        mine = [(state, key) for n, state, key in got if n == node]
        assert mine == sorted(mine, key=lambda each: (int(each[1].rpartition("|")[2]), each[0] == "resolved"))
    assert len({message["key"] for message in receiver.took}) == len(receiver.took), "nothing was told twice"


def test_a_slow_receiver_holds_up_its_own_channel_only(tmp_path: Path, receiver: Receiver) -> None:
    other = Receiver()
    office = Office(tmp_path, receiver.url, other.url)
    office.desk.policy = Policy(group_ms=0, receivers=("hook", "second"))
    receiver.mood, receiver.slow_s = "slow", 0.8
    office.now_ms = 0
    office.teller._now_ms = lambda: T0
    for node in ("lp-1", "lp-2"):
        office.change(node, "firing", 0)
    office.teller.start()
    try:
        wait_for("the quick channel", lambda: len(other.took) == 2, 5)
        assert len(receiver.took) < 2
        wait_for("the slow channel", lambda: len(receiver.took) == 2, 10)
    finally:
        office.teller.stop()
        other.close()
        office.book.close()


def test_channels_that_hang_hold_up_the_end_of_the_program_once_and_not_each_in_turn(office: Office) -> None:
    """Mail to four is a channel for each, and one server may keep all four waiting."""
    hanging, over = threading.Semaphore(0), threading.Event()

    class Hanging:
        at_once, pause_s = 1, 0.0

        def __init__(self, name: str) -> None:
            self.name = name

        def send(self, deliveries: Sequence[Delivery]) -> Outcome:  # noqa: ARG002
            hanging.release()
            over.wait(60)
            return Told()

    names = ("hook", "hook:2", "hook:3", "hook:4")
    office.outbox = Outbox({"hook": Route("hook", more=names[1:])})
    office.teller = Teller(office.outbox, map(Hanging, names), office._save, lambda: T0)
    office.change("lp-1", "firing", 0)
    office.teller.start()
    try:
        for _ in names:
            assert hanging.acquire(timeout=10)
        began_s = time.monotonic()
        office.teller.stop(timeout_s=1.0)
        assert time.monotonic() - began_s < 2.0
    finally:
        over.set()
        office.teller.stop()


def test_the_second_channel_takes_over_and_says_the_same(tmp_path: Path, receiver: Receiver) -> None:
    phone = Receiver()
    office = Office(tmp_path, receiver.url, phone.url)
    receiver.mood = "500"
    office.change("lp-1", "firing", 0)
    office.wait(T0 + 9 * MINUTE_MS)
    assert phone.took == []
    office.wait(T0 + 30 * MINUTE_MS)
    assert told(phone) == [("lp-1", "firing", phone.took[0]["alerts"][0]["key"])]
    receiver.mood = "ok"
    office.wait(T0 + 60 * MINUTE_MS)
    assert told(receiver) == told(phone)
    phone.close()
    office.book.close()


def test_after_a_day_it_is_a_dead_letter_with_the_reason_and_can_be_sent_again(
    office: Office, receiver: Receiver
) -> None:
    receiver.mood = "500"
    office.change("lp-1", "firing", 0)
    office.wait(T0 + GIVE_UP_MS + 2 * LONGEST_RETRY_MS)
    (dead,) = office.book.deliveries(state="dead")
    assert dead.why == "HTTP 500"
    receiver.mood = "ok"
    assert office.outbox.revive(dead.name, office.now_ms)
    office.tell()
    assert [node for node, _, _ in told(receiver)] == ["lp-1"]


def test_retry_after_is_honoured(office: Office, receiver: Receiver) -> None:
    receiver.mood = "429"
    office.change("lp-1", "firing", 0)
    office.tell()
    assert office.outbox.next_due_ms() == T0 + 7_000


def test_a_message_says_all_in_both_languages_and_is_signed(office: Office, receiver: Receiver) -> None:
    import hashlib
    import hmac
    import json

    office.change("lp-1", "firing", 0)
    office.tell()
    (message,), (headers,) = receiver.took, receiver.headers
    assert message["text"]["zh"] == (
        "[告警] lp-1 站\n[告警] PM2.5 过高：PM2.5 触发时 80 µg/m³（阈值 > 75），air-1，始于 2026-09-21 22:13:20\n"
        f"  https://city.example/ops/alert/{message['alerts'][0]['fingerprint']}"
    )
    assert (
        "Station lp-1\n[FIRING] PM2.5 too high: PM2.5 began at 80 µg/m³ (limit > 75), air-1, since"
        in message["text"]["en"]
    )
    del message["came_ms"]
    body = json.dumps(message, ensure_ascii=False).encode()
    assert headers["X-Lamppost-Signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Lamppost-Key"] == message["key"]


def test_what_is_in_the_file_brings_the_outbox_back(office: Office, receiver: Receiver, tmp_path: Path) -> None:
    receiver.mood = "500"
    for node in ("lp-1", "lp-2"):
        office.change(node, "firing", 0)
    office._save(*office.outbox.changes())
    office.tell()
    receiver.mood = "ok"
    sqlite3.connect(tmp_path / "state.db").close()
    office.outbox = Outbox.restore(office.outbox.routes, office.book.outbox(0), office.now_ms)
    office.teller = Teller(office.outbox, office.channels, office._save, lambda: office.now_ms)
    office.wait(T0 + MINUTE_MS)
    assert sorted(node for node, _, _ in told(receiver)) == ["lp-1", "lp-2"]
    again = Outbox.restore(office.outbox.routes, office.book.outbox(0), office.now_ms)
    assert again.open == {}


def test_a_whole_district_at_once_is_told_to_the_last_station(office: Office, receiver: Receiver) -> None:
    for number in range(3 * MANY):
        office.change(f"lp-{number:03d}", "firing", 0)
    office.wait(T0 + MINUTE_MS)
    assert len({node for node, _, _ in told(receiver)}) == 3 * MANY


class Phone:
    """A channel that people read: what it was given, and when."""

    name, at_once, pause_s = "hook", 500, 0.0

    def __init__(self) -> None:
        self.took: list[list[Delivery]] = []
        self.outcome: Outcome = Told()

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        self.took.append(list(deliveries))
        return self.outcome


def test_people_get_a_storm_as_one_message_and_the_next_change_after_it(office: Office) -> None:
    phone: Any = Phone()
    office.channels[:] = [phone]
    phone.outcome = NotNow("busy")
    for number in range(3 * MANY):
        office.change(f"lp-{number:03d}", "firing", 0)
        office.change(f"lp-{number:03d}", "resolved", 0)
    office.tell()
    phone.outcome = Told()
    office.wait(T0 + MINUTE_MS)
    refused, *took = [[each.body["lines"][0][0] for each in together] for together in phone.took]
    assert refused == ["firing"] * 3 * MANY
    assert took == [["firing"] * 3 * MANY, ["resolved"] * 3 * MANY]
    assert office.outbox.open == {}


def test_people_are_not_told_faster_than_they_read(office: Office) -> None:
    phone = Phone()
    phone.pause_s = 30.0
    office.teller = Teller(office.outbox, [phone], office._save, lambda: T0)
    office.teller.start()
    try:
        office.change("lp-1", "firing", 0)
        office.teller.wake()
        wait_for("the first", lambda: len(phone.took) == 1, 5)
        for node in ("lp-2", "lp-3"):
            office.change(node, "firing", 0)
        office.teller.wake()
    finally:
        office.teller.stop()
    assert len(phone.took) == 1
    assert len(office.outbox.open) == 2, "they wait for the next message, and outlive the program"


def test_between_two_messages_people_have_a_pause(office: Office) -> None:
    class Watch(Phone):
        pause_s = 0.2

        def send(self, deliveries: Sequence[Delivery]) -> Outcome:
            came_s.append(time.monotonic())
            return super().send(deliveries)

    came_s: list[float] = []
    office.teller = Teller(office.outbox, [Watch()], office._save, lambda: T0)
    office.teller.start()
    try:
        for number, node in enumerate(("lp-1", "lp-2"), start=1):
            with office.teller.lock:
                office.change(node, "firing", 0)
            office.teller.wake()
            wait_for(f"message {number}", lambda wanted=number: len(came_s) == wanted, 5)  # type: ignore[misc]
    finally:
        office.teller.stop()
    assert came_s[1] - came_s[0] >= 0.2


def test_a_channel_that_breaks_and_a_file_that_takes_nothing_lose_no_message(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    for node in ("lp-1", "lp-2", "lp-3"):
        office.change(node, "firing", 0)
    with monkeypatch.context() as here:
        here.setattr(office.channels[0], "send", broken)
        office.tell()
    with monkeypatch.context() as here:
        here.setattr(office.teller, "_save", broken)
        office.wait(T0 + MINUTE_MS)
    assert sorted(node for node, _, _ in told(receiver)) == ["lp-1", "lp-2", "lp-3"]
    assert office.outbox.open == {}


def test_a_channel_that_cannot_repeat_goes_on_telling(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    class Breaks(Phone):
        repeat_ms = 0

        def repeat(self) -> Outcome:
            raise RuntimeError("out of order")

    phone = Breaks()
    office.teller = Teller(office.outbox, [phone], office._save, lambda: T0)
    office.teller.start()
    try:
        for number, node in enumerate(("lp-1", "lp-2"), start=1):
            with office.teller.lock:
                office.change(node, "firing", 0)
            office.teller.wake()
            wait_for(f"message {number}", lambda wanted=number: len(phone.took) == wanted, 10)  # type: ignore[misc]
    finally:
        office.teller.stop()
    assert "out of order" in caplog.text


def test_a_channel_that_has_nothing_to_repeat_is_not_up_by_that(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """A collector that stands by said once a minute of an Alertmanager that was away: it takes notifications again."""

    class Away(Alertmanager):
        repeat_ms = 0
        repeats = 0

        def repeat(self) -> Outcome | None:
            self.repeats += 1
            return super().repeat()

    away = Away("hook", "http://127.0.0.1:1", WRITER, tuple, lambda: T0)
    office.teller = Teller(office.outbox, [away], office._save, lambda: T0)
    office.change("lp-1", "firing", 0)
    office.teller.start()
    try:
        wait_for("the next minute", lambda: away.repeats > 1)
    finally:
        office.teller.stop()
    assert "does not take a notification: Connection refused" in caplog.text
    assert "again" not in caplog.text


def test_what_was_told_is_let_go_of_after_a_month_and_what_nobody_took_after_a_year(
    office: Office, receiver: Receiver
) -> None:
    def kept(days: int) -> set[str]:
        with office.book.commit():
            office.book.forget(T0 + days * 86_400_000)
        return {each.state for each in office.book.deliveries()}

    receiver.mood = "500"
    office.change("lp-1", "firing", 0)
    office.wait(T0 + GIVE_UP_MS + 2 * LONGEST_RETRY_MS)
    receiver.mood = "ok"
    office.change("lp-2", "firing", 0)
    office.tell()
    told_of, *_ = office.book.deliveries(state="delivered")
    assert kept(30) == {"dead", "delivered"}
    assert office.book.attempts(told_of.key, told_of.channel)
    assert kept(32) == {"dead"}
    assert not office.book.attempts(told_of.key, told_of.channel)
    assert (kept(400), kept(402)) == ({"dead"}, set())


def test_messages_carry_a_link_for_the_reader_of_what_fires_and_of_few_only(office: Office, receiver: Receiver) -> None:
    grants = Grants(b"k" * 32, 60 * MINUTE_MS)
    office.channels[0]._writer = WRITER._replace(grants=grants)
    office.change("lp-1", "firing", 0)
    office.tell()
    office.change("lp-1", "resolved", 0)
    office.tell()
    firing, resolved = receiver.took
    (alert,) = firing["alerts"]
    grant = grants.read(alert["act"].removeprefix("https://city.example/act/"))
    assert grant is not None
    assert (grant.fingerprint, grant.expires_ms, grant.channel) == (alert["fingerprint"], T0 + 60 * MINUTE_MS, "hook")
    assert grant.covers(alert["fingerprint"], alert["key"])
    assert f"  确认或静默：{alert['act']}" in firing["text"]["zh"]
    assert "  Acknowledge or silence: https://city.example/en/act/" in firing["text"]["en"]
    assert resolved["alerts"][0]["act"] is None
    assert "/act/" not in resolved["text"]["zh"]
