"""Who has it: reminders and escalation stop while somebody does, and that ends with the episode."""

from collector.rules.desk import Desk
from collector.rules.policy import Policy, Step
from tests.rules.transitions import T0, firing, heard, resolved
from wire.times import HOUR_MS, MINUTE_MS


def test_reminders_and_escalation_stop_while_somebody_has_it():
    desk = Desk(
        Policy(repeat_ms=4 * HOUR_MS, steps=(Step(15 * MINUTE_MS, ("duty",)), Step(HOUR_MS, ("chief",), "critical")))
    )
    alert = firing()
    heard(desk, 0, alert)
    assert heard(desk, 14) == []
    assert heard(desk, 15) == [("duty", "escalation", ["firing"])]
    assert heard(desk, 90) == []
    assert heard(desk, 240) == [("bureau", "reminder", ["firing"]), ("duty", "reminder", ["firing"])]
    assert desk.acknowledge(alert.fingerprint, "王磊", "现场处理", T0 + 10 * HOUR_MS, T0 + 5 * HOUR_MS)
    assert heard(desk, 9 * 60) == []
    assert [w for _, w, _ in heard(desk, 10 * 60)] == ["reminder", "reminder"]
    assert [(deed.who, deed.what, deed.about) for deed in desk.deeds()] == [
        ("王磊", "acknowledged", alert.fingerprint), ("王磊", "acknowledgement expired", alert.fingerprint),
    ]  # fmt: skip
    assert heard(desk, 11 * 60, resolved(11 * 60)) == [("bureau", "news", ["resolved"]), ("duty", "news", ["resolved"])]


def test_acknowledging_what_does_not_fire_changes_nothing():
    desk = Desk()
    alert = firing()
    heard(desk, 0, alert)
    heard(desk, 6, resolved(6))
    assert not desk.acknowledge(alert.fingerprint, "w", "", T0 + HOUR_MS, T0 + 7 * MINUTE_MS)
    assert not desk.acknowledge("nothing", "w", "", T0 + HOUR_MS, T0)
    assert desk.deeds() == []


def test_a_new_episode_is_nobodys_yet():
    desk = Desk()
    alert = firing()
    heard(desk, 0, alert)
    assert desk.acknowledge(alert.fingerprint, "w", "", T0 + 9 * HOUR_MS, T0)
    heard(desk, 6, resolved(6))
    heard(desk, 60, firing(60, start=T0 + HOUR_MS))
    assert desk.standings[alert.fingerprint].ack is None
