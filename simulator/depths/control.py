"""Live control of a run: one line of JSON in, one out, at a socket that belongs to the run.

{"do": "pause"}   {"do": "resume"}   {"do": "stop"}   {"do": "speed", "to": "60x"}   {"do": "status"}
{"do": "fault", "text": "broker-down:60@+0s"}      struck at once when its time is past
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wire.exits import Exit, Failure

FILE = "control"
LINE_MAX = 4096
WAIT_S = 10.0

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Control:
    """Listens while a run lasts; `answer` is called in the listener's thread."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self._answer = answer
        self._file = folder / FILE
        self._home = Path(tempfile.mkdtemp(prefix="lamppost-ctl-"))  # paths of sockets are short
        self._path = self._home / "ctl"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._path))
        self._socket.listen(4)
        self._file.write_text(str(self._path), encoding="utf-8")
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(2)
        for path in (self._file, self._path):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.rmdir(self._home)

    def _listen(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(WAIT_S)
                with contextlib.suppress(OSError):
                    peer.sendall(json.dumps(self._obey(_line(peer)), ensure_ascii=False).encode() + b"\n")

    def _obey(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            return self._answer(asked) if isinstance(asked, dict) else {"error": "an object is wanted"}
        except (ValueError, Failure) as error:
            return {"error": str(error)}


def ask(folder: Path, what: dict[str, Any]) -> dict[str, Any]:
    """Ask a run that is going on. Raises Failure when it has ended."""
    try:
        path = (folder / FILE).read_text(encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(WAIT_S)
            peer.connect(path)
            peer.sendall(json.dumps(what, ensure_ascii=False).encode() + b"\n")
            answer: dict[str, Any] = json.loads(_line(peer))
    except (OSError, ValueError) as error:
        text = f"run {folder.name} does not answer: it has ended, or is none of depth chain"
        raise Failure(Exit.NOT_HEALTHY, "run-ended", text, "lamppost sim list --runs") from error
    return answer


def _line(peer: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < LINE_MAX:
        part = peer.recv(1024)
        if not part:
            break
        line += part
    return line
