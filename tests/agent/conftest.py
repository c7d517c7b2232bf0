"""A spool for each test that wants one, and a delivery over it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edge_agent.delivery.delivery import Delivery
from edge_agent.spool.spool import Spool
from tests.closes import Closes
from wire.ack import WINDOW_MAX


@pytest.fixture
def spool(tmp_path: Path, closes: Closes) -> Spool:
    return closes(Spool(tmp_path / "spool.db", "lp-1", "s"))


@pytest.fixture
def beginning(spool: Spool) -> Delivery:
    """A connection on which nothing was answered yet."""
    made = Delivery(spool, random.Random(7), connect_pause_s=0)
    made.on_connect(0)
    return made


@pytest.fixture
def delivery(beginning: Delivery) -> Delivery:
    """One that has shown that it carries a whole window."""
    beginning._room_max = float(WINDOW_MAX)
    return beginning
