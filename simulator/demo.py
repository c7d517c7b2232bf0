"""The demo: a broker, three lampposts and a collector, all real programs on this machine, and a ledger at the end.

Each lamppost is a real agent process that opens pseudo-terminals and reads firmware stubs speaking true sensor bytes;
what the stubs measure is one city, driven by real data. One thread of this process drives all stubs.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, StoreDown
from edge_agent.spool.file import SpoolError
from edge_agent.spool.view import View
from firmware_stubs.nova import Sds011
from firmware_stubs.omnipresense import Ops243
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost
from firmware_stubs.road import Road
from simulator.broker import embedded
from simulator.programs import Programs, free_port
from simulator.streets import LAMPPOSTS, Lamppost, Street, city_of
from wire.exits import Exit, Failure

READINGS = ("air_quality", "traffic_flow", "weather")
RULES = Path(__file__).with_name("demo_rules.yaml")
ANSWERED_S = 15.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of the readings: the demo's one object on stdout."""

    stations: int
    readings_accepted: int
    readings_stored: int
    waiting: int
    lost: int
    doubled: int
    bad_frames: int
    alerts_fired: int
    page: str


class Demo:
    """One run. `start` brings everything up, `close` ends every child in order."""

    def __init__(self, port: int, speed: float, seed: int, stations: int, folder: Path | None) -> None:
        self.page = f"http://127.0.0.1:{port}/"
        self._port = port
        self._lampposts = LAMPPOSTS[:stations]
        city = city_of(self._lampposts, seed)
        self._streets = [Street(city, lamppost, speed) for lamppost in self._lampposts]
        self._folder = _folder(folder)
        self._keep_folder = folder is not None
        self._store = Sqlite(self._folder / "readings.db")
        self._hosts = StubHost(self._now_s)
        self._roads = [Road() for _ in self._lampposts]
        self._programs = Programs(self._folder)
        self._ending = threading.Event()
        self._started_s = time.monotonic()
        self._stored_before = self._waited_before = self._fired_before = 0
        self._broker = embedded(self._folder, free_port())

    def start(self) -> None:
        """Bring up broker, stubs, collector and agents. Raises Failure when the page's port is taken."""
        _check_port(self._port)
        self._stored_before, self._waited_before, self._fired_before = self._stored(), self._waiting(), self._fired()
        self._started_s = time.monotonic()
        self._broker.start()
        self._programs.start("collector", "collector", self._collector_settings())
        for lamppost, street, road in zip(self._lampposts, self._streets, self._roads, strict=True):
            self._status_file(lamppost).unlink(missing_ok=True)  # of an earlier demo in this folder
            self._programs.start(f"agent-{lamppost.node}", "agent", self._agent_settings(lamppost, street, road))
        self._hosts.start()
        threading.Thread(target=self._drive, name="traffic", daemon=True).start()

    @property
    def settings(self) -> Path:
        """The collector's settings file, for commands that ask it."""
        return self._folder / "collector.yaml"

    def desk(self) -> str | None:
        """Where the first operator makes an account; None until the pages are up."""
        return self._programs.told("collector", "first operator: ")

    def failed_child(self) -> str | None:
        """The name of a child that ended by itself, with the last lines it said."""
        return self._programs.failed()

    def wait_for_answers(self) -> None:
        """Until each agent was answered once, and so long at most.

        Who ends the demo in its first seconds would be told that readings are lost, which nobody has taken yet.
        """
        until_s = time.monotonic() + ANSWERED_S
        while self.failed_child() is None and time.monotonic() < until_s:
            if all(self._said(lamppost).get("acked_s") is not None for lamppost in self._lampposts):
                return
            time.sleep(0.1)

    def end_agents_and_collector(self) -> None:
        """Agents first, so that their last batches are answered; then the collector."""
        self._ending.set()
        self._programs.stop("agent", "collector")

    def ledger(self) -> Ledger:
        """What became of the readings: by the word and the spools of agents that have ended, against the database."""
        accepted = bad = 0
        for lamppost in self._lampposts:
            said = self._said(lamppost)
            accepted += said.get("accepted", 0)
            bad += sum(sum(sensor["bad"].values()) for sensor in said.get("sensors", []))
        stored = self._stored() - self._stored_before
        missing = max(0, accepted - stored)
        waiting = min(missing, self._waiting())
        doubled = max(0, stored - accepted - self._waited_before)
        return Ledger(
            len(self._lampposts), accepted, stored, waiting, missing - waiting, doubled, bad,
            self.alerts_fired(), self.page,
        )  # fmt: skip

    def close(self) -> None:
        """End whatever still runs and clean up."""
        self.end_agents_and_collector()
        self._broker.stop()
        self._hosts.stop()
        self._store.close()
        if not self._keep_folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def latest(self) -> dict[str, dict[str, Any]]:
        """Per node the newest air and traffic values and their times, for the table in the terminal."""
        found: dict[str, dict[str, Any]] = {lamppost.node: {} for lamppost in self._lampposts}
        questions = {
            "air_quality": ("pm25_ugm3", "pm10_ugm3"),
            "traffic_flow": ("flow_vph", "speed_tms_kmh"),
        }
        for measurement, columns in questions.items():
            try:
                series = self._store.select(Select(measurement, columns, group_by=("node",), latest=True))
            except StoreDown:
                continue
            for one in series:
                node, (time_ms, *values) = found[one.tags["node"]], one.rows[0]
                node |= dict(zip(columns, values, strict=True))
                node["time_ms"] = max(time_ms, node.get("time_ms", 0))
        return found

    def alerts_fired(self) -> int:
        """How many alerts have begun to fire, as stored."""
        return self._fired() - self._fired_before

    def names(self) -> dict[str, str]:
        """Node to name in both languages."""
        return {lamppost.node: f"{lamppost.zh} {lamppost.en}" for lamppost in self._lampposts}

    # -- parts ----------------------------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return time.monotonic() - self._started_s

    def _drive(self) -> None:
        """Let vehicles pass, each by its street's own schedule."""
        lanes = [
            (street, road, direction)
            for street, road in zip(self._streets, self._roads, strict=True)
            for direction in ("in", "out")
        ]
        coming = [street.next_vehicle(direction, 0.0) for street, _, direction in lanes]
        while not self._ending.wait(0.05):
            for number, (street, road, direction) in enumerate(lanes):
                vehicle = coming[number]
                if vehicle.t_s - self._now_s() < 10.0:  # seen well before it passes
                    road.add(vehicle)
                    coming[number] = street.next_vehicle(direction, vehicle.t_s)

    def _agent_settings(self, lamppost: Lamppost, street: Street, road: Road) -> dict[str, Any]:
        stubs: list[tuple[str, str, Any]] = [
            ("air-1", "plantower-pms5003", Pms5003(street.air)),
            ("air-2", "nova-sds011", Sds011(street.air)),
            ("radar-1", "omnipresense-ops243a", Ops243(_lane_of(road))),
        ]
        sensors = []
        for sensor, profile, stub in stubs:
            path = self._hosts.add(f"{lamppost.node}/{sensor}", stub)
            entry: dict[str, Any] = {"name": sensor, "profile": profile, "port": path}
            sensors.append(entry | ({"interval_s": 10, "mode": "objects"} if sensor == "radar-1" else {}))
        return {
            "node": lamppost.node, "site": lamppost.site, "seal_s": 1.0,
            "broker": {"port": self._broker.port, "spread_s": 0.5},
            "spool": {"path": str(self._spool_file(lamppost)), "allow_tmpfs": True},
            "clock": {"trust": "always"},
            "status_file": str(self._status_file(lamppost)), "sensors": sensors,
        }  # fmt: skip

    def _collector_settings(self) -> dict[str, Any]:
        stations = [{k: v for k, v in asdict(lamppost).items() if k in ("node", "zh", "en", "lat", "lon")}
                    for lamppost in self._lampposts]  # fmt: skip
        return {
            "broker": {"port": self._broker.port},
            "store": {"kind": "sqlite", "path": str(self._folder / "readings.db")},
            "state_file": str(self._folder / "collector.db"), "rules": [str(RULES)],
            "web": {"port": self._port}, "stations": stations,
        }  # fmt: skip

    def _status_file(self, lamppost: Lamppost) -> Path:
        return self._folder / f"{lamppost.node}.json"

    def _spool_file(self, lamppost: Lamppost) -> Path:
        return self._folder / f"{lamppost.node}.db"

    def _said(self, lamppost: Lamppost) -> dict[str, Any]:
        """What its agent said of itself last; nothing before it has."""
        try:
            said: dict[str, Any] = json.loads(self._status_file(lamppost).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said

    def _waiting(self) -> int:
        """Readings in the spools that nobody has answered: the collector may be behind, or have ended before."""
        found = 0
        for lamppost in self._lampposts:
            with suppress(SpoolError), closing(View(self._spool_file(lamppost))) as spool:  # there is none yet
                found += sum(row.series.kind in READINGS for row, _ in spool.readings(0, 2**62, only_waiting=True))
        return found

    def _stored(self) -> int:
        """Readings in the database, those of an earlier demo in its folder too."""
        return sum(row[1] for name in READINGS for row in self._rows(Select(name, ("qc",), aggregate="count")))

    def _fired(self) -> int:
        return sum(row[1] == "firing" for row in self._rows(Select("alerts", ("state",))))

    def _rows(self, question: Select) -> list[list[Any]]:
        try:
            return [row for series in self._store.select(question) for row in series.rows]
        except StoreDown:  # nobody has made it yet
            return []


def _lane_of(road: Road) -> Callable[[float], list[dict[str, float]]]:
    """The radar sees the nearest vehicle of the road, as its strongest echo."""
    return lambda time_s: road.targets(time_s)[:1]


def _folder(wanted: Path | None) -> Path:
    try:
        if wanted is None:
            return Path(tempfile.mkdtemp(prefix="lamppost-demo-"))
        wanted.mkdir(parents=True, exist_ok=True)
        (wanted / ".probe").write_text("")
        (wanted / ".probe").unlink()
    except OSError as error:
        text = f"the demo cannot write in {wanted or tempfile.gettempdir()}: {error.strerror}"
        raise Failure(Exit.NOT_PERMITTED, "folder-read-only", text, "name another with --folder") from error
    return wanted


def _check_port(port: int) -> None:
    """Told before anything starts: the page's port must be free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            text = f"port {port} on 127.0.0.1 cannot be used: {error.strerror}"
            raise Failure(Exit.DEVICE_OR_PORT, "port-busy", text, "choose another with --port") from error
