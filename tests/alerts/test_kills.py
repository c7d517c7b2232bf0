"""A small run of the thousand kills: real processes, real broker, database and webhook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.kills import BAD, run

pytestmark = pytest.mark.real


def test_whatever_dies_when_every_episode_is_told_and_ends(tmp_path: Path) -> None:
    said = run(tmp_path, kills=8, episodes=4, nodes=3, seed=5)
    assert said["episodes"] >= 4
    assert {name: said[name] for name in BAD} == dict.fromkeys(BAD, 0)
