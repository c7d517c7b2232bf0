"""A broker of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that stops with the test, unless the test has stopped it."""
    made = Mosquitto(tmp_path / "broker")
    made.start()
    yield made
    made.stop()
