"""What of the alerts is not on disk yet: it is written in one transaction, or waits here until the disk takes it.

Rules, history, desk, outbox, deeds and answers of a step belong together. A full disk or a locked file must not part
them, nor lose any: what could not be written goes into the next transaction, ahead of what has come since.
"""

from __future__ import annotations

from typing import Any

from collector.alerts.book import Book
from collector.rules.deed import Deed
from collector.rules.outbox import Attempt, Delivery
from collector.rules.transition import Transition


class Unwritten:
    """Fill it, then `write`. Whoever touches it holds the alerts' lock."""

    def __init__(self) -> None:
        self.transitions: list[tuple[Transition, int]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.rules: dict[str, Any] = {}
        self.deeds: list[Deed] = []
        self.desk: dict[str, Any] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.attempts: list[Attempt] = []
        self.retained: dict[str, tuple[str, int | None] | None] = {}

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def add_outbox(self, deliveries: list[Delivery], attempts: list[Attempt]) -> None:
        """What became of deliveries; the newest word counts."""
        self.deliveries |= {each.name: each for each in deliveries}
        self.attempts += attempts

    def write(self, book: Book) -> None:
        """One transaction. Raises sqlite3.Error, and then everything is still here."""
        if not self:
            return
        with book.commit():
            for each, at_ms in self.transitions:
                book.add_transition(each, at_ms)
            book.save_rules(self.rules)
            for number, answer in self.answers:
                book.answer(number, answer)
            book.add_deeds(self.deeds)
            book.save_desk(self.desk)
            book.save_outbox(self.deliveries.values(), self.attempts)
            book.save_retained(self.retained)
        vars(self).update(vars(Unwritten()))
