"""The agents, and the pause of the collector."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from common.settings import BrokerAddress
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import Uplink
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from tests.rig import Program, Rig
from tests.servers import Influxd, Mosquitto
from wire import status

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
FIELD = "pm25_raw_ugm3"
SETTLE_S = 400.0


class SmallQueues(Mosquitto):
    """Twenty messages at most wait for a subscriber."""

    extra = "max_queued_messages 20\n"


class Node:
    """One agent without sensors: it accepts one reading a turn, seals and sends it."""

    def __init__(self, name: str, folder: Path, port: int, seed: int) -> None:
        self.name = name
        self.accepted = 0
        self.spool = Spool(folder / f"{name}.db", name, "street")
        self.delivery = Delivery(self.spool, random.Random(f"{seed} {name}"), connect_pause_s=0.5)
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


class Overflow:
    """One run. `run` gives the one JSON object."""

    def __init__(self, folder: Path, agents: int, pause_s: int, seed: int) -> None:
        self._folder, self._agents, self._pause_s, self._seed = folder, agents, pause_s, seed

    def run(self) -> dict[str, Any]:
        """Servers up, and all of it."""
        broker, database = SmallQueues(self._folder / "mosquitto"), Influxd(self._folder / "influxd")
        with ExitStack() as at_the_end:
            for server in (broker, database):
                at_the_end.callback(server.stop)
                server.start()
            rig = Rig(self._folder, broker, database)
            at_the_end.callback(rig.close)
            return asyncio.run(self._overflow(rig))

    async def _overflow(self, rig: Rig) -> dict[str, Any]:
        collector = rig.collector()
        collector.start()
        await asyncio.to_thread(rig.wait_for_page)
        nodes = [Node(f"lp-{n}", rig.folder, rig.broker.port, self._seed) for n in range(self._agents)]
        tasks = [asyncio.create_task(node.uplink.run()) for node in nodes]
        await _seconds(nodes, 3)
        _signal(collector, signal.SIGSTOP)
        await _seconds(nodes, self._pause_s)
        _signal(collector, signal.SIGCONT)
        stuck = await _drained(nodes, time.monotonic() + SETTLE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        accepted = stored = lost = 0
        for node in nodes:
            found = [row[1] for row in rig.rows("air_quality", FIELD, node=node.name)]
            accepted, stored = accepted + node.accepted, stored + len(found)
            lost += len(set(range(1, node.accepted + 1)) - set(found))
            node.spool.close()
        return {
            "seed": self._seed, "kills": {}, "accepted": accepted, "stored": stored, "quarantined": 0, "gaps": 0,
            "lost": lost, "doubled": stored - accepted + lost, "stuck": stuck,
            "resent": sum(node.delivery.counts["resent"] for node in nodes),
        }  # fmt: skip


async def _seconds(nodes: list[Node], count: int) -> None:
    for _ in range(count):
        for node in nodes:
            node.turn()
        await asyncio.sleep(1)  # of the world: each agent has a reading a second, however long the broker takes


async def _drained(nodes: list[Node], until_s: float) -> int:
    """Batches that are stuck."""
    while waiting := sum(node.spool.depth().batches for node in nodes):
        if time.monotonic() > until_s:
            break
        await asyncio.sleep(0.5)
    return waiting


def _signal(program: Program, number: signal.Signals) -> None:
    assert program.process is not None
    program.process.send_signal(number)
