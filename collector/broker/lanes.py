"""Two queues in one: what is live goes ahead of what is old, and what is old is never kept waiting for good. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

OLD_SHARE: Final = 4
"""One in so many that are taken is old, as long as something old waits."""


class Lanes(Generic[Item]):
    """Each lane keeps its order. Not thread-safe."""

    def __init__(self) -> None:
        self._live: deque[Item] = deque()
        self._old: deque[Item] = deque()

    def __len__(self) -> int:
        return len(self._live) + len(self._old)

    @property
    def live(self) -> int:
        """How many of them are live."""
        return len(self._live)

    def put(self, item: Item, live: bool) -> None:
        """Queue one."""
        (self._live if live else self._old).append(item)

    def take(self, count: int, live_only: bool = False) -> list[Item]:
        """Up to `count`, the live ones first."""
        owed = 0 if live_only else max(count - len(self._live), count // OLD_SHARE)
        old = min(len(self._old), owed)
        taken = [self._live.popleft() for _ in range(min(len(self._live), count - old))]
        return taken + [self._old.popleft() for _ in range(old)]
