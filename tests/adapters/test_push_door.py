"""The door for pushes, over HTTP, with nobody behind it or an ingest made by hand."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.adapters.guests import Guests
from collector.web import push
from collector.web.server import WebServer
from tests.servers import wait_for
from wire import ack, names, signed

CROWD = 60
"""More than there are threads for what readers and operators ask."""
BODY = json.dumps({"sensordatavalues": [{"value_type": "SDS_P1", "value": "1.0"}]})


async def _page(_: Request) -> Response:
    return await run_in_threadpool(PlainTextResponse, "here")


class Door:
    """A server with a page that takes a thread, and guests whose readings lie until somebody answers."""

    def __init__(self) -> None:
        self.guests = Guests()
        pushers = {f"g-{n}": push.Pusher("here", hashlib.sha256(b"x").digest()) for n in range(CROWD)}
        routes = push.routes(lambda: 1_790_000_000_000, self.guests, pushers)
        self.server = WebServer(Starlette(routes=[Route("/", _page), *routes]), "127.0.0.1", 0)
        self.server.start()

    def ask(self, method: str, path: str, body: str = "", source: str = "127.0.0.1", **headers: str) -> int:
        port = int(self.server.url.rsplit(":", 1)[1].strip("/"))
        asker = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
        try:
            asker.request(method, path, body, headers)
            return asker.getresponse().status
        finally:
            asker.close()

    def push(self, node: str, source: str = "127.0.0.1") -> int:
        secret = "Basic " + base64.b64encode(f"{node}:x".encode()).decode()
        return self.ask("POST", push.PATH, BODY, source, Authorization=secret)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(push, "ANSWER_S", 20.0)
    door = Door()
    yield door
    door.server.stop()


def test_a_crowd_of_pushes_that_nobody_answers_holds_up_no_page(door: Door) -> None:
    statuses: list[int] = []
    crowd = [
        threading.Thread(target=lambda n=n: statuses.append(door.push(f"g-{n}", f"127.0.0.{2 + n % 3}")))
        for n in range(CROWD)
    ]
    for pusher in crowd:
        pusher.start()
    wait_for("every push to wait", lambda: len(door.guests._waiting) == CROWD, 15)
    assert door.ask("GET", "/") == 200
    assert statuses == [], "the page came while all of them waited"
    node_of = {guest.spool: node for node, guest in door.guests._guests.items()}
    for spool, seq in 2 * list(door.guests._waiting):  # an answer may come again
        answer = ack.Ack("c1", 0, spool, (ack.Verdict(seq, "", ack.Code.STORED),))
        topic = names.ack(node_of[spool])
        assert door.guests.answered(topic, signed.seal(topic, ack.encode(answer)))
    for pusher in crowd:
        pusher.join(15)
    assert statuses == [200] * CROWD


def test_a_push_that_nobody_answers_in_time_is_told_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "ANSWER_S", 0.05)
    assert door.push("g-1") == 503
    assert door.guests._waiting == {}


@pytest.mark.parametrize("secret", ["Basic \xe9\xe9", "Basic //8=", "Basic", "\xff"])
def test_a_name_and_secret_in_no_known_writing_are_wrong(door: Door, secret: str) -> None:
    assert door.ask("POST", push.PATH, BODY, Authorization=secret) == 401
