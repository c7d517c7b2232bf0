"""Captures found by themselves, hand-made or recorded, and how many frames are in them."""

from pathlib import Path

import pytest

from edge_agent.lines import captures
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import BadFrame, Frame
from tests.sensors.streams import PROFILES, SHIPPED, framed

CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.hex"))


@pytest.mark.parametrize("path", CAPTURES, ids=[path.stem for path in CAPTURES])
def test_capture_holds_what_it_says(path: Path) -> None:
    capture = captures.load(path)
    facts, profile = capture.facts, SHIPPED.get(capture.facts["profile"])
    items = framed(profile, capture.reads)
    results = [decode(profile, item) if isinstance(item, Frame) else item for item in items]
    assert sum(isinstance(result, Values) and result.measurement for result in results) == int(facts["measurements"])
    assert sum(isinstance(result, BadFrame) for result in results) == int(facts["damaged"])


def test_every_profile_has_a_capture() -> None:
    assert {path.stem for path in CAPTURES} == set(PROFILES)
