"""Flapping: one name, two devices. A broker ends the older connection of a name, so two of them push each other out.

What tells it from a device that restarts is that the *same* session comes back, again and again.
"""

from __future__ import annotations

from collections import deque

from wire.times import MINUTE_MS

WHILE_MS = MINUTE_MS
RETURNS = 4


class Flapping:
    """Counts how often sessions of each node came back within a minute."""

    def __init__(self) -> None:
        self._sessions: dict[str, deque[str]] = {}
        self._returns: dict[str, deque[int]] = {}

    def note(self, node: str, session: str, now_ms: int) -> bool:
        """A birth; True when sessions come back as often as only two devices of one name make them."""
        sessions = self._sessions.setdefault(node, deque(maxlen=8))
        if session not in sessions:
            sessions.append(session)
            return False
        returns = self._returns.setdefault(node, deque(maxlen=RETURNS))
        returns.append(now_ms)
        return len(returns) == RETURNS and now_ms - returns[0] <= WHILE_MS
