"""The same readings through what people use otherwise, when it is on the PATH: Telegraf and Node-RED, between the same
broker and InfluxDB, each with the settings that are best for it.

They are given what they read fastest: 60 rows of line protocol in a message, uncompressed. Neither checks, flags,
calibrates, rolls up or judges anything, and neither tells its senders what the database took: the rows say what copying
costs. CPU is that of the copying process alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.collectors import BATCHES, cpu_s
from benchmarks.figure import LOOP, Figure, loop_us
from benchmarks.traffic import fleet
from collector.stores.influx1 import Influx1
from collector.stores.store import Select
from edge_agent.reading import Reading
from edge_agent.spool.sealing import readings_of
from simulator.programs import free_port
from simulator.servers import Influxd, Mosquitto, listens, wait_for

ROWS = 60
DATABASE = "lamppost"
TOPIC = "bench/{}/lines"
UNDER_WAY_MAX = 500
"""Messages sent and not yet stored: fewer than mosquitto keeps for a slow listener (1,000)."""
PATIENCE_S = 60.0


class Other(ABC):
    """A program that copies from the broker to the database."""

    title: str
    executable: str

    def __init__(self, folder: Path, broker_port: int, url: str) -> None:
        self.folder, self.broker_port, self.url = folder, broker_port, url

    @abstractmethod
    def command(self) -> list[str]:
        """Write the settings; the command line."""

    def ready(self) -> bool:
        """True once it listens, where that shows; a first message proves the rest."""
        return True


class Telegraf(Other):
    """Written after the documentation of Telegraf 1.24 and later; no figure of it has been seen by us yet.

    The influx parser is its fastest; `max_undelivered_messages` times 60 rows fill its batches of 5,000 again and
    again; QoS 1 with a persistent session is what does not lose at its restart.
    """

    title, executable = "Telegraf", "telegraf"

    def command(self) -> list[str]:
        file = self.folder / "telegraf.conf"
        file.write_text(
            f"""[agent]
  omit_hostname = true
  interval = "1s"
  flush_interval = "200ms"
  flush_jitter = "0s"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{self.broker_port}"]
  topics = ["bench/+/lines"]
  topic_tag = ""
  qos = 1
  client_id = "telegraf-bench"
  persistent_session = true
  max_undelivered_messages = 1000
  data_format = "influx"
[[outputs.influxdb]]
  urls = ["{self.url}"]
  database = "{DATABASE}"
  skip_database_creation = true
  content_encoding = "identity"
"""
        )
        return [self.executable, "--config", str(file)]


class NodeRed(Other):
    """A flow of Node-RED's own nodes: mqtt in, join of up to 80 messages or 0.2 s, one write.

    `node-red-contrib-influxdb` builds a point object of every row and takes several times as long.
    """

    title, executable = "Node-RED", "node-red"

    def command(self) -> list[str]:
        self._port = free_port()
        flow = [
            {"id": "tab", "type": "tab", "label": "bench"},
            {"id": "broker", "type": "mqtt-broker", "name": "", "broker": "127.0.0.1", "port": str(self.broker_port),
             "clientid": "node-red-bench", "autoConnect": True, "usetls": False, "protocolVersion": "5",
             "keepalive": "60", "cleansession": True},
            {"id": "in", "type": "mqtt in", "z": "tab", "name": "", "topic": "bench/+/lines", "qos": "1",
             "datatype": "utf8", "broker": "broker", "nl": False, "rap": True, "rh": 0, "inputs": 0,
             "x": 100, "y": 100, "wires": [["join"]]},
            {"id": "join", "type": "join", "z": "tab", "name": "", "mode": "custom", "build": "string",
             "property": "payload", "propertyType": "msg", "joiner": "\\n", "joinerType": "str", "timeout": "0.2",
             "count": "80", "x": 250, "y": 100, "wires": [["write"]]},
            {"id": "write", "type": "http request", "z": "tab", "name": "", "method": "POST", "ret": "txt",
             "paytoqs": "ignore", "url": f"{self.url}/write?db={DATABASE}", "persist": True, "tls": "", "proxy": "",
             "x": 400, "y": 100, "wires": [[]]},
        ]  # fmt: skip
        (self.folder / "flows.json").write_text(json.dumps(flow))
        (self.folder / "settings.js").write_text(
            f'module.exports = {{uiHost: "127.0.0.1", uiPort: {self._port}, flowFile: "flows.json", '
            'logging: {console: {level: "warn"}}};\n'
        )
        return [self.executable, "--userDir", str(self.folder), "--settings", str(self.folder / "settings.js")]

    def ready(self) -> bool:
        return listens(self._port)


def figures(points: int, repeat: int) -> Iterator[Figure]:
    """A row for each that is installed."""
    for kind in (Telegraf, NodeRed):
        if shutil.which(kind.executable) is None:
            print(f"{kind.executable} is not on the PATH: no figures of {kind.title}", file=sys.stderr)
            continue
        loop = loop_us()
        runs = _run(kind, points, repeat)
        yield Figure(f"{kind.title}, copying alone", median(per_s for per_s, _ in runs), "points/s")
        cpu_us = median(us for _, us in runs)
        yield Figure(f"{kind.title}, copying alone: CPU", cpu_us, "µs a point", LOOP, cpu_us / loop)


def _run(kind: type[Other], points: int, repeat: int) -> list[tuple[float, float]]:
    """Points a second and CPU microseconds a point, of each run."""
    with TemporaryDirectory(prefix="lamppost-bench-") as folder:
        broker, database = Mosquitto(Path(folder) / "broker"), Influxd(Path(folder) / "db")
        process: subprocess.Popen[bytes] | None = None
        try:
            broker.start()
            database.start()
            store = Influx1(database.url, DATABASE)
            store.prepare()
            (Path(folder) / "other").mkdir()
            other = kind(Path(folder) / "other", broker.port, database.url)
            with (Path(folder) / "other.log").open("ab") as log:
                process = subprocess.Popen(other.command(), stdout=log, stderr=log)
            wait_for(f"{kind.title} to start", other.ready, PATIENCE_S)
            course = _Course(broker.port, store)
            course.knock()
            return [course.run(points, number, process.pid) for number in range(1, repeat + 1)]
        finally:
            if process is not None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            database.stop()
            broker.stop()


class _Course:
    """Sends messages no faster than they are stored, and counts what is stored."""

    def __init__(self, broker_port: int, store: Influx1) -> None:
        self._store = store
        self._stored = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "bench-feeder", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(20)
        self._client.connect("127.0.0.1", broker_port)
        self._client.loop_start()

    def knock(self) -> None:
        """One reading again and again until it is stored: now everybody is connected."""

        def stored() -> bool:
            self._client.publish(TOPIC.format("first"), f"air_quality,node=first qc=0i {time.time_ns()}", 1)
            time.sleep(0.2)
            return self._count("first") > 0

        wait_for("a first reading in the database", stored, PATIENCE_S)

    def run(self, points: int, number: int, pid: int) -> tuple[float, float]:
        """One stream."""
        messages = list(_messages(points, number))
        looking, end = threading.Event(), time.monotonic() + PATIENCE_S * 5
        base = self._count()
        self._stored = 0
        counting = threading.Thread(target=self._keep_counting, args=(base, looking), daemon=True)
        cpu, start_s = cpu_s(pid), time.monotonic()
        counting.start()
        for at, (topic, payload) in enumerate(messages):
            while at - self._stored // ROWS > UNDER_WAY_MAX and time.monotonic() < end:
                time.sleep(0.005)
            self._client.publish(topic, payload, 1)
        wait_for("the last reading in the database", lambda: self._stored >= len(messages) * ROWS, PATIENCE_S)
        span_s, spent_s = time.monotonic() - start_s, cpu_s(pid) - cpu
        looking.set()
        counting.join()
        return len(messages) * ROWS / span_s, 1e6 * spent_s / (len(messages) * ROWS)

    def _keep_counting(self, base: int, ending: threading.Event) -> None:
        while not ending.wait(0.1):
            self._stored = self._count() - base

    def _count(self, node: str | None = None) -> int:
        where: dict[str, str | tuple[str, ...]] = {"node": node} if node is not None else {}
        found = self._store.select(Select("air_quality", ("qc",), where=where, aggregate="count"))
        return sum(row[1] for series in found for row in series.rows)


def _messages(points: int, number: int) -> Iterator[tuple[str, bytes]]:
    """The readings of `benchmarks.stream` as line protocol, a batch a message, all nodes in turn."""
    nodes = max(1, round(points / ROWS / BATCHES))
    senders = list(fleet(nodes, BATCHES, ROWS, round(time.time()) * 1000, number * 100_000))
    for turn in range(BATCHES):
        for sender, sealed in senders:
            rows, envelope = readings_of(sealed[turn])
            head = f"air_quality,site={envelope.site},node={sender.node},sensor={rows[0].series.sensor}"
            yield TOPIC.format(sender.node), "\n".join(_line(head, row) for row in rows).encode()


def _line(head: str, row: Reading) -> str:
    values = ",".join(f"{name}={value}" for name, value in row.values.items())
    return f"{head} {values},qc=0i {row.time_ms}000000"
