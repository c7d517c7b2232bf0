"""A duty desk for the tests' city: the product's own desk and outbox, without rules behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from collector.alerts.duty import Duty
from collector.rules.deed import Deed
from collector.rules.desk import Desk
from collector.rules.outbox import Attempt, Outbox
from collector.rules.series import Series
from collector.rules.silence import Silence
from collector.rules.transition import transition
from collector.web.duty import Delivered
from collector.web.site import AlertView
from tests.rules.high import PM25_HIGH


class DutyDesk:
    """Answers as the duty desk of a running collector does."""

    def __init__(self, now_ms: int, *firing: AlertView) -> None:
        self.now_ms = now_ms
        self.desk = Desk()
        self._duty = Duty(self.desk, Outbox({}))
        self.deeds: list[Deed] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        for alert in firing:
            self.hear(alert)

    def hear(self, alert: AlertView) -> None:
        """It fires, as the page has it."""
        series = Series.of("air_quality", {"site": "somewhere", "node": alert.node, "sensor": "air-1"})
        told = transition(series, PM25_HIGH, alert.since_ms, alert.value, "firing", alert.since_ms)
        self.desk.hear([replace(told, fingerprint=alert.fingerprint)], self.now_ms)

    def on(self, alert: AlertView) -> AlertView:
        """The alert with what was done about it."""
        standing = self.desk.standings.get(alert.fingerprint)
        if standing is None:
            return alert
        silenced_until_ms = self.desk.silences.until_ms(standing.alert, self.now_ms)
        alert = replace(alert, silenced_until_ms=silenced_until_ms or alert.silenced_until_ms)
        ack = standing.ack
        if ack is None:
            return alert
        return replace(alert, acked_by=ack.who, acked_note=ack.note, acked_ms=ack.at_ms, acked_until_ms=ack.until_ms)

    def ask(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((verb, asked))
        if verb == "revive":
            return {"done": True}
        answer = self._duty.do(verb, asked, self.now_ms)
        self.deeds += self._duty.deeds()
        return answer

    def ask_all(self, verb: str, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self.ask(verb, each) for each in asked]

    def history(self, fingerprint: str) -> list[Deed]:
        return [deed for deed in reversed(self.deeds) if deed.about == fingerprint]

    def deliveries(self, fingerprint: str | None = None) -> list[Delivered]:
        if fingerprint not in (None, "f1"):
            return []
        at_ms = self.now_ms - 200_000
        log = [Attempt(at_ms + 900, "email", "k", "delivered", "")]
        return [
            Delivered(
                "k|email",
                "f1",
                "lp-0001",
                "email",
                "delivered",
                "major",
                "PM2.5 过高",
                "PM2.5 high",
                at_ms,
                at_ms + 900,
                0,
                "",
                log,
            )
        ]

    def dead_letters(self) -> list[Delivered]:
        at_ms = self.now_ms - 86_400_000
        log = [Attempt(at_ms + n * 60_000, "sms", "d", "failed", "HTTP 502") for n in range(3)]
        return [
            Delivered(
                "d|sms",
                "f2",
                "lp-0002",
                "sms",
                "dead",
                "minor",
                "站点失联",
                "Station silent",
                at_ms,
                0,
                0,
                "HTTP 502",
                log,
            )
        ]

    def silences(self) -> list[Silence]:
        return sorted(self.desk.silences, key=lambda one: one.end_ms)
