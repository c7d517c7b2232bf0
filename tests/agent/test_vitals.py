"""The node's own health as a reading."""

from __future__ import annotations

from pathlib import Path

from edge_agent.device import vitals
from edge_agent.spool.making_room import SIZE_MAX, limit_bytes
from edge_agent.spool.spool import Depth
from wire.quantities import agent_fields


def test_every_value_is_a_quantity_of_the_node_with_its_type(tmp_path: Path) -> None:
    depth = Depth(rows=0, batches=0, oldest_ms=None, file_bytes=0)
    said = vitals.reading(vitals.of_board(tmp_path / "spool.db"), depth, 3, 1_000, 2_000).values
    known = agent_fields(vitals.KIND)
    assert known is not None
    for name, value in said.items():
        assert type(value) is (int if known[name] else float), name
    assert said["spool_rows"] == 0, "zero is a value"
    assert said["spool_age_s"] == 0.0
    assert said["rss_b"] > 1e6


def test_without_a_true_time_no_age_is_made_up() -> None:
    depth = Depth(rows=5, batches=1, oldest_ms=500, file_bytes=0)
    assert "spool_age_s" not in vitals.reading({}, depth, 0, 1_000, None).values
    assert vitals.reading({}, depth, 0, 1_000, 2_500).values["spool_age_s"] == 2.0


def test_a_folder_that_was_taken_away_ends_no_agent(tmp_path: Path) -> None:
    """It ended within two seconds; a minute later it would have written its spool anew."""
    path = tmp_path / "taken" / "away" / "spool.db"
    assert vitals.of_board(path)["disk_free_b"] > 0
    assert limit_bytes(path, None) > 0


def test_a_file_system_that_does_not_tell_its_size_has_room() -> None:
    """The spool had none there: all that waited was thinned and dropped, and the agent ended with a division by it."""
    assert limit_bytes(Path("/proc/spool.db"), None) == SIZE_MAX
