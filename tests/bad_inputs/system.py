"""The running system: mosquitto with TLS and rules, a collector with pages, InfluxDB behind a proxy, good traffic."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from collector.identity import enrolment as office
from collector.identity.authority import Authority
from collector.identity.registrar import Registrar
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from common.settings import BrokerAddress
from common.tls import TlsFiles
from edge_agent.identity import enrol
from tests.bad_inputs import watch
from tests.bad_inputs.peer import Peer
from tests.bad_inputs.proxy import AnsweringProxy
from tests.bad_inputs.vocabulary import Words, compact
from tests.bad_inputs.voice import GOOD, GoodTraffic, Voice
from tests.identity.city import City
from tests.rig import Program, _env
from tests.servers import Influxd, listens, wait_for

DATABASE = "lamppost"
KINDS = ("air_quality", "weather", "traffic_flow")
LABEL_NODE = "labelled"


class Shifted(Program):
    """A program whose clock stands at the cases' moment; its temporary folder and its own folder are watched."""

    def __init__(self, folder: Path, name: str, room: str, settings: dict[str, Any], shift_ms: int) -> None:
        super().__init__(folder, name, room, settings)
        self.command = [sys.executable, "-m", "tests.bad_inputs.shifted", str(shift_ms), *self.command[3:]]
        self.more: dict[str, str] = {}
        self.room = folder / f"{name}.cwd"
        self.room.mkdir(exist_ok=True)

    def start(self) -> None:
        env = _env() | {"TMPDIR": str(self.room), "HOME": str(self.room), "PYTHONPATH": os.getcwd()} | self.more
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env,
                cwd=self.room,
            )  # fmt: skip


class System:
    """Everything a case needs. `start` takes about ten seconds; `close` ends all of it."""

    def __init__(self, folder: Path, words: Words) -> None:
        self.folder = folder
        self.words = words
        self.users: dict[str, str] = words.bases["users"]
        self.shift_ms = words.bases["now"] - time.time_ns() // 1_000_000
        self.database = Influxd(folder / "influxd")
        self.settings: dict[str, Any] = {}
        self.outside = folder / "outside"
        self.outside.mkdir(parents=True)

    def start(self) -> None:
        self.database.start()
        self.proxy = AnsweringProxy(self.database.url)
        self.asker = Asker(self.database.url, DATABASE, {})
        Influx1(self.database.url, DATABASE).prepare()
        self.city = City(self.folder / "city")
        self.city.broker.start()
        for node in (self.users["node"], self.users["other_node"], *GOOD):
            self.admit(node)
        document = (
            self.city.document
            | {
                "store": {"kind": "influx1", "url": self.proxy.url, "database": DATABASE},
                "stations": [{"node": LABEL_NODE, "zh": "标签", "en": "label"}],
            }
            | self.settings
        )
        self.collector = Shifted(self.city.plan.folder, "collector", "collector", document, self.shift_ms)
        self.report = self.city.plan.data / "collector.report.json"
        self.state = self.city.plan.data / "collector.db"
        self.collector.start()
        self.page = f"http://127.0.0.1:{self.city.page_port}"
        wait_for("the collector's page", lambda: listens(self.city.page_port), 30)
        self.voice = Voice(self, self.users["node"])
        self._voices = {self.voice.node: self.voice}
        self.voice.born()
        self.traffic = GoodTraffic(self)
        self.traffic.start()

    def close(self) -> None:
        for voice in (*self._voices.values(), *self.traffic.voices):
            voice.peer.close()
        self.collector.stop()
        self.city.broker.stop()
        self.proxy.close()
        self.database.stop()

    def voice_of(self, node: str) -> Voice:
        """The voice of any node that is enrolled here, made when it is first asked for."""
        if node not in self._voices:
            self._voices[node] = Voice(self, node)
        return self._voices[node]

    def broker_log_size(self) -> int:
        """What the broker refuses it notes: its log grows."""
        return (self.city.broker.folder / "log").stat().st_size

    def broker_has_lost(self, peer: Peer) -> bool:
        """Whether the broker has noted the end of its connection."""
        return f"Client {peer.name} " in (self.city.broker.folder / "log").read_text(errors="replace")

    def reconnect(self) -> None:
        """The broker was away: those that a test speaks for connect anew, the programs do it by themselves."""
        for voice in (*self._voices.values(), *self.traffic.voices):
            voice.peer.client.loop_stop()
            voice.peer._open()
        self.voice.born()
        for voice in self.traffic.voices:
            voice.peer.publish(f"lamppost/1/{voice.node}/status", compact(voice.birth()).encode(), retain=True)

    def admit(self, node: str, city: City | None = None) -> None:
        """Enrol a node on an operator's word."""
        city = city or self.city
        folder = city.folder / "nodes" / node
        with self.office(city) as opened:
            answer = opened.accept(node, enrol.new_request(node, folder), "test", time.time_ns() // 1_000_000)
        enrol.take_answer(office.as_file(answer), folder)

    def agent_city(self, folder: Path) -> City:
        """A second city without a collector, for an agent whose collector is the test itself."""
        city = City(folder / "city")
        city.broker.start()
        for node in (self.users["node"], self.users["other_node"]):
            self.admit(node, city)
        return city

    @contextmanager
    def office(self, city: City) -> Iterator[office.Enrolment]:
        from collector.config import Config
        from collector.identity.book import Book
        from collector.identity.signing import public_key_text, signing_key
        from collector.web.desk.file import DeskFile
        from common.strict_model import load

        pki = city.plan.folder / "pki"
        key = signing_key(load(Config, city.settings))
        assert key is not None
        registrar = TlsFiles(pki / "ca.pem", pki / "registrar.pem")
        with closing(DeskFile(city.plan.data / "desk.db")) as file:
            yield office.Enrolment(
                lambda: Authority.load(pki),
                Book(file),
                Registrar(BrokerAddress("127.0.0.1", city.plan.broker_port, tls=registrar.context), city.broker.folder),
                (public_key_text(key),),
                "127.0.0.1",
                city.plan.broker_port,
                lambda _: None,
            )

    # -- looking --------------------------------------------------------------------------------------------------

    def pid(self) -> int:
        assert self.collector.process is not None
        return self.collector.process.pid

    def points(self, node: str, kind: str) -> list[dict[str, Any]]:
        """Rows of one node as the database gives them."""
        series = self.asker.ask(f'SELECT * FROM "{kind}" WHERE "node" = \'{node}\'')
        return [dict(zip(one["columns"], row, strict=True)) for one in series for row in one["values"]]

    def drop(self, node: str) -> None:
        """The database holds no row of that node."""
        self.asker.ask(f"DROP SERIES WHERE \"node\" = '{node}'", post=True)

    def forget_series(self, node: str) -> None:
        """As `lamppost stations purge` does: the node's budget of series is whole again."""
        with closing(sqlite3.connect(self.state, timeout=10)) as db, db:
            db.execute("DELETE FROM series_of_node WHERE node = ?", (node,))

    def quarantined(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the collector's quarantine."""
        with closing(sqlite3.connect(f"{self.state.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql, values).fetchall()

    def counters(self, after_ms: int = 0) -> tuple[dict[str, int], dict[str, str]]:
        """Counters and alarms of a report that was written after a moment (of this machine's clock)."""
        until_s = time.monotonic() + 5
        while True:
            counts, alarms, at_ms = watch.counters(self.report)
            if at_ms - self.shift_ms > after_ms or time.monotonic() > until_s:
                return counts, alarms
            time.sleep(0.02)

    def watched(self) -> set[str]:
        """Files outside the data directories: none may appear there."""
        return watch.files([self.collector.room, self.outside, self.city.plan.folder / "pki"])
