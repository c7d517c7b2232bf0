"""A city with identities: `lamppost collector init --tls`, a real mosquitto on its files, a real collector."""

from __future__ import annotations

import getpass
import json
import signal
import ssl
import subprocess
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from collector.init import Plan, begin
from tests.rig import Program
from tests.servers import Server, executable, free_port, wait_for
from tests.typed import typed


class SecureMosquitto(Server):
    """Debian's mosquitto on the files that init made; `reload` is what systemd's reload sends."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__(plan.folder / "mosquitto", plan.broker_port)

    def configure(self) -> None:
        text = (self.folder / "lamppost.conf").read_text()
        (self.folder / "test.conf").write_text(f"user {getpass.getuser()}\nlog_type all\n{text}")

    def command(self) -> list[str]:
        return [executable("mosquitto"), "-c", str(self.folder / "test.conf")]

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


class City:
    """One installation in one folder. Enrol nodes with `enrol`; act as anybody with `client`."""

    def __init__(
        self,
        folder: Path,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        listen: str = "127.0.0.1",
        **collector: Any,
    ) -> None:
        self.folder = folder
        self.plan = Plan(
            folder / "etc", hosts=hosts, tls=True, broker_port=free_port(), enrol_port=free_port(), listen=listen,
            data=folder / "var",
        )  # fmt: skip
        begin(self.plan)
        self.settings = self.plan.folder / "collector.yaml"
        document = yaml.safe_load(self.settings.read_text()) | collector
        document["web"] = {"port": free_port()} | document.get("web", {}) | {"port": free_port()}
        self.page_port: int = document["web"]["port"]
        self.document = document
        self.broker = SecureMosquitto(self.plan)
        self.collector = Program(self.plan.folder, "collector", "collector", document)

    def start(self) -> None:
        self.broker.start()
        self.collector.start()
        self.wait_for_door()

    def wait_for_door(self) -> None:
        from tests.servers import listens

        wait_for("the enrolment door", lambda: listens(self.plan.enrol_port))

    def close(self) -> None:
        self.collector.stop()
        self.broker.stop()

    def lamppost(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return typed(*words, stdin=stdin)

    def office(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the office's."""
        return self.lamppost(*words, "--config", str(self.settings), stdin=stdin)

    def token(self, node: str) -> str:
        made = self.office("token", "create", node)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def enrol(self, node: str) -> Path:
        """Enrol a node; its identity's folder."""
        folder = self.folder / "nodes" / node
        made = self.lamppost(
            "agent", "enrol", "--token-file", "-", "--folder", str(folder), "--json", stdin=self.token(node)
        )
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["node"] == node
        return folder

    def pair(self, who: str) -> Path:
        """Key and certificate of a node or of one of the city's programs."""
        node = self.folder / "nodes" / who / "node.pem"
        return node if node.exists() else self.plan.folder / "pki" / f"{who}.pem"

    def client(self, who: str | None, name: str | None = None) -> Client:
        """Somebody at the broker: `who` has a certificate, None has none."""
        return Client(self, self.pair(who) if who else None, name or f"{who}.test")


class Client:
    """An MQTT client that notes what happens to it."""

    def __init__(self, city: City, pair: Path | None, name: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.connected: str | None = None
        self.lost = 0
        self._answers: dict[int, Any] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, reconnect_on_failure=False)
        context = ssl.create_default_context(cafile=str(city.plan.folder / "pki" / "ca.pem"))
        if pair is not None:
            context.load_cert_chain(pair)
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload)))
        self._client.on_publish = lambda _c, _u, mid, reason, _p: self._answers.__setitem__(mid, reason)
        self._client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._answers.__setitem__(mid, reasons[0])
        try:
            self._client.connect("127.0.0.1", city.plan.broker_port, 30)
        except OSError as error:
            self.connected = f"refused: {error}"
            return
        self._client.loop_start()
        wait_for("an answer to CONNECT", lambda: self.connected is not None)

    @property
    def is_in(self) -> bool:
        return self.connected == "Success" and self.lost == 0

    def publish(self, topic: str, payload: bytes = b"x", retain: bool = False, qos: int = 1) -> bool:
        """Whether the broker took it."""
        info = self._client.publish(topic, payload, qos, retain)
        return self._answered(info.mid)

    def subscribe(self, topic: str) -> bool:
        """Whether the broker granted it."""
        _, mid = self._client.subscribe(topic, 1)
        assert mid is not None
        return self._answered(mid)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _answered(self, mid: int) -> bool:
        wait_for("the broker's answer", lambda: mid in self._answers or self.lost > 0)
        return mid in self._answers and not self._answers[mid].is_failure

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.connected = "refused" if reason.is_failure else "Success"

    def _on_disconnect(self, *_: Any) -> None:
        self.lost += 1
        self.connected = self.connected or "refused"
