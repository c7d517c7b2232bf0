"""The interface of every channel, and what may become of a message."""

from __future__ import annotations

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
    """One way out. Called from one thread; may take seconds; raises nothing."""

    name: str

    def send(self, delivery: Delivery) -> Outcome:
        """Hand a message over; the same message twice has the same key."""
