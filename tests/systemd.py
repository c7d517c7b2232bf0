"""Stands where systemd stands: a socket at which programs say how they are."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


class Systemd:
    """`heard` is all that was said, as far as somebody has asked."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    def hears(self, word: str) -> bool:
        """Whether this was said until now."""
        self._listen()
        return any(word in said for said in self.heard)

    def fed(self) -> bool:
        """Whether the watchdog was, since it was asked last."""
        return any("WATCHDOG=1" in said for said in self._listen())

    def close(self) -> None:
        self._socket.close()

    def _listen(self) -> list[str]:
        """What was said since it was asked last."""
        before = len(self.heard)
        with suppress(BlockingIOError):
            while True:
                self.heard.append(self._socket.recv(4096).decode())
        return self.heard[before:]
