"""Strangers who open connections and say little: their handles are let go, and readers are served meanwhile."""

from __future__ import annotations

import asyncio
import http.client
import resource
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from collector.identity.authority import Authority, new_key, pem, pem_key
from collector.web import connections
from collector.web.forms import read_body
from collector.web.server import WebServer

LET_GO = threading.Event()


async def _whole(request: Request) -> Response:
    return PlainTextResponse(f"{len(await read_body(request) or b'')}")


async def _where(request: Request) -> Response:
    return PlainTextResponse(f"{request.headers['host']} {request.url.path}?{request.url.query}")


async def _endless(_: Request) -> Response:
    async def values() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)
        finally:
            LET_GO.set()

    return StreamingResponse(values())


async def _stream(_: Request) -> Response:
    async def values() -> object:
        for _ in range(12):
            yield b"x"
            await asyncio.sleep(0.1)

    return StreamingResponse(values())  # type: ignore[arg-type]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "LOOK_S", 0.25)
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 60)
    routes = [Route("/", _whole, methods=["GET", "POST"]), Route("/stream", _stream), Route("/endless", _endless)]
    routes.append(Route("/where", _where))
    app = Starlette(routes=routes)
    server = WebServer(app, "127.0.0.1", 0)
    server.start()
    yield int(server.url.rsplit(":", 1)[1].strip("/"))
    server.stop()


def _ended(connection: socket.socket, within_s: float = 5.0) -> bool:
    connection.settimeout(within_s)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHo",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo",
    ],
    ids=["nothing", "half a header", "half a body", "half a second request"],
)
def test_who_holds_a_connection_and_says_nothing_is_let_go(port: int, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(said)
        assert _ended(connection)


def test_who_takes_nothing_of_an_answer_is_let_go(port: int) -> None:
    """Its handle would be held for as long as it likes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert LET_GO.wait(5)


def test_an_address_told_in_full_is_the_address_and_its_host_the_host(port: int) -> None:
    """RFC 9112, 3.2.2: a server must take it; what the header says of the host is nothing then."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET HTTP://street.example:80/where?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"street.example:80 /where?a=b")


@pytest.mark.parametrize("second", ["Transfer-Encoding: chunked", "Content-Length: 6"])
def test_a_body_of_two_lengths_is_refused_and_nothing_behind_it_is_heard(port: int, second: str) -> None:
    """A proxy that believes the other length would hand the rest to us as the next reader's request."""
    behind = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n{second}\r\n\r\n"
        connection.sendall(f"{head}0\r\n\r\n{behind}".encode())
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1


def test_strangers_who_break_off_or_speak_something_else_write_no_log(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    for said in (b"nonsense\r\n\r\n", upgrade):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(said)
            assert connection.recv(4096)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        assert not connection.recv(4096).startswith(b"HTTP/1.1 5")
    assert caplog.messages == []


def test_a_stream_of_live_values_goes_on(port: int) -> None:
    asker = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asker.request("GET", "/stream")
    assert asker.getresponse().read() == b"x" * 12, "1.2 s, and four looks at it"
    asker.close()


def test_a_crowd_of_half_connections_keeps_nobody_out_for_long(port: int) -> None:
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
    until_s = time.monotonic() + 10
    served = False
    while not served and time.monotonic() < until_s:
        asker = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            asker.request("POST", "/", b"abc")
            served = asker.getresponse().read() == b"3"
        except OSError:
            time.sleep(0.05)
        finally:
            asker.close()
    for connection in crowd:
        connection.close()
    assert served


@pytest.fixture
def tls_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """A door with TLS at which 20 may stand."""
    monkeypatch.setattr(connections, "HANDSHAKE_S", 3.0)
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 20)
    now, key = datetime.now(UTC), new_key()
    (tmp_path / "s.pem").write_bytes(pem(Authority.new("c", now).sign_server(["127.0.0.1"], key.public_key(), now)))
    (tmp_path / "s.key").write_bytes(pem_key(key))
    app = Starlette(routes=[Route("/", _whole)])
    server = WebServer(app, "127.0.0.1", 0, (tmp_path / "s.pem", tmp_path / "s.key"))
    server.start()
    yield int(server.url.rsplit(":", 1)[1].strip("/"))
    server.stop()


def test_a_crowd_that_never_shakes_hands_is_counted_sent_away_and_let_go(tls_port: int) -> None:
    crowd = [socket.create_connection(("127.0.0.1", tls_port)) for _ in range(60)]
    sent_away = sum(_ended(connection, 0.001) for connection in crowd)
    until_s = time.monotonic() + 2.5
    while sent_away < 40 and time.monotonic() < until_s:
        sent_away = sum(_ended(connection, 0.001) for connection in crowd)
    assert sent_away >= 40, "at once, before anybody's time is over"
    assert all(_ended(connection) for connection in crowd)
    for connection in crowd:
        connection.close()
    asker = http.client.HTTPSConnection("127.0.0.1", tls_port, timeout=5, context=ssl._create_unverified_context())
    asker.request("GET", "/")
    assert asker.getresponse().read() == b"0"
    asker.close()


def test_the_collector_keeps_files_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((1024, 256), (65_536, 3_000), (resource.RLIM_INFINITY, 3_000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert connections.connections_max() == most
