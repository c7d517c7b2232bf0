"""A short run of every target on seeded mutations; hours of it by `make fuzz`."""

from __future__ import annotations

import json

import pytest

from edge_agent.sensors.framing import BadFrame
from edge_agent.sensors.helpers import ops243
from tests.bad_inputs.__main__ import CASES
from tests.fuzz.__main__ import corpus, mutate
from tests.fuzz.targets import TARGETS
from wire import batch, status

SECONDS = 0.7


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_ends_in_a_result_or_in_the_refusal_it_documents(name: str) -> None:
    for data in corpus(name):
        TARGETS[name](data)
    assert mutate(TARGETS[name], name, SECONDS, seed=1) > 10


HOSTILE_LINES = [
    b'{"speed":1,"direction":[]}',
    b'{"speed":1,"unit":{}}',
    b'{"speed":' + b"[" * 3000,
    b'{"speed":1.0,"speed":2.0}',
    b'{"speed":NaN}',
    b"9" * 5000,
]


@pytest.mark.parametrize("line", HOSTILE_LINES, ids=range(len(HOSTILE_LINES)))
def test_a_radars_line_with_lists_for_words_or_endless_brackets_is_damage(line: bytes) -> None:
    assert isinstance(ops243.decode(line, {"unit": "m_s"}), BadFrame)


def test_half_a_character_is_refused_wherever_json_is_read() -> None:
    """An escape of half a surrogate pair is JSON and no text: it once ended the collector's ingest thread."""
    bases = json.loads(CASES.read_text())["bases"]
    good = json.dumps(bases["batch"], separators=(",", ":"))
    hostile = good.replace('"lane":"1"', '"lane":"\\ud800"').encode()
    with pytest.raises(batch.Refused) as refused:
        batch.read("lp-0017", hostile)
    assert (refused.value.spool, refused.value.seq) == (bases["batch"]["spool"], bases["batch"]["seq"])
    pair = good.replace('"site":', '"note":"\\ud83d\\ude00","site":').encode()
    assert batch.read("lp-0017", pair).seq == bases["batch"]["seq"], "a whole pair is a character"


@pytest.mark.parametrize("vitals", ['{"a":1e400}', '{"\\ud800":1}', '{"a":%s}' % ("9" * 400), '{"é":1}', '{"a":true}'])
def test_vitals_that_could_not_be_said_again_are_refused(vitals: str) -> None:
    birth = status.Birth("lp-1", "s", "0" * 16, ("0" * 32,), 1, None, "1", "synced")
    said = status.encode(birth).decode().replace('"vitals":{}', f'"vitals":{vitals}').encode()
    with pytest.raises(status.BadStatus):
        status.decode("lp-1", said)
