"""What pages show of alerts: a day's episodes and what is pending, made anew when something changes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from collector.alerts.views import views
from collector.rules.desk import Desk
from collector.rules.engine import Alert
from collector.rules.rule import Rule
from collector.rules.transition import Transition
from collector.web.site import AlertView
from wire.times import DAY_MS

SHOWN_AFTER_MS: Final = DAY_MS
PENDING_SHOWN: Final = 200


def pending(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Those of which a page can show so many."""
    return tuple(islice((alert for alert in alerts if alert.state == "pending"), PENDING_SHOWN))


class Shown:
    """Episodes by fingerprint, with what was last said of each. Used under its owner's lock, `views` by all."""

    def __init__(self, desk: Desk, rules: dict[str, Rule]) -> None:
        self._desk, self._rules = desk, rules
        self._pending: tuple[Alert, ...] = ()
        self.episodes: dict[str, Transition] = {}
        self.views: tuple[AlertView, ...] = ()

    def remember(self, said: Iterable[Transition]) -> None:
        """What was said last of an episode; what is history by the time it is known is none, what is void was none."""
        for each in said:
            if each.late:
                continue
            if each.void:
                self.episodes.pop(each.fingerprint, None)
            else:
                self.episodes[each.fingerprint] = each

    def forget_others(self) -> None:
        """Another collector works, or has worked: only of itself this one knows."""
        self.episodes = {name: each for name, each in self.episodes.items() if each.cause == "own"}

    def look(self, waiting: tuple[Alert, ...], now_ms: int) -> None:
        """Take up what is pending, let go of what has long been over, and show what is left."""
        self._pending = waiting
        since_ms = now_ms - SHOWN_AFTER_MS
        for name in [n for n, e in self.episodes.items() if e.state == "resolved" and e.event_ms < since_ms]:
            del self.episodes[name]
        self.show(now_ms)

    def show(self, now_ms: int) -> None:
        """Make the views anew, with what stands at the desk now."""
        self.views = views(self._desk, self.episodes.values(), self._pending, self._rules, now_ms)
