"""A rig of real programs: agents and collectors as processes, stubs on pseudo-terminals, settings in one folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.collectors import children
from collector.stores.influx1 import Influx1
from collector.stores.store import Select
from firmware_stubs.pty import StubHost
from firmware_stubs.stub import Row, Stub
from tests import stored
from tests.servers import Influxd, Mosquitto, free_port, listens, wait_for

DATABASE = "lamppost"


@contextmanager
def rig_alone() -> Iterator[Rig]:
    """A rig with a broker and a database of its own, in a folder that is gone afterwards."""
    with TemporaryDirectory() as folder, ExitStack() as at_the_end:
        servers = Mosquitto(Path(folder) / "mosquitto"), Influxd(Path(folder) / "influxd")
        for server in servers:
            at_the_end.callback(server.stop)
            server.start()
        rig = Rig(Path(folder), *servers)
        at_the_end.callback(rig.close)
        yield rig


class Program:
    """`lamppost ROOM run SETTINGS` as a process."""

    def __init__(self, folder: Path, name: str, room: str, settings: dict[str, Any]) -> None:
        self.log = folder / f"{name}.log"
        self.settings = folder / f"{name}.yaml"
        self.command = [sys.executable, "-m", "lamppost", room, "run", str(self.settings)]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_env()
            )

    def with_workers(self, workers: int) -> Program:
        """The same collector, to be started with so many workers."""
        self.command = [*self.command[:6], "--workers", str(workers)]
        return self

    def workers(self) -> list[int]:
        """The process ids of its workers that live now."""
        return [] if self.process is None else children(self.process.pid)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(30)


class Rig:
    """Programs around one broker and one InfluxDB. `truth` holds what every stub sent, by node and sensor."""

    def __init__(self, folder: Path, broker: Mosquitto, database: Influxd) -> None:
        self.folder = folder
        self.broker = broker
        self.database = database
        self.stubs = StubHost(links=folder / "ports")  # a number below /dev/pts is soon another program's
        self.programs: list[Program] = []
        self.truth: dict[tuple[str, str], list[list[Row]]] = {}
        self.store = Influx1(database.url, DATABASE)
        self.store.prepare()
        self.page_port = free_port()

    def agent(self, node: str, sensors: Mapping[str, tuple[str, Stub]], **more: Any) -> Program:
        """An agent whose sensors are stubs: name to (profile, stub)."""
        entries = []
        for name, (profile, stub) in sensors.items():
            sent = self.truth.setdefault((node, name), [])
            stub.sent = lambda _t, _frame, rows, sent=sent: sent.append(rows)  # type: ignore[misc]
            path = self.stubs.add(f"{node}/{name}", stub)
            entries.append({"name": name, "profile": profile, "port": path, "interval_s": 2})
        settings = {
            "node": node,
            "site": "test-site",
            "seal_s": 1.0,
            "broker": {"port": self.broker.port, "spread_s": 0.5},
            "spool": {"path": str(self.folder / f"{node}.db"), "allow_tmpfs": True},
            "clock": {"trust": "always"},
            "status_file": str(self.folder / f"{node}.json"),
            "sensors": entries,
        }
        return self._add(Program(self.folder, f"agent-{node}", "agent", settings | more))

    def collector(self, name: str = "c1", rules: Path | None = None, **more: Any) -> Program:
        settings: dict[str, Any] = {
            "name": name,
            "broker": {"port": self.broker.port},
            "store": {"kind": "influx1", "url": self.database.url, "database": DATABASE},
            "state_file": str(self.folder / f"{name}.db"),
            "rules": [str(rules)] if rules else [],
            "web": {"port": self.page_port},
        }
        return self._add(Program(self.folder, f"collector-{name}", "collector", settings | more))

    def wait_for_page(self) -> None:
        wait_for("the collector's page", lambda: listens(self.page_port))

    def status(self, node: str) -> dict[str, Any]:
        """What the agent last wrote of itself; empty before it did."""
        try:
            said: dict[str, Any] = json.loads((self.folder / f"{node}.json").read_text())
        except (OSError, ValueError):
            return {}
        return said

    def rows(self, measurement: str, *columns: str, **where: str) -> list[list[Any]]:
        """Rows as InfluxQL gives them, in the order of time."""
        return stored.rows(self.store, measurement, *columns, **where)

    def count(self, measurement: str, **where: str) -> int:
        """How many rows a measurement has; every row carries `qc`."""
        found = self.store.select(Select(measurement, ("qc",), where=dict(where), aggregate="count"))
        return sum(row[1] for series in found for row in series.rows)

    def close(self) -> None:
        for program in reversed(self.programs):
            program.stop()
        self.stubs.stop()
        self.store.close()

    def _add(self, program: Program) -> Program:
        self.programs.append(program)
        return program


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
