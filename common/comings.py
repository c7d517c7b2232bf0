"""Which comings and goings of a connection are worth a log line: an outage is, each failed try within it is not.

A connection that is lost within a minute of its coming is shaky: another program of our name pushes it out, or a broker
starts again and again. Of the next ones nothing is said until one has stood for a minute. Pure.
"""

from __future__ import annotations

from typing import Final

STANDS_S: Final = 60.0


class Comings:
    """Told of every connection and its loss. Seconds are of one monotonic clock."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._is_said = self._is_shaky = False

    def there(self, now_s: float) -> bool:
        """It is there, again or still: whether that is to be said now. Call it again and again while it is."""
        if self._since_s is None:
            self._since_s = now_s
        if self._is_said or (self._is_shaky and now_s - self._since_s < STANDS_S):
            return False
        self._is_said = True
        return True

    def gone(self, now_s: float) -> bool:
        """It is there no more: whether that is to be said, for somebody was told that it is."""
        is_news, self._is_said = self._is_said, False
        self._is_shaky = self._since_s is not None and now_s - self._since_s < STANDS_S
        self._since_s = None
        return is_news
