"""A station of real programs: stubs on pseudo-terminals, an agent, mosquitto, a collector with a SQLite store."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from tests.rig import Program
from tests.servers import Mosquitto, free_port, wait_for
from tests.typed import typed

NODE = "lp-0042"
SHORT_TRIAL = "import edge_agent.office.remote_config as r; r.TRIAL_S = 8.0\nimport lamppost; lamppost.main()"
WORLD = {"pm25_ugm3": 34.6, "pm10_ugm3": 55.2, "pm1_ugm3": 20.1}


class Field:
    """One station and its city. `lamppost(...)` runs the command as a person would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder / "broker")
        self.ports = folder / "by-id"
        self.ports.mkdir()
        self.stubs = StubHost(links=self.ports)
        self.config = folder / "agent.yaml"
        self.collector = Program(folder, "collector", "collector", self._collector_settings())
        self.agent = Program(folder, "agent", "agent", {})
        self.agent.command = [sys.executable, "-c", SHORT_TRIAL, "agent", "run", str(self.config)]

    def _collector_settings(self) -> dict[str, Any]:
        return {
            "broker": {"port": self.broker.port},
            "store": {"kind": "sqlite", "path": str(self.folder / "readings.db")},
            "state_file": str(self.folder / "collector.db"),
            "web": {"port": free_port()},
        }

    def settings(self, **more: Any) -> dict[str, Any]:
        """The agent's settings: two sensors that speak by themselves."""
        return {
            "node": NODE,
            "site": "test-site",
            "seal_s": 1.0,
            "broker": {"port": self.broker.port, "spread_s": 0.0},
            "spool": {"path": str(self.folder / "spool.db"), "allow_tmpfs": True},
            "clock": {"trust": "always"},
            "status_file": str(self.folder / "status.json"),
            "sensors": [
                {"name": "air-1", "profile": "plantower-pms5003", "port": str(self.ports / "air")},
                {"name": "co2-1", "profile": "vaisala-wmt700", "port": str(self.ports / "wind")},
            ],
        } | more

    def write(self, settings: dict[str, Any]) -> str:
        text = "# the settings of a test\n" + yaml.safe_dump(settings, sort_keys=False)
        self.config.write_text(text)
        return text

    def start(self, **more: Any) -> None:
        """Everything up, and the first reading stored."""
        self.broker.start()
        self.collector.start()
        self._start_agent(more)
        wait_for("a batch to be confirmed", lambda: self.status().get("acked_s") is not None, 40)

    def start_alone(self, **more: Any) -> None:
        """An agent that hears its sensors, and a broker; no collector, which takes longer to begin than both."""
        self.broker.start()
        self._start_agent(more)

    def _start_agent(self, settings: dict[str, Any]) -> None:
        for name, model in (("air", "plantower-pms5003"), ("wind", "vaisala-wmt700")):
            self.stubs.add(name, MODELS[model](lambda _: WORLD))
        self.stubs.start()
        self.write(self.settings(**settings))
        self.agent.start()
        wait_for("every sensor to be heard", self._hears, 40)

    def _hears(self) -> bool:
        sensors = self.status().get("sensors", [])
        return bool(sensors) and all(sensor["frames"] for sensor in sensors)

    def status(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return said

    def lamppost(self, *words: str) -> subprocess.CompletedProcess[str]:
        return typed(*words)

    def office(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the office, with the collector's settings."""
        return self.lamppost(*words, "--config", str(self.folder / "collector.yaml"))

    def doctor(self, *only: str) -> dict[str, dict[str, str]]:
        """The doctor's results by id."""
        words = [word for name in only for word in ("--only", name)]
        done = self.lamppost("agent", "doctor", "--json", "--config", str(self.config), *words)
        assert done.returncode in (0, 1), done.stderr
        return {result["id"]: result for result in json.loads(done.stdout)["results"]}

    def waiting(self) -> int:
        """Readings on the device that nobody has confirmed."""
        return self._asked("SELECT coalesce(sum(rows), 0) FROM batch WHERE acked_ms IS NULL AND code IS NULL")

    def all_arrived(self) -> bool:
        """The database itself proves that every batch ever sealed here arrived whole."""
        return self.office("audit").returncode == 0

    def _asked(self, question: str) -> int:
        with closing(sqlite3.connect(self.folder / "spool.db")) as db:
            (count,) = db.execute(question).fetchone()
        return int(count)

    def close(self) -> None:
        self.agent.stop()
        self.collector.stop()
        self.stubs.stop()
        self.broker.stop()


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    station = Field(tmp_path)
    try:
        yield station
    finally:
        station.close()
