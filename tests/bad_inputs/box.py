"""An agent of its own whose spool a case spoils."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import SYNCED, Origin, Spool
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost
from tests.bad_inputs.agent_side import AgentSide
from tests.bad_inputs.peer import Peer
from tests.bad_inputs.vocabulary import compact, digest
from tests.bad_inputs.watch import Log
from tests.rig import Program, _env

BATCHES = 30

ARRIVE_S = 20.0


class Box:
    """An agent of its own at the agents' broker, whose spool a case spoils before it starts."""

    def __init__(self, side: AgentSide, folder: Path) -> None:
        self.side, self.folder = side, folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "spool").mkdir(parents=True)
        self.node = side.words.bases["users"]["other_node"]
        self.path = folder / "spool" / "spool.db"
        self.control = folder / "fault"
        self.batches: dict[tuple[str, int], bytes] = {}
        self.heard: dict[tuple[str, int], set[bytes]] = {}
        self.highest: dict[str, int] = {}
        self.stubs = StubHost()
        port = self.stubs.add("air-1", Pms5003(period_s=0.2))
        settings = {
            "node": self.node, "site": "jianguo-rd-east", "seal_s": 1.0,
            "identity": str(side.city.folder / "nodes" / self.node),
            "broker": {"port": side.city.plan.broker_port, "spread_s": 0},
            "spool": {"path": str(self.path), "allow_tmpfs": True}, "clock": {"trust": "always"},
            "status_file": str(folder / "spool" / "status.json"),
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": port}],
        }  # fmt: skip
        self.agent = Program(folder, "agent", "agent", settings)
        self.collector = Peer(side.city_system, side.collector_name)
        self.collector.subscribe(f"lamppost/1/{self.node}/data")
        self.collector.subscribe(f"lamppost/1/{self.node}/status")
        self.log = Log(self.agent.log)
        self.stubs.start()

    def fill(self, count: int = BATCHES) -> None:
        """A spool as an agent leaves it: so many sealed batches that wait."""
        spool = Spool(self.path, self.node, "jianguo-rd-east")
        now_ms = time.time_ns() // 1_000_000 - 3_600_000
        for number in range(count):
            values = {"pm25_raw_ugm3": float(number), "pm10_raw_ugm3": 20.0, "pm1_raw_ugm3": number / 7}
            rows = [
                Reading(Series("air-1", "air_quality"), now_ms + (60 * number + at) * 1000, dict(values))
                for at in range(60)
            ]
            spool.accept(rows, Origin(self.node, "jianguo-rd-east", "b71d04c2", SYNCED))
            for one in spool.seal():
                self.batches[one.spool, one.seq] = one.data
        spool.close()

    def at(self, moment_ms: int) -> None:
        """The agent's clock will stand at this moment when it starts."""
        shift_ms = moment_ms - time.time_ns() // 1_000_000
        self.agent.command = [
            sys.executable, "-m", "tests.bad_inputs.shifted", str(shift_ms), *self.agent.command[3:],
        ]  # fmt: skip

    def start(self, preload: Path | None = None) -> None:
        env = {} if preload is None else {"LD_PRELOAD": str(preload), "LAMPPOST_FAULT": str(self.control)}
        with self.agent.log.open("ab") as log:
            self.agent.process = subprocess.Popen(
                self.agent.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_env() | env,
                start_new_session=True,
            )

    def serve(self, until: Callable[[], bool], timeout_s: float = ARRIVE_S) -> bool:
        """Be its collector: greet births, take and acknowledge batches, until something is so."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            messages = list(self.collector.heard)
            self.collector.forget()
            for _, topic, body in messages:
                if topic.endswith("/status") and b'"online"' in body:
                    spools = json.loads(body)["spools"]
                    self._say({"hello": {spool: self.highest.get(spool, 0) for spool in spools}})
                elif topic.endswith("/data"):
                    self._take(body)
            if until():
                return True
            time.sleep(0.05)
        return until()

    def _take(self, body: bytes) -> None:
        document = self.read(body)
        name = (document["spool"], document["seq"])
        self.heard.setdefault(name, set()).add(body)
        self._say({"spool": name[0], "acks": [[name[1], digest(body), 0]]})

    def _say(self, what: dict[str, Any]) -> None:
        head = {"v": 1, "col": self.side.collector_name, "now": time.time_ns() // 1_000_000} | what
        topic = f"lamppost/1/{self.node}/ack"
        body = compact(head | {"win": 16, "pause_ms": 0}).encode()
        self.collector.publish(topic, self.side.signed(topic, body, {}))

    @staticmethod
    def read(body: bytes) -> dict[str, Any]:
        plain = zlib.decompress(body, 31) if body[:2] == b"\x1f\x8b" else body
        document: dict[str, Any] = json.loads(plain)
        return document

    def gaps(self) -> list[dict[str, Any]]:
        """Gap records that arrived."""
        found = []
        for bodies in self.heard.values():
            for body in bodies:
                found += [block for block in self.read(body)["blocks"] if block["kind"] == "gap"]
        return found

    def close(self) -> None:
        self.agent.stop()
        self.collector.close()
        self.stubs.stop()
