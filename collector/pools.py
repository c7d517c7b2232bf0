"""Connections to web servers, with one end to our patience for a whole answer.

urllib3 and the system count a timeout from byte to byte, so whoever trickles an answer never meets it. Here the time
for reading is that of the answer from its first byte to its last. What is sent has as long as an answer may take:
urllib3 gives it the time in which to connect, which a large write over a slow line outlasts each time.
"""

from __future__ import annotations

import io
import re
import socket
import time
from http.client import HTTPResponse
from typing import Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from collector.letting_go import let_go
from wire.exits import reason

CONNECT_S: Final = 5.0
SEND_S: Final = 30.0


class _Reader(io.RawIOBase):
    """Reads for as long as its socket, when the answer was due, would have waited for the next byte."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket) -> None:
        self._raw, self._connection = raw, connection
        self._until_s = time.monotonic() + (connection.gettimeout() or SEND_S)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _InTime(HTTPConnection):
    response_class = _Answer

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(SEND_S)
        super().send(data)


class _InTimeTls(_InTime, HTTPSConnection):
    pass


class Pool(HTTPConnectionPool):
    """Connections to one server."""

    ConnectionCls = _InTime


class TlsPool(HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _InTimeTls


def silence(error: Exception) -> str:
    """Why no answer came, in words: urllib3 tells its pool and the whole address, and the cause at the end.

    The error lets go of what was sent.
    """
    let_go(error)
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    inner = (each for each in (cause.__cause__, *reversed(cause.args)) if isinstance(each, Exception))
    return re.sub(r"^\w+\(host=[^)]*\): ", "", reason(next(inner, cause)))


def within(whole_s: float) -> Timeout:
    """The time of one request: to connect, to send, and to hear all of the answer."""
    return Timeout(connect=min(CONNECT_S, whole_s), total=whole_s)


def pools(whole_s: float) -> PoolManager:
    """Connections to any server, for several threads at once; nothing is tried again, no redirect followed."""
    made = PoolManager(maxsize=8, retries=Retry(0, redirect=False), timeout=within(whole_s))
    made.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
    return made
