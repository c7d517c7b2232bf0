"""Each test of this folder has servers of its own: it stops and kills them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Rig
from tests.servers import Influxd, Mosquitto


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    broker, database = Mosquitto(tmp_path / "mosquitto"), Influxd(tmp_path / "influxd")
    broker.start()
    database.start()
    made = Rig(tmp_path, broker, database)
    yield made
    made.close()
    broker.stop()
    database.stop()
