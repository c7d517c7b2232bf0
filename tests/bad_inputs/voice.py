"""A node that a test speaks for, and two whose good traffic goes on beside every case."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.bad_inputs.peer import Peer
from tests.bad_inputs.vocabulary import compact, digest

if TYPE_CHECKING:
    from tests.bad_inputs.system import System

GOOD = ("good-1", "good-2")

GOOD_EVERY_S = 0.25

AFTERWARDS_MS = 250 * 24 * 3_600_000  # how long ago the good batches behind each case are from


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
