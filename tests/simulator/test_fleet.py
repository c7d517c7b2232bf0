"""A small fleet against real mosquitto, a real collector and InfluxDB; the whole is `make fleet`."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from collector.stores.influx1 import Influx1
from simulator.fleet.fleet import Fleet
from simulator.fleet.node import VirtualNode, identity
from tests.fleet.steady import Steady
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, wait_for

pytestmark = pytest.mark.real

NODES, PERIOD_S, ROWS = 150, 1.0, 4


def test_every_row_of_a_fleet_is_stored_through_lost_connections_and_a_new_broker(
    tmp_path: Path, influxd: Influxd
) -> None:
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    rig = Rig(tmp_path, broker, influxd)
    rig.store = Influx1(influxd.url, "fleet")
    collector = rig.collector(store={"kind": "influx1", "url": influxd.url, "database": "fleet"})
    collector.start()
    rig.wait_for_page()
    who = [identity(f"lp-{number:04d}", "test-site", 7) for number in range(NODES)]
    rng = random.Random(7)
    nodes = [VirtualNode(one, rng, connect_pause_s=0.2) for one in who]
    fleet = Fleet(("127.0.0.1", broker.port), nodes, Steady(ROWS, 4, PERIOD_S), period_s=PERIOD_S)
    try:
        fleet.run(time.monotonic() + 2)
        assert fleet.connected() == NODES
        fleet.cut(range(50), 1.0)
        broker.kill()
        broker.start()
        fleet.run(time.monotonic() + 3)
        assert fleet.settle(time.monotonic() + 30) == 0
        rows = fleet.tally.counts["rows"]
        assert fleet.tally.counts["disconnected"] >= NODES
        assert rows >= NODES * 4 * ROWS
        wait_for("every row", lambda: rig.count("air_quality") == rows)
    finally:
        fleet.close()
        rig.close()
        broker.stop()
