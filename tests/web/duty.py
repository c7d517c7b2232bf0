"""A duty desk for the tests' city: the product's own desk and outbox, without rules behind them."""

from __future__ import annotations

from typing import Any

from collector.alerts.duty import Duty
from collector.rules.deed import Deed
from collector.rules.desk import Desk
from collector.rules.outbox import Attempt, Outbox
from collector.rules.silence import Silence
from collector.web.duty import Delivered


class DutyDesk:
    """Answers as the duty desk of a running collector does."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.desk = Desk()
        self._duty = Duty(self.desk, Outbox({}))
        self.deeds: list[Deed] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((verb, asked))
        if verb == "revive":
            return {"done": True}
        answer = self._duty.do(verb, asked, self.now_ms)
        self.deeds += self._duty.deeds()
        return answer

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
            Delivered("d|sms", "f2", "sms", "dead", "minor", "站点失联", "Station silent", at_ms, 0, 0, "HTTP 502", log)
        ]

    def silences(self) -> list[Silence]:
        return sorted(self.desk.silences, key=lambda one: one.end_ms)
