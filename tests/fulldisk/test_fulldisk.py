"""A disk that is full and free again by turns: every reading is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fulldisk.cycles import Cycles
from tests.proof import Impossible

pytestmark = pytest.mark.real


def test_a_full_disk_costs_nothing_that_is_not_told(tmp_path: Path) -> None:
    try:
        said = Cycles(tmp_path, cycles=1, seed=1).run()
    except Impossible as why:
        pytest.skip(f"SKIPPED: no file system of its own here: {why}")
    assert (said["lost"], said["doubled"], said["stuck"], said["unexplained"]) == (0, 0, 0, 0), said
    assert said["accepted"] > 500
