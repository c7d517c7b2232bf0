"""A disk under a real SQLite file: what was synced survives a power cut, what was not may be there in part.

The file lies in RAM, so that thousands of commits take seconds; the model of the cut is ours. After each commit the
disk asks the connection how it syncs: with FULL the file and its log as they are now are safe, with anything less they
are safe only when the system happens to write them back. `tests/powercut` asks a real file system the same.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

FULL = 2


class Disk:
    """Holds one SQLite file at `path`. `lies` is the chance that a sync says "done" and did nothing."""

    def __init__(self, path: Path, rng: random.Random, lies: float = 0.0) -> None:
        self.path = path
        self._log = path.with_name(path.name + "-wal")
        self._rng = rng
        self._lies = lies
        self._safe: tuple[bytes, bytes] | None = None
        self._image: tuple[bytes, bytes] | None = None
        self._changes = -1

    def opened(self, db: sqlite3.Connection) -> None:
        """The file was opened. Its log is folded in often: more is tried, and less copied."""
        db.execute("PRAGMA wal_autocheckpoint=40")
        self._changes = -1
        self.committed(db)

    def committed(self, db: sqlite3.Connection) -> bool:
        """Commits may have returned. False when the disk lied about one: then the promise was not ours to keep."""
        if db.total_changes == self._changes:
            return True
        self._changes = db.total_changes
        if db.execute("PRAGMA synchronous").fetchone()[0] < FULL:
            return True
        if self._rng.random() < self._lies:
            return False
        self.write_back()
        return True

    def write_back(self) -> None:
        """The system wrote everything at its leisure."""
        self._safe = self._now()

    def kill(self, close: Callable[[], None]) -> None:
        """kill -9: all that was written is there, as it was written; nothing is tidied up by `close`."""
        found = self._now()
        close()
        self._put(*found)

    def cut(self, close: Callable[[], None]) -> None:
        """Power is gone: the file as of the last true sync, the log with some bytes of what came later."""
        later = self._now()[1]
        close()
        if self._safe is None:
            self.wipe()
            return
        data, log = self._safe
        kept = self._rng.randrange(len(later) + 1) if later[:32] == log[:32] else 0
        self._put(data, later[:kept] + log[kept:])

    def photograph(self) -> None:
        """Somebody makes an image of the card."""
        self._image = self._safe

    def roll_back(self) -> bool:
        """The card is written again from its image; False when there is none."""
        if self._image is None:
            return False
        self._safe = self._image
        self._put(*self._image)
        return True

    def wipe(self) -> None:
        """A new, empty card."""
        self._safe = self._image = None
        for old in self.path.parent.glob(self.path.name + "*"):
            old.unlink()

    def _now(self) -> tuple[bytes, bytes]:
        return _bytes(self.path), _bytes(self._log)

    def _put(self, data: bytes, log: bytes) -> None:
        for old in self.path.parent.glob(self.path.name + "*"):
            old.unlink()
        self.path.write_bytes(data)
        self._log.write_bytes(log)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
