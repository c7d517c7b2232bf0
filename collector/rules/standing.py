"""One alert as the duty desk knows it: what happened, what people heard of it, who has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from collector.rules.fields import OWN_LINK
from collector.rules.held import Held
from collector.rules.transition import Transition, alert_of, began_ms

REMEMBERED: Final = 8
"""Episodes of an alert. Only those within the lateness can still change."""


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


class Heard(NamedTuple):
    """An episode as people know it: its key, and when it ended; None while it fires."""

    key: str
    end_ms: int | None = None

    def overlaps(self, held: Held) -> bool:
        """Whether both tell of one time, by one rule of one version."""
        if held.ended is not None and held.ended.event_ms < began_ms(self.key):
            return False
        if self.end_ms is not None and held.start_ms > self.end_ms:
            return False
        return alert_of(self.key) == alert_of(held.known.key)


@dataclass(slots=True)
class Standing:
    """One alert as the desk knows it. `news` was not told yet; `told` is what people last heard.

    `heard` are the last episodes that people know of, or will with the next message; `covered` the beginnings of others
    that lay within those they know.
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
    heard: list[Heard] = field(default_factory=list)
    covered: list[Transition] = field(default_factory=list)

    @property
    def firing(self) -> bool:
        """Whether the alert fires."""
        return self.alert.state == "firing" and not self.alert.void

    @property
    def is_own(self) -> bool:
        """Whether it is of the collector that tells it: each tells its own."""
        return self.alert.cause == "own" or self.alert.kind == OWN_LINK

    @property
    def is_told(self) -> bool:
        """Whether people have heard every change of it: then those alone say what people know."""
        return bool(self.told) and not self.news and not self.flapping

    @property
    def own_key(self) -> str:
        """The key under which the engine knows it; people may have heard of it under another."""
        return f"{alert_of(self.alert.key)}|{self.alert.start_ms}"

    def known_as(self, held: Held) -> Heard | None:
        """The episode that people know at its time: the one that fires, else the last."""
        return next((each for each in reversed(self.heard) if each.overlaps(held)), None)

    def knows(self, alert: Transition) -> bool:
        """Whether it is an episode of which people know, or were not to know."""
        return any(each.key == alert.key for each in self.heard)

    def know(self, heard: Heard, instead: Heard | None = None) -> None:
        """People know of it, or will with the next message; `instead` of what they knew."""
        others = [each for each in self.heard if each != instead and each.key != heard.key]
        by_age = sorted((*others, heard), key=lambda each: (each.end_ms is None, began_ms(each.key)))
        self.heard = by_age[-REMEMBERED:]

    def was_told(self, now_ms: int) -> None:
        """Its news goes out now."""
        now = [
            line.state for line in self.news if line.state == "flapping" or line.alert.start_ms >= self.alert.start_ms
        ]
        self.told = now[-1] if now else self.told  # an earlier episode's end is not this one's
        self.told_ms, self.since_ms = now_ms, self.since_ms or now_ms
        self.news = []

    def calm(self, flap_ms: int, now_ms: int) -> bool:
        """Forget old changes; when flapping is over, how it ended is news. True when any was forgotten."""
        has_old = bool(self.changes) and self.changes[0] <= now_ms - flap_ms
        if has_old:
            self.changes = [at_ms for at_ms in self.changes if at_ms > now_ms - flap_ms]
        if self.flapping and not self.changes:
            self.flapping = False
            self.news = [Line(self.alert.state, self.alert)] if self.told == "flapping" or self.firing else []
        return has_old

    def clock_was_ahead(self, now_ms: int) -> None:
        """And is set back: what was told and changed is of now at the latest; who has it has it as long from now."""
        self.changes = [min(at_ms, now_ms) for at_ms in self.changes]
        self.told_ms, self.since_ms = min(self.told_ms, now_ms), min(self.since_ms, now_ms)
        if self.ack is not None and self.ack.at_ms > now_ms:
            until_ms = now_ms + self.ack.until_ms - self.ack.at_ms
            self.ack = self.ack._replace(until_ms=until_ms, at_ms=now_ms)

    def cover(self, began: Transition) -> None:
        """It lies within what people know, until late readings may part them."""
        others = [each for each in self.covered if each.key != began.key]
        self.covered = [*others, began][-REMEMBERED:]

    def packed(self) -> list[Any]:
        """The state as a JSON value."""
        news = [[line.state, line.alert.as_json()] for line in self.news]
        told = [self.told, self.told_ms, self.since_ms, self.reminders, self.steps]
        known = [self.heard, [each.as_json() for each in self.covered]]
        return [self.alert.as_json(), self.changes, news, *told, self.receivers, self.flapping, self.ack, *known]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> Standing:
        """The standing of such a value; of one that an earlier version saved people know what fires alone."""
        alert, changes, news, told, told_ms, since_ms, reminders, steps, receivers, flapping, ack, *known = packed
        heard, covered = known if len(known) == 2 and all(isinstance(each, list) for each in known) else ([], [])
        found = cls(
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
            [Heard(*each) for each in heard],
            [Transition.read(each) for each in covered],
        )
        if found.firing and not found.heard:
            found.know(Heard(found.alert.key))
        return found


def held(episodes: Mapping[str, Held], known: Standing | None) -> list[Held]:
    """What holds of an alert after a tick, by beginning: its episodes, and what has fired before and still does."""
    begun = {} if known is None else {each.key: each for each in known.covered}
    if known is not None and known.firing:
        begun[known.own_key] = replace(known.alert, key=known.own_key)
        if known.own_key not in episodes:  # it goes on, whatever history there is within it
            episodes = {key: each for key, each in episodes.items() if not each.known.late}
        episodes = {known.own_key: Held(begun[known.own_key])} | dict(episodes)
    found = [Held(each.began or begun.get(key), each.ended) for key, each in episodes.items() if not each.void]
    return sorted(found, key=lambda each: each.start_ms)
