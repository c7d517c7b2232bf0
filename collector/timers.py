"""When something is due again, by a clock that may be set back. Pure."""

from __future__ import annotations


def passed(now_ms: int, since_ms: int, span_ms: int) -> bool:
    """Whether a span of time has passed since a moment.

    Also when the moment lies ahead: then the clock was wrong (a machine that boots with local time for UTC is hours
    ahead until its time server answers), and who waited for it would wait for all those hours.
    """
    return not 0 <= now_ms - since_ms < span_ms


class SetBack:
    """Sees that a clock was set back: what was dated by it before is no later than now, or it would wait for hours.

    So does the first look, for what is kept from a life before this.
    """

    def __init__(self) -> None:
        self._seen_ms = 2**63

    def look(self, now_ms: int) -> bool:
        """Whether it is earlier than at the last look."""
        is_back, self._seen_ms = now_ms < self._seen_ms, now_ms
        return is_back


class Waits:
    """Duties by name: each is due until it is put off, and again when that time has passed."""

    def __init__(self) -> None:
        self._put_off: dict[str, tuple[int, int]] = {}

    def is_due(self, what: str, now_ms: int) -> bool:
        """Whether it is to be done now."""
        return what not in self._put_off or passed(now_ms, *self._put_off[what])

    def put_off(self, what: str, now_ms: int, span_ms: int) -> None:
        """It is due again after so long."""
        self._put_off[what] = (now_ms, span_ms)

    def comes_round(self, what: str, now_ms: int, every_ms: int) -> bool:
        """Whether it is due, as it is so often; who is told so does it."""
        if not self.is_due(what, now_ms):
            return False
        self.put_off(what, now_ms, every_ms)
        return True
