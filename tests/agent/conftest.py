"""A spool for each test that wants one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.spool import Spool
from tests.closes import Closes


@pytest.fixture
def spool(tmp_path: Path, closes: Closes) -> Spool:
    return closes(Spool(tmp_path / "spool.db", "lp-1", "s"))
