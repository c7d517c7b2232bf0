"""Agents and collectors as programs of their own: started with settings and a log each, ended in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import yaml

STOP_S: Final = 20.0
PORTS: Final = range(20_000, 32_768)  # below those that Linux gives to whoever connects (ip_local_port_range)
SHARES: Final = 8
"""Programs that are started one after the other, as the processes of a run of tests are, take turns."""
_chosen: set[int] = set()
ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, an order, a terminal that was closed: whoever has children ends them first."""


class Programs:
    """All children of one run, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, room: str, settings: dict[str, Any]) -> None:
        """`lamppost ROOM run SETTINGS`. A session of its own: Ctrl-C reaches us alone, and we end the children."""
        path = self._folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        with (self._folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "lamppost", room, "run", str(path), "--quiet"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        self._children.append((name, child))

    def failed(self) -> str | None:
        """The name of a child that ended by itself, with the last lines it said."""
        for name, child in self._children:
            if child.poll() is not None:
                said = (self._folder / f"{name}.log").read_text(errors="replace").strip().splitlines()[-3:]
                return f"{name} ended with code {child.returncode}: {' / '.join(said)}"
        return None

    def told(self, name: str, words: str) -> str | None:
        """What stands behind `words` in a child's log; None while it has not said so."""
        log = (self._folder / f"{name}.log").read_text(errors="replace")
        return next((line.partition(words)[2] for line in log.splitlines() if words in line), None)

    def stop(self, *kinds: str) -> None:
        """End the children whose names begin so, kind by kind; whoever does not end in time is killed.

        A second Ctrl-C meanwhile kills them all: none goes on alone.
        """
        try:
            for kind in kinds:
                self._stop(kind)
        except KeyboardInterrupt:
            for _, child in self._children:
                child.kill()
            raise

    def _stop(self, kind: str) -> None:
        chosen = [child for name, child in self._children if name.startswith(kind)]
        for child in chosen:
            child.terminate()
        until_s = time.monotonic() + STOP_S
        for child in chosen:
            try:
                child.wait(max(0.1, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children = [entry for entry in self._children if not entry[0].startswith(kind)]


def free_port() -> int:
    """A TCP port on loopback that nobody uses now, and that no connection is given before somebody serves there.

    Nor is it given away while its server is down: a program chooses no port twice while there are others, and one that
    was started shortly before or after it chooses among others.
    """
    while True:
        left = [port for port in PORTS[os.getpid() % SHARES :: SHARES] if port not in _chosen]
        if not left:
            _chosen.clear()
            continue
        port = SystemRandom().choice(left)
        _chosen.add(port)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
