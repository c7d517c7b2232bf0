"""What goes wrong in this program itself: counted, and said to a person. What it was about is not answered, and comes
again: its sender keeps it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from common.place import Place
from wire.breakdown import place_of


class Mishaps:
    """Of a collector, or of one of its workers."""

    def __init__(self, counts: Counter[str], alarm: Callable[[str, str], None], state_file: Path) -> None:
        self._counts, self._alarm, self._state_file = counts, alarm, state_file
        self._place = Place(state_file)

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
        """Whether our own file still has its name; a person must hear of it when it has not."""
        kept = self._place.is_kept()
        if not kept:
            cure = "Cure: move it back, or start the collector anew"
            self._alarm("state", f"{self._state_file} was deleted or replaced while this collector runs. {cure}")
        return kept
