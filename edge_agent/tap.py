"""A local socket on which the running agent lets its serial lines be looked at: `lamppost agent watch` reads it.

The ports are held by the agent, and two readers of one port would each get half. So the agent tells whoever connects
what it reads and writes, one JSON object a line:

    {"schema":"lamppost.tap/1","node":"lp-1","sensors":[{"name":"air-1","profile":"nova-sds011@1","options":{},...}]}
    {"s":0,"ms":1790000000000,"r":"aac04b..."}      read from sensor 0
    {"s":0,"ms":1790000000010,"w":"aab406..."}      written to it

Nothing can be sent to it, and a reader who does not keep up is cut off: the agent never waits. The socket lies beside
the status file and belongs to the agent's user and group.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wire.exits import reason

log = logging.getLogger("lamppost.tap")

BEHIND_BYTES_MAX = 256 * 1024
READERS_MAX = 8


def socket_path(status_file: Path) -> Path:
    """Where the socket of an agent is."""
    return status_file.with_name(f"{status_file.stem}.sock")


class Tap:
    """The agent's end. `read` and `wrote` cost nothing while nobody listens."""

    def __init__(self, path: Path, about: dict[str, Any], now_ms: Callable[[], int]) -> None:
        self._path, self._about, self._now_ms = path, about, now_ms
        self._readers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen; without the socket the agent does its work all the same."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._met, self._path, limit=1024)
            self._path.chmod(0o660)
        except OSError as error:
            log.warning("nobody can watch: %s: %s", self._path, reason(error))

    async def close(self) -> None:
        """End, readers included."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for reader in list(self._readers):
            reader.close()

    def read(self, number: int, data: bytes) -> None:
        """Sensor `number` was heard."""
        if self._readers:
            self._say({"s": number, "ms": self._now_ms(), "r": data.hex()})

    def wrote(self, number: int, data: bytes) -> None:
        """Something was written to sensor `number`."""
        if self._readers:
            self._say({"s": number, "ms": self._now_ms(), "w": data.hex()})

    def _say(self, what: dict[str, Any]) -> None:
        line = _line(what)
        for reader in list(self._readers):
            if reader.transport.get_write_buffer_size() > BEHIND_BYTES_MAX:
                self._readers.discard(reader)
                reader.transport.abort()
            else:
                reader.write(line)

    async def _met(self, heard: asyncio.StreamReader, reader: asyncio.StreamWriter) -> None:
        if len(self._readers) >= READERS_MAX:
            reader.close()
            return
        reader.write(_line(self._about))
        self._readers.add(reader)
        try:
            while await heard.read(1024):  # what a reader says is passed over; its end is what counts
                pass
        except OSError:
            pass
        finally:
            self._readers.discard(reader)
            reader.close()


def _line(what: dict[str, Any]) -> bytes:
    return json.dumps(what, separators=(",", ":")).encode() + b"\n"
