"""A socket that never blocks, TCP or TLS, written and read by one thread; a byte to `bell` ends its wait."""

from __future__ import annotations

import selectors
import socket
import ssl
from contextlib import suppress
from types import TracebackType

READ_BYTES = 256 * 1024


class Pipe:
    """One connected, non-blocking socket. `wrote` says whether the last turn sent anything."""

    def __init__(self, sock: socket.socket, bell: socket.socket) -> None:
        self.wrote = False
        self._sock = sock
        self._bell = bell
        self._out = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._selector.register(bell, selectors.EVENT_READ)
        self._wants_write = False
        self._has_more = False

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._selector.close()

    def turn(self, out: bytes, timeout_s: float) -> bytes:
        """Write what goes, wait for something to happen, read what is there. Raises OSError when the other is gone."""
        self._out += out
        self.wrote = self._write()
        if self._wants_write != bool(self._out):
            self._wants_write = bool(self._out)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._wants_write else 0)
            self._selector.modify(self._sock, events)
        for key, _ in self._selector.select(0 if self._has_more else timeout_s):
            if key.fileobj is self._bell:
                with suppress(BlockingIOError):
                    self._bell.recv(4096)
        return self._read()

    def _write(self) -> bool:
        if not self._out:
            return False
        try:
            sent = self._sock.send(self._out)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        self._out = self._out[sent:]
        return sent > 0

    def _read(self) -> bytes:
        """All that is there, up to READ_BYTES; a TLS socket may hold more than its file descriptor shows."""
        parts: list[bytes] = []
        size = 0
        while size < READ_BYTES:
            try:
                part = self._sock.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            if not part:
                if parts:
                    break
                raise OSError("closed by the broker")
            parts.append(part)
            size += len(part)
        self._has_more = size >= READ_BYTES
        return b"".join(parts)
