"""No message leaves for an address that is never called, whatever a name or an answer says."""

from __future__ import annotations

import pytest
import urllib3

from collector.alerts.settings import Alerts
from collector.notify.addresses import Forbidden, Inner, checked_addresses
from collector.notify.channel import Never, NotNow, Told
from collector.notify.post import Answer, outcome, post, trouble
from tests.alerts.receiver import Receiver
from tests.garbage import none_is_left
from tests.trickle import Trickle

NEVER = ["169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "::ffff:169.254.169.254", "255.255.255.255"]


@pytest.mark.parametrize("address", NEVER)
def test_a_name_that_leads_to_such_an_address_is_refused(address: str) -> None:
    with pytest.raises(Forbidden):
        checked_addresses("alerts.city.example", 443, lambda *_: ["203.0.113.7", address])
    with pytest.raises(Forbidden):
        checked_addresses(address, 80)


def test_loopback_is_called_only_when_the_settings_name_it() -> None:
    assert checked_addresses("127.0.0.1", 80) == ["127.0.0.1"]
    assert checked_addresses("localhost", 80, lambda *_: ["127.0.0.1"]) == ["127.0.0.1"]
    for address in ("127.0.0.1", "::1", "127.8.8.8"):
        with pytest.raises(Forbidden):
            checked_addresses("alerts.city.example", 80, lambda *_: [address])  # noqa: B023


INNER = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.9",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
]


@pytest.mark.parametrize("address", INNER)
def test_a_name_leads_inside_only_where_the_settings_say_so(address: str) -> None:
    host = "alertmanager.city.internal"
    with pytest.raises(Forbidden, match="alerts: inner:"):
        checked_addresses(host, 80, lambda *_: ["203.0.113.7", address])
    assert checked_addresses(host, 80, lambda *_: [address], Inner([host.upper()])) == [address]
    with pytest.raises(Forbidden):
        checked_addresses("hooks.example", 80, lambda *_: [address], Inner([host]))
    nets = Inner(["10.0.0.0/8", "172.16.0.0/12", "192.168.1.1", "100.64.0.0/10", "fd00::/8"])
    assert checked_addresses("hooks.example", 80, lambda *_: [address], nets) == [address]


def test_an_inner_address_that_the_settings_name_is_called() -> None:
    assert checked_addresses("10.1.2.3", 80) == ["10.1.2.3"]
    assert checked_addresses("fd00::1", 80) == ["fd00::1"]


@pytest.mark.parametrize("address", NEVER)
def test_no_list_opens_the_way_to_what_is_never_called(address: str) -> None:
    with pytest.raises(Forbidden, match="never"):
        checked_addresses("x.example", 80, lambda *_: [address], Inner(["x.example", "0.0.0.0/0", "::/0"]))


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "a b", "http://x", "", "x/24", "10.0.0.1/8"])
def test_what_is_neither_host_nor_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="a host such as"):
        Alerts(inner=[wrong])


def test_an_address_that_refuses_before_another_takes_it_keeps_nothing_of_the_message(receiver: Receiver) -> None:
    """As `localhost` does, ::1 first: each message stayed until the garbage collector came by."""
    with none_is_left():
        answer = post(receiver.url.replace("127.0.0.1", "localhost"), b"{}", {}, lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert (answer.status, receiver.calls) == (204, 1)


def test_a_name_that_changes_its_address_is_asked_once_and_never_connects(receiver: Receiver) -> None:
    answers = [["203.0.113.7"], ["127.0.0.1"]]
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return answers[len(asked) - 1] if len(asked) <= 2 else ["127.0.0.1"]

    assert checked_addresses("rebind.example", receiver.port, rebinding) == ["203.0.113.7"]
    with pytest.raises(Forbidden):
        post(f"http://rebind.example:{receiver.port}/", b"{}", {}, rebinding)
    assert (len(asked), receiver.calls) == (2, 0)


def test_a_name_with_several_addresses_is_told_at_the_first_that_listens(receiver: Receiver) -> None:
    """`localhost` is ::1 first on most machines, and a city's network often has no IPv6 though the name has."""
    found = ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
    url = f"http://localhost:{receiver.port}/"
    assert isinstance(outcome(post(url, b"{}", {}, lambda *_: found)), Told)
    assert receiver.calls == 1
    with pytest.raises(urllib3.exceptions.NewConnectionError, match="refused"):
        post(url, b"{}", {}, lambda *_: found[:2])
    with pytest.raises(OSError, match="has no address"):
        post(url, b"{}", {}, lambda *_: [])


def test_who_never_ends_its_answer_holds_up_a_message_for_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.notify.post.TIMEOUT_S", 0.3)
    with Trickle(b"HTTP/1.1 200 OK\r\nX-Long: ") as server:
        with pytest.raises(urllib3.exceptions.ReadTimeoutError) as failed:
            post(server.url, b"{}", {})
        assert trouble(failed.value) == NotNow("timed out")


def test_who_took_it_and_never_ends_its_answer_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.notify.post.TIMEOUT_S", 0.3)
    with Trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nyes") as server:
        answer = post(server.url, b"{}", {})
    assert (outcome(answer), answer.body[:4]) == (Told(), b"yesa")


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.mood = "redirect"
    assert isinstance(outcome(post(receiver.url, b"{}", {})), NotNow)
    assert receiver.calls == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (204, {}, b"", Told),
        (200, {"Content-Type": "application/json"}, b"{}", Told),
        (200, {"Content-Type": "text/html"}, b"<p>", NotNow),
        (200, {}, b"<!DOCTYPE html><html>", NotNow),
        (500, {}, b"", NotNow),
        (401, {}, b"", NotNow),
        (404, {}, b"", NotNow),
        (405, {}, b"", NotNow),
        (400, {}, b"no", Never),
        (400, {}, b"<html><head><title>400 The plain HTTP request was sent to HTTPS port", NotNow),
        (413, {}, b"", Never),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], body: bytes, kind: type) -> None:
    assert isinstance(outcome(Answer(status, headers, body)), kind)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "HTTPConnection(host='127.0.0.1', port=9): Failed to establish a new connection: "
            "[Errno 111] Connection refused",
            "Connection refused",
        ),
        ("[Errno -2] Name or service not known", "Name or service not known"),
        ("HTTPSConnectionPool(host='a', port=443): Read timed out. (read timeout=10.0)",
         "Read timed out. (read timeout=10.0)"),
        ("connection closed", "connection closed"),
    ],
)  # fmt: skip
def test_a_connection_that_fails_is_told_in_plain_words(said: str, told: str) -> None:
    assert trouble(OSError(said)) == NotNow(told)


def test_words_of_a_library_and_signs_that_a_terminal_obeys_stay_outside() -> None:
    gone = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionError("Remote end closed connection"))
    assert trouble(gone) == NotNow("Remote end closed connection")
    assert outcome(Answer(500, {}, b"\x1b[2Jfine\r\nlp-1  delivered")) == NotNow(
        "HTTP 500: \ufffd[2Jfine lp-1  delivered"
    )
