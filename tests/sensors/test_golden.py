"""The golden frames, from sources independent of us: every one read right, every damage named as its source does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import frames
from tests.sensors.golden_names import SENSORS
from tests.sensors.streams import PROFILES

RECORDS = json.loads((Path(__file__).parent / "golden_frames.json").read_text(encoding="utf-8"))
OTHER_NAMES = {"nova_sds011-s-x05": "bad_header", "cubic_cm1106-s-x04": None}
"""Where nothing good comes out of a garbage prefix, or the prefix is a whole reply, the damage has another name."""


@pytest.mark.parametrize("record", RECORDS, ids=[record["id"] for record in RECORDS])
def test_golden_frame(record: dict[str, Any]) -> None:
    assert frames.check(record) is None


@pytest.mark.parametrize("record", [pytest.param(r, id=r["id"]) for r in RECORDS if r["kind"] == "corrupt"])
def test_damage_is_named_as_its_source_does(record: dict[str, Any]) -> None:
    profile, data = PROFILES[SENSORS[record["sensor"]]], bytes.fromhex(record["hex"])
    wanted = OTHER_NAMES.get(record["id"], record["expect"]["error"])
    assert wanted is None or wanted in frames.reasons(profile, data, *frames.read(profile, data, None))


@pytest.mark.parametrize(("command", "is_right"), [("set_abc_period", True), ("clear_acknowledgement", False)])
def test_an_answer_that_echoes_its_command_goes_by_the_commands_name(command: str, is_right: bool) -> None:
    record = {"sensor": "senseair_s8", "kind": "reply", "hex": "FE06001F00B4AC74", "expect": {"reply_to": command}}
    assert (frames.check(record) is None) == is_right


def test_every_golden_sensor_has_a_profile() -> None:
    assert set(SENSORS.values()) <= set(PROFILES)
    assert {record["sensor"] for record in RECORDS} == set(SENSORS)
