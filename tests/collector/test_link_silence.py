"""A broker that takes the connection and never lets us in, silent or not, is given up for the next try."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from collector.broker import link as module
from collector.broker.link import Link
from collector.broker.mqtt_session import Session
from common.settings import BrokerAddress
from tests.servers import wait_for

ENDLESS_WELCOME = b"\x20\xff\xff\x7f"
"""A CONNACK of two megabytes."""


class Impatient(Session):
    """One of a short keep-alive."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.keepalive_s = 0.2  # type: ignore[assignment]


@pytest.fixture(params=[b"", ENDLESS_WELCOME], ids=["silent", "trickling"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    ending = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(request.param)
                while not ending.wait(0.05):
                    connection.sendall(request.param[:1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        ending.set()
        thread.join(5)


def test_who_never_lets_us_in_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Session", Impatient)
    link = Link(BrokerAddress("127.0.0.1", port), "c1")
    link.start()
    wait_for("the link to give up", lambda: link.counts["unreachable"] == 1, 10)
    link.stop()
