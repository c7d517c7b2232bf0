"""The running system: mosquitto with TLS and rules, a collector with pages, InfluxDB behind a proxy, good traffic."""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.identity import enrolment as office
from collector.identity.authority import Authority
from collector.identity.registrar import Registrar
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from device_profiles.settings import BrokerAddress
from device_profiles.tls import TlsFiles
from edge_agent import enrol
from tests.bad_inputs import watch
from tests.bad_inputs.proxy import AnsweringProxy
from tests.bad_inputs.vocabulary import Words, compact, digest
from tests.identity.city import City
from tests.rig import Program, _env
from tests.servers import Influxd, listens, wait_for

DATABASE = "lamppost"
GOOD = ("good-1", "good-2")
GOOD_EVERY_S = 0.25
AFTERWARDS_MS = 250 * 24 * 3_600_000  # how long ago the good batches behind each case are from
KINDS = ("air_quality", "weather", "traffic_flow")
_NUMBERS = itertools.count()  # the broker ends the older of two connections of one name
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


class Peer:
    """A node or collector at the broker, as a test speaks for it."""

    def __init__(
        self, system: System, who: str, name: str | None = None, will: tuple[str, bytes] | None = None
    ) -> None:
        self.heard: list[tuple[float, str, bytes]] = []
        self.state: str | None = None
        self.lost = 0
        self._answers: dict[int, Any] = {}
        self._lock = threading.Condition()
        self._topics: list[str] = []
        self._who, self._will, self._system = who, will, system
        self._name = name or f"{who}.test-{next(_NUMBERS)}"
        self._open()

    def _open(self) -> None:
        """A fresh client: one that lost its connection would send what is unanswered again, and be cut off again."""
        system, who, will = self._system, self._who, self._will
        self.state = None
        self._answers.clear()
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, self._name, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        self.client = client
        client._raise_for_invalid_topic = lambda _: None  # type: ignore[method-assign]  # what a stranger sends
        context = TlsFiles(system.city.plan.folder / "pki" / "ca.pem", system.city.pair(who)).context()
        client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        if will is not None:
            client.will_set(*will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = lambda _c, _u, mid, reason, _p: self._note(mid, reason)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._note(mid, reasons[0])
        client.connect("127.0.0.1", system.city.plan.broker_port, 60)
        client.loop_start()
        wait_for(f"{who} at the broker", lambda: self.state is not None)
        for topic in self._topics:
            client.subscribe(topic, 1)

    def publish(self, topic: str, payload: bytes, **more: Any) -> Any:
        """Publish; the reason code, or None when the broker ended the connection or said nothing for five seconds."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if "response_topic" in more:
            properties.ResponseTopic = more["response_topic"]
        if "payload_format" in more:
            properties.PayloadFormatIndicator = more["payload_format"]
        if "expiry" in more:
            properties.MessageExpiryInterval = more["expiry"]
        for number in range(more.get("user_properties", 0)):
            properties.UserProperty = (f"key-{number}", "x" * 1000)
        lost = self._forget_answers()
        info = self.client.publish(topic, payload, more.get("qos", 1), more.get("retain", False), properties)
        if more.get("qos", 1) == 0:
            return "sent"
        until_s = time.monotonic() + 5
        with self._lock:
            while info.mid not in self._answers and self.lost == lost and time.monotonic() < until_s:
                self._lock.wait(0.05)
        answer = self._answers.get(info.mid)
        if self.lost > lost:
            self.client.loop_stop()
            self._open()
        return answer

    def subscribe(self, topic: str) -> bool:
        lost = self._forget_answers()
        self._topics.append(topic)
        _, mid = self.client.subscribe(topic, 1)
        assert mid is not None
        with self._lock:
            self._lock.wait_for(lambda: mid in self._answers or self.lost > lost, 5)
        return mid in self._answers and not self._answers[mid].is_failure

    def wait(self, is_so: Any, timeout_s: float) -> Any:
        """What `is_so` makes of everything heard, as soon as it is true; None when it never is."""
        until_s = time.monotonic() + timeout_s
        with self._lock:
            while True:
                found = is_so(self.heard)
                if found or time.monotonic() >= until_s:
                    return found or None
                self._lock.wait(max(0.0, min(0.2, until_s - time.monotonic())))

    def forget(self) -> None:
        with self._lock:
            self.heard.clear()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _forget_answers(self) -> int:
        """Packet ids come round after 65,535: what was said of an earlier packet is not said of the next one."""
        with self._lock:
            self._answers.clear()
            return self.lost

    def _note(self, mid: int, reason: Any) -> None:
        with self._lock:
            self._answers[mid] = reason
            self._lock.notify_all()

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.state = str(reason)

    def _on_disconnect(self, *_: Any) -> None:
        with self._lock:
            self.lost += 1
            self._lock.notify_all()

    def _on_message(self, _c: Any, _u: Any, message: Any) -> None:
        with self._lock:
            self.heard.append((time.monotonic(), message.topic, bytes(message.payload)))
            self._lock.notify_all()


def taken(reason: Any) -> bool:
    """Whether the broker took a message: None when it has cut the sender off, else its reason code."""
    return reason == "sent" or (reason is not None and not reason.is_failure)


class Voice:
    """A node that a test speaks for: births, batches of the next sequence, and what was answered."""

    def __init__(self, system: System, node: str) -> None:
        self.system = system
        self.node = node
        self.rng = random.Random(node)
        self.peer = Peer(system, node)
        self.peer.subscribe(f"lamppost/1/{node}/ack")
        self.spool, self.seq = "", 0

    def born(self, **changes: Any) -> dict[str, Any]:
        """A new life: fresh spool, sequence 1. Returns when the collector has answered the birth."""
        self.spool, self.seq = f"{self.rng.getrandbits(128):032x}", 1
        birth = self.birth() | changes
        self.peer.forget()
        self.peer.publish(f"lamppost/1/{self.node}/status", compact(birth).encode(), retain=True)
        hello = lambda heard: any(b'"hello"' in body and self.spool.encode() in body for _, _, body in heard)  # noqa: E731
        if not self.peer.wait(hello, 10):
            raise AssertionError(f"the birth of {self.node} is not answered")
        self.peer.forget()
        return birth

    def fresh(self) -> None:
        """The database holds no row of this node, and a new life begins."""
        self.system.drop(self.node)
        self.born()
        self.peer.forget()

    def birth(self) -> dict[str, Any]:
        return {
            "v": 1, "state": "online", "node": self.node, "site": "jianguo-rd-east",
            "session": f"{self.rng.getrandbits(64):016x}", "spools": [self.spool], "next_seq": 1, "oldest_ms": None,
            "version": "0.1.0", "clock": "synced", "sensors": [["air-1", "plantower-pms5003@1"]], "vitals": {},
        }  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The base batch under this life's name, with the next free sequence."""
        return self.base() | {"node": self.node}

    def base(self) -> dict[str, Any]:
        """The base batch as it stands, in the name of its own node; spool and sequence are those of this life."""
        document: dict[str, Any] = json.loads(compact(self.system.words.bases["batch"]))
        return document | {"spool": self.spool, "seq": self.seq}

    def send(self, data: bytes, **more: Any) -> Any:
        return self.peer.publish(f"lamppost/1/{self.node}/data", data, **more)

    def answers(self, data: bytes | None = None, seq: int | None = None) -> list[tuple[int, str, int, dict[str, Any]]]:
        """Every verdict heard, or those on these bytes or this sequence."""
        wanted = None if data is None else digest(data)
        found = []
        for _, _, body in list(self.peer.heard):
            for entry in json.loads(body.split(b"\n")[1]).get("acks", []):
                if (wanted is None or entry[1] == wanted) and (seq is None or entry[0] == seq):
                    found.append((entry[0], entry[1], entry[2], entry[3] if len(entry) > 3 else {}))
        return found

    def answer(self, data: bytes, timeout_s: float = 5.0) -> tuple[int, str, int, dict[str, Any]] | None:
        """The last verdict on these bytes, waiting for the first."""
        self.peer.wait(lambda _: bool(self.answers(data)), timeout_s)
        found = self.answers(data)
        return found[-1] if found else None

    def good(self, number: int = 0) -> tuple[bytes, float | None]:
        """Send a good batch of the next sequence with times of its own; how long its answer took."""
        document = self.document()
        t0 = self.system.words.bases["now"] - AFTERWARDS_MS - number * 10_000
        for block in document["blocks"]:
            block["t0"] = t0
        data = compact(document).encode()
        self.seq += 1
        began_s = time.monotonic()
        self.send(data)
        found = self.answer(data, 10)
        return data, None if found is None or found[2] != 0 else time.monotonic() - began_s


class GoodTraffic(threading.Thread):
    """Two other nodes that go on sending all the time; every reading of theirs must be in the database at the end."""

    def __init__(self, system: System) -> None:
        super().__init__(name="good traffic", daemon=True)
        self.voices = [Voice(system, node) for node in GOOD]
        self.sent: dict[str, int] = dict.fromkeys(GOOD, 0)
        self.waiting: dict[str, dict[bytes, float]] = {node: {} for node in GOOD}
        self.slowest_s = 0.0
        self._ending = threading.Event()
        self._now = system.words.bases["now"]

    def run(self) -> None:
        for voice in self.voices:
            voice.born()
        t0 = self._now - 10 * 24 * 3_600_000
        while not self._ending.wait(GOOD_EVERY_S):
            t0 += 60_000
            for voice in self.voices:
                document = voice.document()
                voice.seq += 1
                document["blocks"] = [document["blocks"][0] | {"t0": t0, "sensor": "good-air"}]
                data = compact(document).encode()
                self.sent[voice.node] += 3
                self.waiting[voice.node][data] = time.monotonic()
                voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, 1)
            self._settle(resend_s=8)

    def finish(self) -> str | None:
        """Stop, resend what is unanswered, and compare with the database; what is wrong, or None."""
        self._ending.set()
        self.join(30)
        until_s = time.monotonic() + 60
        while any(self.waiting.values()) and time.monotonic() < until_s:
            self._settle(resend_s=2)
            time.sleep(0.1)
        left = sum(map(len, self.waiting.values()))
        return f"{left} good batches were never answered" if left else None

    def _settle(self, resend_s: float) -> None:
        """Forget what is stored; send again what has had no final answer for a while."""
        for voice in self.voices:
            codes = {entry[1]: entry[2] for entry in voice.answers()}
            voice.peer.forget()
            for data, sent_s in list(self.waiting[voice.node].items()):
                if codes.get(digest(data)) in (0, 3):
                    self.slowest_s = max(self.slowest_s, time.monotonic() - sent_s)
                    del self.waiting[voice.node][data]
                elif time.monotonic() - sent_s > resend_s:
                    self.waiting[voice.node][data] = time.monotonic()
                    voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, 1)


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
        from device_profiles.strict_model import load

        pki = city.plan.folder / "pki"
        key = signing_key(load(Config, city.settings))
        assert key is not None
        registrar = TlsFiles(pki / "ca.pem", pki / "registrar.pem")
        with closing(DeskFile(city.plan.data / "desk.db")) as file:
            yield office.Enrolment(
                Authority.load(pki),
                Book(file),
                Registrar(BrokerAddress("127.0.0.1", city.plan.broker_port, tls=registrar.context)),
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
