"""One spool, one owner: a second agent on the same file would give one sequence to two batches.

The lock is on a file beside the spool and belongs to the process: it ends with it, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge_agent.spool_file import SpoolError


class Owner:
    """Holds the spool at `path` until `release` or the end of the process. Raises SpoolError when another does."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".owner")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise SpoolError(f"{self._file}: {error.strerror}. Cure: check the folder's owner") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._handle, 20, 0).decode(errors="replace").strip()
            os.close(self._handle)
            text = f"{path} is in use by process {holder or 'unknown'}. Cure: sudo systemctl stop lamppost-agent"
            raise SpoolError(text) from error
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, b"%d\n" % os.getpid(), 0)
        except OSError:  # a full disk: the lock counts, its holder's number is for people
            pass

    def release(self) -> None:
        """Let another have it."""
        os.close(self._handle)
