"""One file, one owner: two programs on one spool would give one sequence to two batches, two collectors on one state
file would tell each other's alerts.

The lock is on a file beside it and belongs to the process: it ends with it, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class InUse(Exception):
    """Another process holds the file; the text names both."""


class Owner:
    """Holds the file at `path` until `release` or the end of the process. Raises InUse, or OSError."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path.with_name(path.name + ".owner"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._handle, 20, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise InUse(f"{path} is in use by process {holder or 'unknown'}") from error
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, b"%d\n" % os.getpid(), 0)
        except OSError:  # a full disk: the lock counts, its holder's number is for people
            pass

    def release(self) -> None:
        """Let another have it."""
        os.close(self._handle)
