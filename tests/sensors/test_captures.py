"""Captures found by themselves: hex lines as they were read, and how many frames are in them."""

from pathlib import Path

import pytest

from edge_agent.decoding import Values, decode
from edge_agent.framing import BadFrame, Frame
from tests.sensors.streams import PROFILES, framed

CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.hex"))


def read(path: Path) -> tuple[dict[str, str], list[bytes]]:
    """The `# key: value` lines, and the reads."""
    lines = path.read_text(encoding="utf-8").splitlines()
    facts = dict(line[1:].strip().split(": ", 1) for line in lines if line.startswith("#"))
    return facts, [bytes.fromhex(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("path", CAPTURES, ids=[path.stem for path in CAPTURES])
def test_capture_holds_what_it_says(path: Path) -> None:
    facts, reads = read(path)
    profile = PROFILES[facts["profile"]]
    items = framed(profile, reads)
    results = [decode(profile, item) if isinstance(item, Frame) else item for item in items]
    assert sum(isinstance(result, Values) and result.measurement for result in results) == int(facts["measurements"])
    assert sum(isinstance(result, BadFrame) for result in results) == int(facts["damaged"])


def test_every_profile_has_a_capture() -> None:
    assert {path.stem for path in CAPTURES} == set(PROFILES)
