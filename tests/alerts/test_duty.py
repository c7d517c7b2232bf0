"""What people may ask of the desk, and how a slip is answered."""

from __future__ import annotations

from typing import Any

import pytest

from collector.alerts.duty import Duty
from collector.rules.desk import Desk
from collector.rules.outbox import Outbox, Route
from collector.rules.policy import Policy
from collector.rules.series import Series
from collector.rules.transition import transition
from tests.alerts.test_teller import T0
from tests.rules.high import PM25_HIGH
from wire.times import MINUTE_MS

MANY = 17
"""Of so many fingerprints in hex two begin alike."""


@pytest.fixture
def desk() -> Desk:
    made = Desk(Policy(receivers=("hook",)))
    for number in range(MANY):
        series = Series.of("air_quality", {"site": "east", "node": f"lp-{number}", "sensor": "air-1"})
        made.hear([transition(series, PM25_HIGH, T0, 80.0, "firing", T0)], T0)
    return made


def duty(desk: Desk) -> Duty:
    return Duty(desk, Outbox({"hook": Route("hook")}))


def test_an_alert_is_named_by_as_much_of_its_name_as_no_other_has(desk: Desk) -> None:
    names = list(desk.standings)
    twice = next(sign for sign in "0123456789abcdef" if sum(name.startswith(sign) for name in names) > 1)
    count = sum(name.startswith(twice) for name in names)
    asked = {"who": "王磊", "until_ms": T0 + MINUTE_MS}
    said = duty(desk).do("ack", asked | {"alert": f"a-{twice}"}, T0)
    assert said == {"refused": f"'a-{twice}' begins {count} alerts: write more"}
    assert duty(desk).do("ack", asked | {"alert": f"a-{names[0]}"}, T0) == {"done": True, "fingerprint": names[0]}
    assert desk.standings[names[0]].ack is not None


def test_who_takes_an_alert_that_another_has_is_told_whose_it_was(desk: Desk) -> None:
    (name, *_) = desk.standings
    done = {"done": True, "fingerprint": name}
    for who, said in (("王磊", done), ("王磊", done), ("李雷", done | {"taken_over_from": "王磊"})):
        assert duty(desk).do("ack", {"alert": name, "who": who, "until_ms": T0 + MINUTE_MS}, T0) == said


def test_a_name_from_a_terminal_of_another_alphabet_is_a_name(desk: Desk) -> None:
    """Bytes that are no UTF-8 reach a command as halves of characters, which neither file nor database takes."""
    (name, *_) = desk.standings
    typed = "李雷".encode("gbk").decode("utf-8", "surrogateescape")
    duty(desk).do("ack", {"alert": name, "who": typed, "note": typed, "until_ms": T0 + MINUTE_MS}, T0)
    ack = desk.standings[name].ack
    assert ack is not None
    assert {*ack.who, *ack.note} <= {*typed, "\ufffd"}
    assert f"{ack.who}{ack.note}".encode()


@pytest.mark.parametrize(
    ("verb", "asked", "why"),
    [
        ("ack", {"alert": "a-"}, "no alert 'a-'"),
        ("ack", {"alert": "a-zzz"}, "no alert 'a-zzz'"),
        ("ack", {"who": " \n"}, "say who you are"),
        ("ack", {"note": "长" * 1001}, "a note has at most 1000 characters"),
        ("ack", {"until_ms": None}, "the request is not as it must be"),
        ("unack", {}, "nobody has acknowledged it"),
        ("note", {"note": " "}, "a note needs words"),
        ("silence", {"match": "node=lp-1", "end_ms": T0}, "it would have ended before now"),
        ("unsilence", {"silence": "s-1"}, "there is no silence 's-1'"),
        ("revive", {"delivery": "d-1"}, "there is no dead letter of that name"),
        ("dance", {}, "there is no 'dance'"),
    ],
)
def test_a_slip_is_answered_with_the_reason_and_changes_nothing(
    desk: Desk, verb: str, asked: dict[str, Any], why: str
) -> None:
    given = {"alert": next(iter(desk.standings)), "who": "王磊", "note": "去看", "until_ms": T0 + MINUTE_MS} | asked
    office = duty(desk)
    office.deeds()
    assert office.do(verb, given, T0)["refused"].startswith(why)
    assert office.deeds() == []
