"""Surfaces ack and request: a real agent behind a real broker, with the test in the place of its collector."""

from __future__ import annotations

import base64
import json
import random
import secrets
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collector.clock import wall_ms
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost
from tests.bad_inputs import watch
from tests.bad_inputs.around import NEXT_S, Case
from tests.bad_inputs.documents import json_changed
from tests.bad_inputs.peer import Peer, taken
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import UnknownWord, Words, compact, only
from tests.rig import Program
from tests.servers import wait_for

OTHER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
WAITING_MIN = 3
RELEASED_S = 5
CLOSED_S = 3  # the window is: as long as three seals
SIGNATURE = {"signature", "sign_with", "signed_for"}
REQUEST_ROLES = {"transaction": "/tx"}


class AgentSide:
    """One agent with a sensor; `collector` is the test's own connection as the collector."""

    def __init__(self, system: System, folder: Path, words: Words) -> None:
        self.words = words
        self.node, self.collector_name = words.bases["users"]["node"], words.bases["users"]["collector"]
        self.city, self.folder = system.agent_city(folder), folder
        key = load_pem_private_key((self.city.plan.folder / "sign.key").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self.key = key
        self.stubs = StubHost()
        port = self.stubs.add("air-1", Pms5003(period_s=0.5))
        self.spool = folder / "spool" / "spool.db"
        self.status_file = folder / "spool" / "status.json"
        settings = {
            "node": self.node, "site": "jianguo-rd-east", "seal_s": 1.0,
            "identity": str(self.city.folder / "nodes" / self.node),
            "broker": {"port": self.city.plan.broker_port, "spread_s": 0},
            "spool": {"path": str(self.spool), "allow_tmpfs": True}, "clock": {"trust": "always"},
            "status_file": str(self.status_file),
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": port}],
        }  # fmt: skip
        self.agent = Program(folder, "agent", "agent", settings)
        self.collector = Peer(self.city_system, self.collector_name)
        for topic in ("data", "status", "response/+"):
            self.collector.subscribe(f"lamppost/1/{self.node}/{topic}")
        self.stubs.start()
        self.agent.start()
        self.rng = random.Random(5)
        self.ready()

    @property
    def city_system(self) -> Any:
        return type("Where", (), {"city": self.city})()

    def close(self) -> None:
        self.collector.close()
        self.agent.stop()
        self.stubs.stop()
        self.city.broker.stop()

    # -- what the agent has -----------------------------------------------------------------------------------------

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{self.spool.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(text, values).fetchall()

    def waiting(self) -> dict[int, str]:
        """Sequences and digests that wait for an answer, in the current life."""
        batches = "SELECT seq, digest FROM batch JOIN life ON life = life.id"
        return dict(self.sql(f"{batches} WHERE spool = ? AND acked_ms IS NULL", self.life()))

    def unanswered(self) -> Counter[tuple[int, int, int]]:
        """Rows that wait, by their span: a life may end because of a case and its batches be sealed anew, not go."""
        return Counter(self.sql("SELECT from_ms, to_ms, rows FROM batch WHERE acked_ms IS NULL"))

    def answered(self) -> set[tuple[str, int]]:
        batches = "SELECT spool, seq FROM batch JOIN life ON life = life.id WHERE acked_ms IS NOT NULL"
        return {(spool, seq) for spool, seq in self.sql(batches)}

    def life(self) -> str:
        found: str = self.sql("SELECT spool FROM life ORDER BY id DESC LIMIT 1")[0][0]
        return found

    def session(self) -> str:
        for _, topic, body in reversed(self.collector.heard):
            if topic.endswith("/status") and body:
                found: str = json.loads(body)["session"]
                return found
        raise AssertionError("the agent has not said its birth")

    def status(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(self.status_file.read_text())
        except (OSError, ValueError):
            return {}
        return said

    def counts(self, after_ms: int) -> dict[str, int]:
        """Counters of a status written after a moment."""
        said: dict[str, Any] = {}

        def is_later() -> bool:
            said.update(self.status())
            return bool(said.get("at_ms", 0) > after_ms)

        wait_for("the agent's status", is_later)
        return dict(said["counts"])

    def settled(self) -> dict[str, int]:
        """Counters of a moment at which all that the agent has heard until now is committed: it commits, then says."""
        self.counts(wall_ms())  # this word may be of a commit that was under way
        return self.counts(wall_ms())

    def ready(self) -> None:
        """Some batches wait, one at least was answered."""
        wait_for("the agent's spool", self.spool.exists)
        wait_for("batches that wait", lambda: self._has() and len(self.waiting()) >= WAITING_MIN, 30)
        if not self.answered():
            self.acknowledge(min(self.waiting()))

    def _has(self) -> bool:
        try:
            return bool(self.sql("SELECT 1 FROM life"))
        except sqlite3.Error:
            return False

    # -- what the test says -----------------------------------------------------------------------------------------

    def topic(self, channel: str) -> str:
        return f"lamppost/1/{self.node}/{channel}"

    def signed(self, topic: str, body: bytes, what: dict[str, Any]) -> bytes:
        """The two lines of a signed payload, as the case's signature words say."""
        if "signature" in what:
            return str(what["signature"]).encode() + b"\n" + body
        key = OTHER if what.get("sign_with") == "other" else self.key
        message = what.get("signed_for", topic).encode() + b"\n" + body
        return base64.urlsafe_b64encode(key.sign(message)).rstrip(b"=") + b"\n" + body

    def ack_document(self) -> dict[str, Any]:
        """The base acknowledgement for a batch that waits now."""
        document: dict[str, Any] = json.loads(compact(self.words.bases["ack"]))
        return document | {"spool": self.life(), "now": wall_ms()}

    def for_waiting(self, body: bytes) -> bytes:
        """42 and <digest> stand for a batch that waits."""
        seq = min(self.waiting())
        return body.replace(b"[[42,", b"[[%d," % seq).replace(b"<digest>", self.waiting()[seq].encode())

    def acknowledge(self, seq: int) -> bool:
        """A true acknowledgement; whether its batch is released in time. A late one would come into the next case."""
        document = self.ack_document() | {"acks": [[seq, self.waiting()[seq], 0]]}
        self.collector.publish(self.topic("ack"), self.signed(self.topic("ack"), compact(document).encode(), {}))
        began_s = time.monotonic()
        wait_for("a true acknowledgement to release", lambda: (document["spool"], seq) in self.answered())
        return time.monotonic() - began_s < RELEASED_S

    def ping(self) -> float | None:
        """A true request; how long its answer took."""
        transaction = secrets.token_hex(8)
        body = self.request(transaction, {})
        began_s = time.monotonic()
        self.collector.publish(self.topic("request/ping"), self.signed(self.topic("request/ping"), body, {}))
        found = self.collector.wait(lambda _: self.answers(transaction), 5)
        return time.monotonic() - began_s if found else None

    def request(self, transaction: Any, arguments: dict[str, Any]) -> bytes:
        head = {"v": 1, "tx": transaction, "session": self.session(), "at": wall_ms()}
        return compact(head | arguments).encode()

    def answers(self, transaction: Any) -> list[dict[str, Any]]:
        found = [json.loads(body) for _, topic, body in list(self.collector.heard) if "/response/" in topic]
        return [answer for answer in found if answer.get("tx") == transaction]


class Before:
    """The agent before a case's input, and what may not have changed after it."""

    def __init__(self, side: AgentSide) -> None:
        side.ready()
        self.side = side
        self.pid = side.agent.process.pid if side.agent.process else 0
        self.waiting = side.unanswered()
        self.answered = side.answered()
        self.counts = side.counts(wall_ms())
        self.resident = watch.resident(self.pid)
        watch.reset_peak(self.pid)
        self.log = watch.Log(side.agent.log)
        self.files = watch.files([side.city.folder / "nodes"])

    def faults(self, counted: bool) -> list[str]:
        side = self.side
        if not side.agent.running():
            side.agent.start()
            return ["the agent has ended"]
        found = []
        took = [side.ping() for _ in range(1)]
        if took[0] is None or took[0] > NEXT_S:
            took += [side.ping(), side.ping()]
            if all(one is None or one > NEXT_S for one in took):
                found.append(f"the next requests took {took} s")
        counts = side.settled()
        gone = self.waiting - side.unanswered()
        if gone:
            found.append(f"batches {sorted(gone)} are released")
        if self.answered - side.answered():
            found.append("batches are sent again")
        if counted and not watch.named(self.counts, counts):
            found.append("no counter names it")
        if watch.peak(self.pid) - self.resident > watch.RSS_MAX:
            found.append(f"memory grew by {(watch.peak(self.pid) - self.resident) / 2**20:.0f} MiB")
        key = base64.b64encode(side.key.private_bytes_raw())
        found += watch.faults_of(self.log.fresh(), [key])
        if watch.files([side.city.folder / "nodes"]) != self.files:
            found.append("new files beside the identity")
        return found


def ack(side: AgentSide, case: Case) -> list[str]:
    """One acknowledgement that must release nothing."""
    what = case["input"]
    if case["expect"] not in ("no_delete", "no_effect", "hold", "drop_unaddressed"):
        raise UnknownWord(f"expect {case['expect']!r} of an acknowledgement")
    before = Before(side)
    if what.get("gen", {}).get("op") == "ack_many":
        document = side.ack_document()
        document["acks"] = [[number, "0" * 32, 0] for number in range(what["gen"]["count"])]
        body = compact(document).encode()
    elif "base" in what:
        body = side.for_waiting(side.words.changed(what, side.ack_document()))
    else:
        body = side.words.data(what)
    plain = "base" not in what and what.get("gen", {}).get("op") != "ack_many" and not what.keys() & SIGNATURE
    payload = body if plain else side.signed(side.topic("ack"), body, what)
    heard = len([1 for _, topic, _ in side.collector.heard if topic.endswith("/data")])
    reason = side.collector.publish(side.topic("ack"), payload, retain=what.get("retain", False))
    if case["expect"] == "hold":
        return _closed_window(side, before, heard)
    faults = before.faults(counted=taken(reason))
    if not side.acknowledge(max(side.waiting())):
        faults.append(f"a true acknowledgement does not release within {RELEASED_S} s afterwards")
    return faults


def published_ack(side: AgentSide, case: Case) -> list[str]:
    """An acknowledgement as an MQTT action (retained, from last month ...)."""
    action = case["input"]["publish"]
    payload = action.get("payload", {})
    return ack(side, case | {"input": payload | {"retain": action.get("retain", False)}})


def _closed_window(side: AgentSide, before: Before, heard: int) -> list[str]:
    """The window is closed: readings stay, the agent says so, and goes on as soon as it opens."""
    time.sleep(CLOSED_S)
    faults = before.faults(counted=True)
    sent = len([1 for _, topic, _ in side.collector.heard if topic.endswith("/data")]) - heard
    if sent > 4:
        faults.append(f"{sent} batches were sent although the window is closed")
    if not side.acknowledge(max(side.waiting())):
        faults.append(f"it does not go on within {RELEASED_S} s when the window opens")
    return faults


def request(side: AgentSide, case: Case) -> list[str]:
    """One request that must have no effect."""
    what = case["input"]
    asked = what.get("request", {})
    verb = asked.get("verb", "resend")
    before = Before(side)
    only(what, {"request", "sample", "role", "yaml"}, "a request")
    only(asked, {"verb", "retain", "times", "after_s", "reconnects", "as_user"} | SIGNATURE, "request")
    transaction: Any = what.get("role", {}).get("transaction", secrets.token_hex(8))
    if isinstance(transaction, dict) and transaction.keys() & {"gen", "text", "hex", "concat"}:
        transaction = side.words.text(transaction)
    topic = side.topic(f"request/{verb}")
    plain = json.loads(side.request(None, {"from_ms": 0, "to_ms": wall_ms() + 1}))
    body = json_changed(plain, REQUEST_ROLES, what | {"role": {"transaction": transaction}}, side.words)
    payload = side.signed(topic, body, asked)
    times, replayed = asked.get("times", 1), asked.get("times", 1) > 1
    reason = None
    with_peer = Peer(side.city_system, asked["as_user"]) if "as_user" in asked else side.collector
    if replayed:  # the first one is good; what follows is not
        side.collector.publish(topic, payload)
        side.collector.wait(lambda _: side.answers(transaction), 5)
        side.settled()
        _answer_all(side)
        before = Before(side)
    for number in range(times - 1 if replayed else 1):
        if number or replayed:
            time.sleep(min(asked.get("after_s", 0), 3))  # as long as the case says: it is repeated so much later
        reason = with_peer.publish(topic, payload, retain=asked.get("retain", False))
    if asked.get("reconnects"):
        for _ in range(min(asked["reconnects"], 3) if isinstance(asked["reconnects"], int) else 1):
            _reconnect(side)
    faults = before.faults(counted=taken(reason))
    good = [answer for answer in side.answers(transaction) if answer.get("ok")]
    if len(good) > replayed:
        faults.append(f"obeyed: {good[:2]}")
    if asked.get("retain"):
        side.collector.publish(topic, b"", retain=True)
    return faults


def _answer_all(side: AgentSide) -> None:
    """What the first, good request has put back to waiting is acknowledged again."""
    sequences = sorted(side.waiting())[:-1]
    for seq in sequences:
        document = side.ack_document() | {"now": wall_ms() + 1, "acks": [[seq, side.waiting().get(seq, ""), 0]]}
        side.collector.publish(side.topic("ack"), side.signed(side.topic("ack"), compact(document).encode(), {}))
    wait_for("the batches to be answered", lambda: not side.waiting().keys() & set(sequences))


def _reconnect(side: AgentSide) -> None:
    """The agent's connection is cut: somebody else takes its name for a moment."""
    Peer(side.city_system, side.node, side.node).close()
    side.collector.forget()
    side.collector.wait(lambda heard: any(b'"online"' in body for _, _, body in heard), 30)
