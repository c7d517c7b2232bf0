"""One station for the figures: sensor stubs on pseudo-terminals and a real agent as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from firmware_stubs.pty import StubHost
from firmware_stubs.stub import Stub
from simulator.servers import wait_for

SITE = "bench"
RAM = Path("/dev/shm")


class Station:
    """An agent and its sensors (profile and stub of each), in a folder. The status file lies in RAM, as on a Pi."""

    def __init__(
        self, folder: Path, node: str, broker_port: int, sensors: Iterable[tuple[str, Stub]], **more: Any
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.spool = folder / "spool.db"
        self._node, self._folder = node, folder
        self._ram = TemporaryDirectory(prefix="lamppost-", dir=RAM if RAM.is_dir() else None)
        self._status_file = Path(self._ram.name) / "status.json"
        self._host = StubHost()
        entries = [
            {"name": f"air-{number}", "profile": profile, "port": self._host.add(f"air-{number}", stub)}
            for number, (profile, stub) in enumerate(sensors)
        ]
        settings: dict[str, Any] = {
            "node": node,
            "site": SITE,
            "broker": {"port": broker_port, "spread_s": 0},
            "spool": {"path": str(self.spool), "allow_tmpfs": True},
            "clock": {"trust": "always"},
            "status_file": str(self._status_file),
            "sensors": entries,
        }
        (folder / "agent.yaml").write_text(yaml.safe_dump(settings | more))
        self._agent: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The agent's."""
        assert self._agent is not None
        return self._agent.pid

    def start(self) -> None:
        """Start both, and wait until the agent is connected."""
        self._host.start()
        command = [sys.executable, "-m", "lamppost", "agent", "run", "-q", str(self._folder / "agent.yaml")]
        with (self._folder / "agent.log").open("ab") as log:
            self._agent = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the agent to connect", lambda: self.status().get("connected_s") is not None, 60)

    def status(self) -> dict[str, Any]:
        """What the agent last said of itself; empty before it did."""
        try:
            said: dict[str, Any] = json.loads(self._status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said

    def stop(self) -> None:
        """End both."""
        if self._agent is not None:
            self._agent.terminate()
            self._agent.wait(60)
        self._host.stop()
        self._ram.cleanup()

    def __enter__(self) -> Station:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
