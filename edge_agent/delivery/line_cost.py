"""What the line costs: bytes a day, as of the last 24 hours, and how slowly batches are sealed to stay within a budget.

    answered, no budget      every `seal_s`
    nobody answers           once a minute: nothing is gained by small batches on the disk
    a budget                 once a minute, which takes a fifth of the bytes
    more than the budget     every four minutes, until the day is within it again

Only ordinary readings are slowed down: what is urgent (urgency.py) is sealed at once, whatever it costs. Pure.
"""

from __future__ import annotations

from collections import deque

TELLING_S = 300.0
DAY_S = 86_400.0
THRIFTY_S = 60.0
OVER_BUDGET_S = 240.0  # rules that watch for absence wait ten minutes: a slow batch must not look like a dead sensor


class LineCost:
    """Is told now and then how many bytes have gone over the line since the start."""

    def __init__(self, budget: int | None, seal_s: float) -> None:
        self._budget, self._seal_s = budget, seal_s
        self._told: deque[tuple[float, int]] = deque(maxlen=round(DAY_S / TELLING_S) + 1)

    def note(self, total: int, now_s: float) -> None:
        """Bytes since the start, now."""
        if not self._told or now_s - self._told[-1][0] >= TELLING_S:
            self._told.append((now_s, total))

    def a_day(self, total: int, now_s: float) -> int | None:
        """What a day comes to, by the last 24 hours; nothing is said of the first minutes."""
        if not self._told or now_s - self._told[0][0] < TELLING_S:
            return None
        then_s, then = self._told[0]
        return round((total - then) * DAY_S / (now_s - then_s))

    def pace_s(self, answered: bool, total: int, now_s: float) -> float:
        """How often ordinary readings are sealed now."""
        if self._budget is None:
            return self._seal_s if answered else THRIFTY_S
        a_day = self.a_day(total, now_s)
        return OVER_BUDGET_S if answered and a_day is not None and a_day > self._budget else THRIFTY_S
