"""Real servers for tests and figures: Debian's mosquitto, InfluxDB and others, on loopback, a folder for each.

A server that is not installed ends the run with the line that installs it; nothing is skipped.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from simulator.programs import free_port

PACKAGES = {
    "mosquitto": "mosquitto",
    "influxd": "influxdb",
    "victoria-metrics": "victoria-metrics",
    "nats-server": "nats-server",
    "chromium": "chromium",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
START_S = 20.0


class ServerTrouble(AssertionError):
    """A server is missing or does not answer; the text says what was waited for, or what installs it."""


def executable(name: str) -> str:
    """Path of a program of Debian's packages; raises ServerTrouble when it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServerTrouble(f"{name} is not installed: sudo apt-get install {PACKAGES[name]}")
    return found


def wait_for(what: str, is_so: Callable[[], bool], timeout_s: float = START_S) -> None:
    """Look until it is so, less often the longer it takes; raises ServerTrouble with `what` when it never is."""
    began_s = time.monotonic()
    while not is_so():
        waited_s = time.monotonic() - began_s
        if waited_s > timeout_s:
            raise ServerTrouble(f"waited {timeout_s:g} s in vain for: {what}")
        time.sleep(min(max(0.02, waited_s / 20), 0.1))  # to look may cost whom we look at more than it does us


def listens(port: int) -> bool:
    """True when something accepts connections on loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A server process. `kill` is kill -9; `stop` is SIGTERM; `start` starts it again in the same folder."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configure()

    def configure(self) -> None:
        """Write what the server reads at start."""

    def command(self) -> list[str]:
        """The command line."""
        raise AssertionError("a server names its command")

    def ready(self) -> bool:
        """True when it answers."""
        return listens(self.port)

    def launch(self) -> None:
        """Start, and do not wait."""
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out, start_new_session=True)

    def start(self) -> None:
        """Start and wait until it answers; one that does not, or is not waited for, is killed."""
        self.launch()
        try:
            wait_for(f"{type(self).__name__} to answer on port {self.port}", self.ready)
        except BaseException:
            self.kill()
            raise

    def has_ended(self) -> bool:
        """True when it was started and has ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """As a power cut would: no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)
        self.process = None


class Mosquitto(Server):
    """Debian's mosquitto with its default configuration but for the listener."""

    extra = ""

    def configure(self) -> None:
        text = f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{self.extra}"
        (self.folder / "mosquitto.conf").write_text(text)

    def command(self) -> list[str]:
        return [executable("mosquitto"), "-c", str(self.folder / "mosquitto.conf")]


class Nats(Server):
    """One node of a nats-server cluster, with JetStream and its MQTT 3.1.1 listener; `port` is the MQTT port."""

    def __init__(self, folder: Path, number: int, routes: list[int]) -> None:
        self._number, self._routes = number, routes
        self._monitor = free_port()
        super().__init__(folder)

    def configure(self) -> None:
        others = ", ".join(f'"nats-route://127.0.0.1:{route}"' for route in self._routes)
        (self.folder / "nats.conf").write_text(
            f"""server_name: n{self._number}
listen: "127.0.0.1:{free_port()}"
http: "127.0.0.1:{self._monitor}"
jetstream {{ store_dir: "{self.folder}/js", max_file_store: 1GB, max_memory_store: 64MB }}
cluster {{ name: lamppost, listen: "127.0.0.1:{self._routes[self._number]}", routes: [{others}] }}
mqtt {{ listen: "127.0.0.1:{self.port}", stream_replicas: {len(self._routes)} }}
"""
        )

    def command(self) -> list[str]:
        return [executable("nats-server"), "-c", str(self.folder / "nats.conf")]

    def ready(self) -> bool:
        """It listens, and its JetStream has a leader; a consumer of a session that has ended may never be current."""
        return listens(self.port) and _answers(f"http://127.0.0.1:{self._monitor}/healthz?js-server-only=true")


def nats_cluster(folder: Path, nodes: int = 3) -> list[Nats]:
    """Nodes that know each other, not started."""
    routes = [free_port() for _ in range(nodes)]
    return [Nats(folder / f"nats-{number}", number, routes) for number in range(nodes)]


class Influxd(Server):
    """Debian's InfluxDB 1.6; `extra` are more lines of its section `http`."""

    extra = ""

    def configure(self) -> None:
        (self.folder / "influxdb.conf").write_text(
            f"""reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{self.folder}/meta"
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
{self.extra}
"""
        )

    def command(self) -> list[str]:
        return [executable("influxd"), "-config", str(self.folder / "influxdb.conf")]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        return _answers(f"{self.url}/ping")


class Victoria(Server):
    """Debian's VictoriaMetrics, which speaks `/api/v2/write`; keeps old rows."""

    def command(self) -> list[str]:
        return [
            executable("victoria-metrics"),
            f"-storageDataPath={self.folder}/data",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        return _answers(f"{self.url}/health")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


class Alertmanager(Server):
    """Debian's prometheus-alertmanager, alone, with one webhook receiver. Set `hook` before it starts."""

    hook = ""

    def configure(self) -> None:
        (self.folder / "alertmanager.yml").write_text(
            "route: {receiver: hook, group_by: [site, node], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{self.hook}', send_resolved: true}}]}}]\n"
        )

    def command(self) -> list[str]:
        return [
            executable("prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
