"""What a run starts ends with it, however the run ends: by kill -9 too, which no `finally` sees.

Whatever a run starts carries the run's mark in its environment, and so does what that starts. A keeper, a process of
its own, waits for the end of the run and kills whatever still carries the mark.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

MARK: Final = "LAMPPOST_TEST_RUN"


def end_with_us() -> None:
    """Call it first, in the program that is the run: SIGTERM ends it in order, and its end is everybody's."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    mark = f"{os.getpid()}-{time.time_ns()}"
    near, _ = os.pipe()  # the far end is never closed but by our end: no child has it
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-S", __file__, mark],
        {key: value for key, value in os.environ.items() if key != MARK},
        file_actions=[(os.POSIX_SPAWN_DUP2, near, 0)],
        setsid=True,
    )
    os.close(near)
    os.environ[MARK] = mark


def marked(mark: str) -> list[int]:
    """Process ids of those that carry a mark, as far as we may look."""
    entry, found = f"{MARK}={mark}".encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if entry in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def keep(mark: str) -> None:
    """Wait for the end of the run, then end what it left; those that begin others anew may do so meanwhile."""
    sys.stdin.buffer.read()
    while left := marked(mark):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


if __name__ == "__main__":
    keep(sys.argv[1])
