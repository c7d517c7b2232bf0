"""A broker drops what its queues do not hold, and answers "Success" all the same: nothing is lost (fault F7).

Many agents send to a collector that stands still; the broker may hold 20 messages for it and throws the rest away. The
agents are the product's spool, delivery and uplink, many to a process; the collector is a process that is stopped.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_profiles.settings import BrokerAddress
from edge_agent import delivery as edge_delivery
from edge_agent.delivery import Delivery
from edge_agent.reading import Reading, Series
from edge_agent.spool import Origin, Spool
from edge_agent.uplink import Uplink
from tests.rig import Program, Rig
from tests.servers import Influxd, Mosquitto
from wire import status

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
FIELD = "pm25_raw_ugm3"


class SmallQueues(Mosquitto):
    """Twenty messages at most wait for a subscriber."""

    extra = "max_queued_messages 20\n"


class Node:
    """One agent without sensors: it accepts one reading a turn, seals and sends it."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.name = name
        self.accepted = 0
        self.spool = Spool(folder / f"{name}.db", name, "street")
        self.delivery = Delivery(self.spool, random.Random(name), connect_pause_s=0.5)
        self.uplink = Uplink(BrokerAddress("127.0.0.1", port), name, self.delivery, self.birth, lambda *_: None)

    def birth(self) -> status.Birth:
        return status.Birth(
            self.name, "street", "0" * 16, self.spool.spools(), self.spool.next_seq, None, "0", "synced"
        )

    def turn(self) -> None:
        """A second passes."""
        self.accepted += 1
        reading = Reading(AIR, int(time.time() * 1000), {FIELD: self.accepted})
        self.spool.accept([reading], Origin(self.name, "street", "b71d04c2", "synced"))
        self.spool.seal()
        self.uplink.wake()
        if self.delivery.unheard:
            self.delivery.unheard = False
            self.uplink.announce()


@pytest.fixture
def small_queues(tmp_path: Path) -> Iterator[Rig]:
    broker, database = SmallQueues(tmp_path / "mosquitto"), Influxd(tmp_path / "influxd")
    broker.start()
    database.start()
    rig = Rig(tmp_path, broker, database)
    yield rig
    rig.close()
    broker.stop()
    database.stop()


@pytest.mark.real
def test_a_short_pause_of_the_collector_loses_nothing(small_queues: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_delivery, "RTO_MIN_S", 3.0)
    asyncio.run(_overflow(small_queues, agents=20, pause_s=6))


@pytest.mark.long
def test_a_minutes_pause_of_the_collector_loses_nothing_of_fifty_agents(small_queues: Rig) -> None:
    asyncio.run(_overflow(small_queues, agents=50, pause_s=60))


async def _overflow(rig: Rig, agents: int, pause_s: int) -> None:
    collector = rig.collector()
    collector.start()
    await asyncio.to_thread(rig.wait_for_page)
    nodes = [Node(f"lp-{n}", rig.folder, rig.broker.port) for n in range(agents)]
    tasks = [asyncio.create_task(node.uplink.run()) for node in nodes]
    await _seconds(nodes, 3)
    _signal(collector, signal.SIGSTOP)
    await _seconds(nodes, pause_s)
    _signal(collector, signal.SIGCONT)
    await _drained(nodes, until_s=time.monotonic() + 240)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(node.delivery.counts["resent"] for node in nodes) > agents, "the broker did drop"
    for node in nodes:
        stored = [row[1] for row in rig.rows("air_quality", FIELD, node=node.name)]
        assert sorted(stored) == list(range(1, node.accepted + 1)), "lost or doubled"
        node.spool.close()


async def _seconds(nodes: list[Node], count: int) -> None:
    for _ in range(count):
        for node in nodes:
            node.turn()
        await asyncio.sleep(1)


async def _drained(nodes: list[Node], until_s: float) -> None:
    while waiting := sum(node.spool.depth().batches for node in nodes):
        assert time.monotonic() < until_s, f"{waiting} batches are stuck"
        await asyncio.sleep(0.5)


def _signal(program: Program, number: signal.Signals) -> None:
    assert program.process is not None
    program.process.send_signal(number)
