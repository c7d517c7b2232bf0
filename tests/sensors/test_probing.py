"""Probing: three sound frames make sure, one never does, and models that look the same are both named."""

from edge_agent.probing import Listening, plans
from tests.sensors.streams import PROFILES


def at_9600() -> Listening:
    plan = next(plan for plan in plans(PROFILES.values()) if plan.serial.baud == 9600)
    return Listening(plan.profiles)


def test_three_frames_make_sure() -> None:
    frame = PROFILES["nova-sds011"].examples[0].data
    listening = at_9600()
    listening.feed(frame)
    assert not any(verdict.sure for verdict in listening.verdicts())
    listening.feed(frame + frame)
    first = listening.verdicts()[0]
    assert (first.profile, first.sound, first.sure) == ("nova-sds011", 3, True)


def test_twins_are_both_named_and_nobody_is_sure() -> None:
    listening = at_9600()
    listening.feed(PROFILES["plantower-pms5003"].examples[0].data * 5)
    verdicts = listening.verdicts()
    assert {"plantower-pms5003", "plantower-pms5003t"} <= {verdict.profile for verdict in verdicts}
    assert not verdicts[0].sure
    assert "plantower-pms5003t" in {name for verdict in verdicts for name in verdict.alike}


def test_noise_fits_nobody() -> None:
    listening = at_9600()
    listening.feed(bytes(range(256)) * 4)
    assert not any(verdict.sure for verdict in listening.verdicts())


def test_every_model_is_in_one_plan_and_questions_are_asked_once() -> None:
    found = plans(PROFILES.values())
    assert sorted(profile.name for plan in found for profile in plan.profiles) == sorted(PROFILES)
    for plan in found:
        assert len({question.data for question in plan.asks}) == len(plan.asks)
