"""What can befall any good golden frame: noise before it, a piece of another, a missing end, a changed bit.

Built from every measurement of the golden file: whatever comes before, the frame itself must come out with its values;
whatever it lacks, nothing may.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests import frames
from tests.sensors.test_golden import RECORDS

MEASURED = [pytest.param(record, id=record["id"]) for record in RECORDS if record["kind"] == "measurement"]
NO_CHECKSUM = {"omnipresense_ops243a", "hilink_ld2451", "hilink_ld2450", "hilink_ld2415h", "hikvision_csr", "mph_radar",
               "agd_315", "vaisala_wxt"}  # fmt: skip
PLAIN_TEXT = {"benewake_tfmini-s-m01", "omnipresense_ops243a-s-m03", "hikvision_csr-s-m02"}
"""Numbers as text, or none: what stands before them may belong to them."""


def variant(record: dict[str, Any], data: bytes, good: int) -> str | None:
    """What is wrong with our reading of a spoilt record."""
    values = record["expect"] if good else {}
    expect = {"error": "any", "frames_decoded": good, **values}
    return frames.check({**record, "kind": "corrupt", "hex": data.hex(), "expect": expect})


@pytest.mark.parametrize("record", MEASURED)
def test_a_missing_end_gives_nothing(record: dict[str, Any]) -> None:
    data = bytes.fromhex(record["hex"])
    for size in {len(data) - 1, len(data) // 2} - {0}:
        assert variant(record, data[:size], 0) is None


@pytest.mark.parametrize("record", [r for r in MEASURED if r.id not in PLAIN_TEXT])
def test_whatever_comes_before_costs_nothing(record: dict[str, Any]) -> None:
    seeds, data = random.Random(record["id"]), bytes.fromhex(record["hex"])
    halves = [data[len(data) // 2 :], data[: len(data) // 2], data[-3:]]
    for before in [*halves, *(seeds.randbytes(seeds.randrange(1, 9)) for _ in range(4))]:
        assert variant(record, before + data, 1) is None, before.hex()


@pytest.mark.parametrize("record", [r for r in MEASURED if r.id not in PLAIN_TEXT])
def test_a_changed_bit_gives_nothing_and_the_next_frame_comes(record: dict[str, Any]) -> None:
    if record["sensor"] in NO_CHECKSUM:
        return
    seeds, data = random.Random(record["id"]), bytes.fromhex(record["hex"])
    for _ in range(6):
        spoilt = bytearray(data)
        spoilt[seeds.randrange(len(data))] ^= 1 << seeds.randrange(8)
        assert variant(record, bytes(spoilt), 0) is None, spoilt.hex()
        assert variant(record, bytes(spoilt) + data, 1) is None, spoilt.hex()
