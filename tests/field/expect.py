"""A person at a terminal of sixty columns: waits for words on the screen, types an answer, presses Enter."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

COLUMNS = 60
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a pseudo-terminal. `seen` is everything it has shown, without colours."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None) -> None:
        self.seen = ""
        self._at = 0
        self._pid, self._master = pty.fork()
        if self._pid == 0:  # the person's shell
            os.environ.update({"TERM": "xterm", "COLUMNS": str(COLUMNS)} | (env or {}))
            os.execvp(command[0], command)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", 40, COLUMNS, 0, 0))

    def expect(self, words: str, timeout_s: float = 60.0) -> None:
        """Wait until `words` stand on the screen behind what was expected before."""
        until_s = time.monotonic() + timeout_s
        while words not in self.seen[self._at :]:
            if not self._read(until_s - time.monotonic()):
                raise AssertionError(f"never saw {words!r}; the screen:\n{self.seen[-3000:]}")
        self._at = self.seen.index(words, self._at) + len(words)

    def type(self, text: str) -> None:
        """Type, and press Enter, once the question stands there whole: its last space says that somebody listens."""
        until_s = time.monotonic() + 30
        while not self.seen.endswith(": ") and self._read(until_s - time.monotonic()):
            pass
        os.write(self._master, text.encode() + b"\r")

    def end(self, timeout_s: float = 60.0) -> int:
        """Wait until the command ends; its exit code. One that does not end is killed, and named."""
        until_s = time.monotonic() + timeout_s
        while self._read(until_s - time.monotonic()):
            pass
        code = self._code(until_s)
        os.close(self._master)
        return code

    def hang_up(self, timeout_s: float = 60.0) -> int:
        """The connection is lost; the exit code of a command that goes on to its end all the same."""
        os.close(self._master)
        return self._code(time.monotonic() + timeout_s)

    def _code(self, until_s: float) -> int:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        while pid == 0:
            if time.monotonic() > until_s:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                raise AssertionError(f"it did not end; the screen:\n{self.seen[-3000:]}")
            time.sleep(0.01)
            pid, status = os.waitpid(self._pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status)

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(timeout_s, 0))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.seen += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r", "")
        return bool(data)
