"""A broker that may hold twenty messages drops the rest with "Success": nothing is lost (fault F7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.delivery import delivery
from tests.overflow.overflow import Overflow

pytestmark = pytest.mark.real


def test_a_short_pause_of_the_collector_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RTO_MIN_S", 3.0)
    said = Overflow(tmp_path, agents=20, pause_s=6, seed=1).run()
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0), said
    assert said["resent"] > 20, "the broker did drop"
