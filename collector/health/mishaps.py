"""Faults of this program itself, counted and raised as alarms: exceptions that nobody foresaw, and its own files.

A batch that meets one is not acknowledged, so its sender keeps it and sends it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from common.named_file import NamedFile
from wire.breakdown import place_of


class Mishaps:
    """Those of one collector, or of one of its workers. `beside` are files that must keep their names as well."""

    def __init__(
        self, counts: Counter[str], alarm: Callable[[str, str], None], state_file: Path, *beside: Path
    ) -> None:
        self._counts, self._alarm, self._state_file = counts, alarm, state_file
        self._files = [NamedFile(file) for file in (state_file, *beside)]

    def broken_by(self, what: str, error: Exception) -> None:
        """Nobody foresaw it: a person must hear where it happened."""
        self._counts["unforeseen"] += 1
        file, line = place_of(error)
        text = f"{what} breaks this program: {type(error).__name__} at {file}:{line}. Cure: report it"
        self._alarm("unforeseen", text)

    def state_failed(self, why: str) -> None:
        """Our own file does not take, or does not give, what it should."""
        self._counts["state_failed"] += 1
        if self.state_is_kept():
            self._alarm("state", f"{self._state_file}: {why}. Cure: free space or replace the disk")

    def state_is_kept(self) -> bool:
        """Whether our own files still have their names; a person must hear of one that has not."""
        gone = next((file for file in self._files if not file.is_kept()), None)
        if gone is not None:
            self._alarm("state", gone.loss)
        return gone is None
