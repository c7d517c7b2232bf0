"""Whoever watches over our programs, as they see it: a socket at which they say that they live."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


class Systemd:
    """Whoever keeps the watchdog."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    def fed(self) -> bool:
        """Since it was asked last."""
        heard = b""
        with suppress(BlockingIOError):
            while True:
                heard += self._socket.recv(4096)
        return b"WATCHDOG=1" in heard

    def close(self) -> None:
        self._socket.close()
