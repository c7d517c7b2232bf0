"""What was accepted survives a power cut; with synchronous=NORMAL it does not, so this rig can see."""

from __future__ import annotations

import pytest

from tests.powercut.__main__ import measure
from tests.proof import Impossible

pytestmark = pytest.mark.real


def test_nothing_accepted_is_lost_when_the_power_goes() -> None:
    try:
        said = measure(12, seed=1)
    except Impossible as why:
        pytest.skip(f"SKIPPED: no power cuts here: {why}")
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0)
    assert said["accepted"] > 100
    assert said["control_losing"] >= 4, "the control must lose, or the rig is blind"
