"""Every model at once on damaged lines, for a moment; the ten minutes are `make sensors-soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.__main__ import soak

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_no_wrong_value_is_stored_from_damaged_lines(tmp_path: Path) -> None:
    said = soak(tmp_path, seconds=15, seed=7)
    assert said["wrong"] == 0, said["wrong_values"]
    assert said["countable_and_counted_where_they_differ"] == {}
    assert said["sensors"] >= 33
    assert said["injected"] > 100
    assert said["stored"] > 200
