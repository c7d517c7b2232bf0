"""A small storm of each kind: everything accepted is in the database once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.storm import Storm

pytestmark = pytest.mark.real


def test_nothing_is_lost_doubled_or_stuck_in_a_small_storm(tmp_path: Path) -> None:
    said = Storm(tmp_path, kills=2, readings=5_000, seed=1).run()
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0), said
    assert said["accepted"] >= 5_000
    assert set(said["kills"].values()) == {2}


@pytest.mark.long
def test_nothing_is_lost_doubled_or_stuck_when_workers_die_too(tmp_path: Path) -> None:
    said = Storm(tmp_path, kills=1, readings=3_000, seed=2, workers=2).run()
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0), said
    assert said["kills"]["worker"] == 1


@pytest.mark.long
def test_nothing_is_lost_doubled_or_stuck_when_a_node_of_a_broker_cluster_dies(tmp_path: Path) -> None:
    said = Cluster(tmp_path, kills=1, readings=2_000, seed=1, victims=1).run()
    assert (said["lost"], said["doubled"], said["stuck"]) == (0, 0, 0), said
    assert said["accepted"] >= 2_000
