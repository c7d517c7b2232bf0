"""One alert as the duty desk knows it: what happened, what people heard of it, who has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collector.rules.transition import Transition

OVER: Final = 8


class Line(NamedTuple):
    """One alert in a notification: firing, resolved or flapping, and the transition behind it."""

    state: str
    alert: Transition


class Acknowledgement(NamedTuple):
    """Somebody has it, until then."""

    who: str
    note: str
    until_ms: int
    at_ms: int = 0


@dataclass(slots=True)
class Standing:
    """One alert as the desk knows it. `news` was not told yet; `told` is what people last heard.

    `over` are keys of its last episodes of which they have heard to their end.
    """

    alert: Transition
    changes: list[int] = field(default_factory=list)
    news: list[Line] = field(default_factory=list)
    told: str = ""
    told_ms: int = 0
    since_ms: int = 0  # first told of this episode
    reminders: int = 0
    steps: int = 0
    receivers: tuple[str, ...] = ()
    flapping: bool = False
    ack: Acknowledgement | None = None
    over: list[str] = field(default_factory=list)

    @property
    def firing(self) -> bool:
        """Whether the alert fires."""
        return self.alert.state == "firing" and not self.alert.void

    def told_news(self) -> None:
        """People have heard what was new."""
        ended = [line.alert.key for line in self.news if line.state == "resolved"]
        self.news, self.over = [], [*self.over, *ended][-OVER:]

    def packed(self) -> list[Any]:
        """The state as a JSON value."""
        news = [[line.state, line.alert.as_json()] for line in self.news]
        told = [self.told, self.told_ms, self.since_ms, self.reminders, self.steps]
        return [self.alert.as_json(), self.changes, news, *told, self.receivers, self.flapping, self.ack, *self.over]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> Standing:
        """The standing of such a value."""
        alert, changes, news, told, told_ms, since_ms, reminders, steps, receivers, flapping, ack, *over = packed
        return cls(
            Transition.read(alert),
            list(changes),
            [Line(state, Transition.read(value)) for state, value in news],
            told,
            told_ms,
            since_ms,
            reminders,
            steps,
            tuple(receivers),
            flapping,
            None if ack is None else Acknowledgement(*ack),
            over,
        )
