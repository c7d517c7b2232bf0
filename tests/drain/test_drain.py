"""A station that comes back after an hour without a link catches up fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drain.__main__ import TIMES_REAL_TIME
from tests.drain.drain import Drain

pytestmark = pytest.mark.real


def test_a_backlog_drains_fifty_times_faster_than_it_grew(tmp_path: Path) -> None:
    said = Drain(tmp_path, backlog_s=1800, seed=1, measured_s=10).run()
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0), said
    assert said["times_real_time"] >= TIMES_REAL_TIME, said
