"""Alerts as retained messages: the broker keeps the current state of each, until a day after its end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from collector.alerts.book import Book
from collector.rules.desk import TOLD_BY_ANOTHER
from collector.rules.standing import Standing
from collector.rules.transition import Transition
from collector.timers import passed
from wire import names, strictjson
from wire.times import DAY_MS, MINUTE_MS

KEPT_MS: Final = DAY_MS
LOOK_EVERY_MS: Final = MINUTE_MS


class Change(NamedTuple):
    """A retained message that must be renewed, or cleared when the body is empty."""

    fingerprint: str
    topic: str
    body: bytes


class Retained:
    """What the broker is to keep. A republish on every connection makes up for whatever a broker has forgotten."""

    def __init__(self, book: Book) -> None:
        self._known = book.retained()
        self._acks: dict[str, str] = {}
        self._looked_ms = 0
        self._unsaved: dict[str, tuple[str, int | None] | None] = {}

    def changes(
        self, said: Iterable[Transition], standings: Mapping[str, Standing] | None, now_ms: int
    ) -> list[Change]:
        """Messages that changed since the last call, by what was said and what stands at the desk.

        Without a desk by what was said alone: where another works the rest of them are its own.
        """
        moved = {each.fingerprint: each for each in said if not each.late}
        if standings is None:
            return [self._keep(each, None, now_ms) for each in moved.values()]
        for name, standing in standings.items():
            who = standing.ack.who if standing.ack is not None else ""
            if self._acks.get(name, "") != who:
                self._acks[name] = who
                moved.setdefault(name, standing.alert)
        found = [self._keep(each, standings.get(name), now_ms) for name, each in moved.items()]
        return found + self._cleared(now_ms)

    def follow(self, shown: Iterable[Transition], standings: Mapping[str, Standing], now_ms: int) -> list[Change]:
        """Another has worked until now: what is `shown` is so; what else was to fire has ended meanwhile."""
        found = [self._keep(each, standings.get(each.fingerprint), now_ms) for each in shown]
        kept = {change.topic for change in found}
        ended = [topic for topic, (_, clear_ms) in self._known.items() if clear_ms is None and topic not in kept]
        return found + [self._end(topic, now_ms) for topic in ended]

    def unsaved(self) -> dict[str, tuple[str, int | None] | None]:
        """What changed since the last call, for the caller to write."""
        unsaved, self._unsaved = self._unsaved, {}
        return unsaved

    def all(self) -> list[Change]:
        """Everything that the broker is to keep."""
        return [Change(_last(topic), topic, body.encode()) for topic, (body, _) in self._known.items()]

    def _keep(self, alert: Transition, standing: Standing | None, now_ms: int) -> Change:
        topic = names.alert(alert.labels.get("site") or "none", alert.fingerprint)
        ack = None if standing is None or alert.state != "firing" else standing.ack
        body = strictjson.dumps(
            {"v": 1, "at": now_ms, **alert.told(), "acknowledged_by": None if ack is None else ack.who}
        )
        return self._put(topic, body, None if alert.state == "firing" else now_ms + KEPT_MS)

    def _end(self, topic: str, now_ms: int) -> Change:
        ended = {"at": now_ms, "state": "resolved", "reason": TOLD_BY_ANOTHER, "acknowledged_by": None}
        return self._put(topic, strictjson.dumps(json.loads(self._known[topic][0]) | ended), now_ms + KEPT_MS)

    def _put(self, topic: str, body: bytes, clear_ms: int | None) -> Change:
        self._known[topic] = self._unsaved[topic] = (body.decode(), clear_ms)
        return Change(_last(topic), topic, body)

    def _cleared(self, now_ms: int) -> list[Change]:
        if not passed(now_ms, self._looked_ms, LOOK_EVERY_MS):
            return []
        self._looked_ms = now_ms
        over = [topic for topic, (_, clear_ms) in self._known.items() if clear_ms is not None and clear_ms <= now_ms]
        for topic in over:
            del self._known[topic]
            self._acks.pop(_last(topic), None)
            self._unsaved[topic] = None
        return [Change(_last(topic), topic, b"") for topic in over]


def _last(topic: str) -> str:
    return topic.rpartition("/")[2]
