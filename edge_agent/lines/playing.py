"""A capture played onto a pseudo-terminal: whoever opens it sees a sensor that says again what it said then."""

from __future__ import annotations

import os
import select
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_agent.lines.captures import Capture

UNTIMED_S = 0.1
"""Between two reads whose times nobody noted."""


class Stage:
    """A pseudo-terminal to play on. `path` is what a reader opens."""

    def __init__(self, path: str, master: int) -> None:
        self.path, self._master = path, master

    def reader_came(self, timeout_s: float) -> bool:
        """Wait until somebody has the other end open."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            ready = poll.poll(0)
            if not ready or not ready[0][1] & select.POLLHUP:  # the end of nobody hangs up
                return True
            time.sleep(0.02)
        return False

    def send(self, data: bytes) -> None:
        """Say it; what a reader does not fetch is lost, as on a real line."""
        with suppress(BlockingIOError, OSError):
            os.write(self._master, data)
        with suppress(BlockingIOError, OSError):
            os.read(self._master, 4096)  # a recording does not listen


@contextmanager
def stage(link: Path | None) -> Iterator[Stage]:
    """A pseudo-terminal in raw mode, by a name of one's own when `link` is given."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    path = os.ttyname(slave)
    os.close(slave)
    if link is not None:
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    try:
        yield Stage(str(link or path), master)
    finally:
        os.close(master)
        if link is not None:
            link.unlink(missing_ok=True)


def moments(capture: Capture) -> Iterator[tuple[float, bytes]]:
    """What the sensor said, each with its seconds from the start of the capture."""
    t_s = 0.0
    for piece in capture.pieces:
        t_s = t_s + UNTIMED_S if piece.t_s is None else piece.t_s
        if not piece.written:
            yield t_s, piece.data
