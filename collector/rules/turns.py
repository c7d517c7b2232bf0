"""Whose turn it is to be told: news of one group is told at once, and what follows it together after a while. Pure."""

from __future__ import annotations

from typing import Any


class Turns:
    """By group, until when its news waits, and the worst that was told of since: what is worse waits for nothing."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[int, int]] = {}

    def take(self, group: str, worst: int, fires: bool, wait_ms: int, now_ms: int) -> bool:
        """Whether a group's news may be told now; then the next waits. `worst` is its severity, `fires` whether any
        of it does."""
        until_ms, heard = self._taken.get(group, (0, -1))
        waits = now_ms < until_ms
        if waits and not (worst > heard and fires):
            return False
        self._taken[group] = (now_ms + wait_ms, max(worst, heard) if waits else worst)
        return True

    def clock_was_ahead(self, wait_ms: int, now_ms: int) -> None:
        """And is set back: else no news of a group would be told for all the hours that it was."""
        self._taken = {group: each for group, each in self._taken.items() if each[0] <= now_ms + wait_ms}

    def expire(self, now_ms: int) -> None:
        """Forget the groups whose news waits no longer."""
        for group in [group for group, (until_ms, _) in self._taken.items() if until_ms <= now_ms]:
            del self._taken[group]

    def packed(self) -> dict[str, tuple[int, int]]:
        """The whole as a JSON value."""
        return self._taken

    def restore(self, packed: dict[str, Any]) -> None:
        """Go on where another stopped."""
        self._taken = {group: (until_ms, heard) for group, (until_ms, heard) in packed.items()}
