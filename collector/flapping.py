"""Flapping: one name, two devices. A broker ends the older connection of a name, so two of them push each other out."""

from __future__ import annotations

from collections import deque

WHILE_MS = 60_000
CHANGES = 6


class Flapping:
    """Counts how often each node's link changed within a minute."""

    def __init__(self) -> None:
        self._changes: dict[str, deque[int]] = {}

    def note(self, node: str, now_ms: int) -> bool:
        """The link changed; True when it does so as often as only two devices of one name make it."""
        changes = self._changes.setdefault(node, deque(maxlen=CHANGES))
        changes.append(now_ms)
        return len(changes) == CHANGES and now_ms - changes[0] <= WHILE_MS
