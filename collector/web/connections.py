"""Connections of strangers: so many at once, and none that is held open by saying nothing (slow headers, slow bodies).

Every connection is a file handle of the process that also takes the readings in, from the moment that it is accepted:
long before the first byte of a request when TLS comes first. One that has not begun a new request,
or has not finished one's body, between two looks is closed; a stream of live values goes on, for its request is whole,
as long as its reader takes something of it.
"""

from __future__ import annotations

import asyncio
import re
import resource
import socket
from typing import Any, Final
from weakref import WeakSet

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 3_000
LOOK_S = 20.0
HANDSHAKE_S = 10.0
HEAD_MAX: Final = 65_536
_WHOLE_ADDRESS: Final = re.compile(rb"https?://([^/?]+)(.*)", re.I)


def connections_max() -> int:
    """At one door. There are three, for readers, devices and metrics, and the collector needs files of its own."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files == resource.RLIM_INFINITY else min(CONNECTIONS_MAX, files // 4)


class Door(socket.socket):
    """A listening socket. Who comes when as many are inside as may be is sent away at once."""

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(fileno=listening.detach())
        self._inside = WeakSet[socket.socket]()
        self._most = connections_max()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises ConnectionAbortedError, upon which asyncio goes on to listen."""
        connection, address = super().accept()
        if len(self._inside) >= self._most:
            self._inside = WeakSet(each for each in self._inside if each.fileno() >= 0)
        if len(self._inside) >= self._most:
            connection.close()
            raise ConnectionAbortedError("as many connections as may be")
        self._inside.add(connection)
        return connection, address


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, with an end to patience with handshakes and with farewells."""

    async def create_server(self, *args: Any, **named: Any) -> asyncio.Server:
        if named.get("ssl") is not None:
            named |= {"ssl_handshake_timeout": HANDSHAKE_S, "ssl_shutdown_timeout": HANDSHAKE_S}
        return await super().create_server(*args, **named)


class Strict(h11.Connection):
    """Refuses a body of two lengths: a proxy that believes the other one would take its rest for the next request."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if not isinstance(event, h11.Request):
            return event
        if {b"content-length", b"transfer-encoding"} <= dict(event.headers).keys():
            raise h11.RemoteProtocolError("a body of two lengths (RFC 9112, 6.1)")
        whole = _WHOLE_ADDRESS.fullmatch(event.target)
        return event if whole is None else _at(event, host=whole[1], target=whole[2])


def _at(request: h11.Request, host: bytes, target: bytes) -> h11.Request:
    """A request that names the whole address, as proxies do: what it says of the host goes before the header."""
    headers = [(b"host", host), *(header for header in request.headers if header[0] != b"host")]
    target = target if target.startswith(b"/") else b"/" + target
    return h11.Request(method=request.method, headers=headers, target=target, http_version=request.http_version)


class Bounded(H11Protocol):
    """uvicorn's protocol, with an end to patience."""

    _look_again: asyncio.TimerHandle | None = None
    _seen: Any = None
    _untaken = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.conn = Strict(h11.SERVER, HEAD_MAX)
        self._look_again = self.loop.call_later(LOOK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle: Any = self.cycle
        untaken = self.transport.get_write_buffer_size()
        if untaken and untaken == self._untaken:
            self.transport.abort()
            return
        waits_for_them = cycle is None or cycle.response_complete or cycle.more_body
        if waits_for_them and (cycle is None or cycle is self._seen):
            self.transport.close()  # once the rest of an answer is taken
        self._seen, self._untaken = cycle, untaken
        self._look_again = self.loop.call_later(LOOK_S, self._look)
