"""The duty desk of a running collector as the pages ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from collector.alerts.alerting import Alerting
from collector.alerts.book import Book
from collector.rules.deed import Deed
from collector.rules.outbox import Delivery
from collector.rules.silence import Silence
from collector.web.duty import Delivered


class OnDuty:
    """Asks the alerting of this program; reads what happened from its file."""

    def __init__(self, alerting: Alerting, file: Path, now_ms: Callable[[], int]) -> None:
        self._alerting = alerting
        self._now_ms = now_ms
        self._book = Book.open(file)
        self._reading = threading.Lock()

    def ask(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._alerting.ask(verb, asked, self._now_ms())

    def ask_all(self, verb: str, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return self._alerting.ask_all(verb, asked, self._now_ms())

    def history(self, fingerprint: str) -> list[Deed]:
        with self._reading:
            return self._book.deeds(fingerprint)

    def deliveries(self, fingerprint: str | None = None) -> list[Delivered]:
        with self._reading:
            return [delivered(self._book, each) for each in self._book.deliveries(fingerprint)]

    def dead_letters(self) -> list[Delivered]:
        with self._reading:
            return [delivered(self._book, each) for each in self._book.deliveries(state="dead")]

    def silences(self) -> list[Silence]:
        return self._alerting.silences()

    def close(self) -> None:
        """Let go of the file, when no page asks any more."""
        self._book.close()


def delivered(book: Book, each: Delivery) -> Delivered:
    """A delivery with its log."""
    log = book.attempts(each.key, each.channel)
    alert = next((told["fingerprint"] for _, told in each.body["lines"]), "")
    words = (each.severity, *each.words)
    times = (each.made_ms, each.done_ms, each.due_ms)
    return Delivered(each.name, alert, each.node, each.channel, each.state, *words, *times, each.why, log)
