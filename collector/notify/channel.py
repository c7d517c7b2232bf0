"""The interface of every channel, and what may become of a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.rules.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Told:
    """The other side took it."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Busy, down, or an answer that never came: the same message is sent again."""

    why: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """The other side will not have this message, however often it is sent."""

    why: str


class BadAddress(ValueError):
    """A channel cannot be used as it is set; the text names file and line, never the address, which may be a secret."""


Outcome = Told | NotNow | Never


class Channel(Protocol):
    """One way out. Called from one thread; may take seconds; raises nothing.

    Programs get messages one by one. People get what is due in one text, and the next after `pause_s`.
    """

    name: str
    at_once: int
    pause_s: float

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Hand over at most `at_once` messages together; the same message twice has the same key."""
