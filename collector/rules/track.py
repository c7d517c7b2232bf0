"""One rule on one series: inactive, pending, firing, resolved, in Prometheus' sense.

    inactive --raise--> pending --`for` long--> firing --clear, `keep_firing_for` long--> resolved = inactive
                           |                      ^   |
                           +--not raised: inactive +---+ between the levels, or unknown: goes on firing

A track exists while it is pending or firing; an inactive alert costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from collector.rules.rule import WEEKDAYS, Condition, Hours, Rule

UNTOLD: Final = 0
AS_HISTORY: Final = 1
TO_PEOPLE: Final = 2
"""How far an episode was told, the more the larger: a saved state has the numbers."""


class Verdict(Enum):
    """What the values say at one instant. UNKNOWN: too little of the window is there to judge."""

    RAISE = 1
    BETWEEN = 2
    CLEAR = 3
    UNKNOWN = 4


@dataclass(slots=True)
class Track:
    """A pending or firing alert. `told` is how far people heard of it. `mute`: another tells of it."""

    rule: Rule
    start_ms: int
    last_ms: int
    value: float | None
    fired_ms: int | None = None
    clear_ms: int | None = None
    told: int = UNTOLD
    mute: bool = False

    def copy(self) -> Track:
        """An independent track of the same state."""
        return replace(self)

    @property
    def state(self) -> str:
        """In Prometheus' words."""
        return "pending" if self.fired_ms is None else "firing"

    @property
    def restless(self) -> bool:
        """True while time alone, with the values where they are, may change the state."""
        return self.fired_ms is None or self.clear_ms is not None or self.told < TO_PEOPLE or self.rule.conditional

    def packed(self) -> list[Any]:
        """The state as a JSON value."""
        return [self.start_ms, self.last_ms, self.value, self.fired_ms, self.clear_ms, self.told, self.mute]

    @classmethod
    def unpacked(cls, rule: Rule, packed: list[Any]) -> Track:
        """The track of `packed`."""
        return cls(rule, *packed)


def verdict(rule: Rule, value: float | None, time_ms: int, holds: Callable[[Condition, int], bool | None]) -> Verdict:
    """What a window's value, None where too little is there, says of a rule; outside its hours it sleeps.

    `holds` answers for second conditions, None where nobody knows.
    """
    if rule.hours is not None and not is_open(rule.hours, time_ms):
        return Verdict.CLEAR
    if value is None:
        return Verdict.UNKNOWN
    if not rule.limit.met(value):
        return Verdict.CLEAR if rule.clear_limit.met(value) else Verdict.BETWEEN
    if rule.unless is not None and holds(rule.unless, time_ms):
        return Verdict.CLEAR
    if rule.and_ is not None:
        return {True: Verdict.RAISE, False: Verdict.CLEAR, None: Verdict.UNKNOWN}[holds(rule.and_, time_ms)]
    return Verdict.RAISE


def how_told(late: bool) -> int:
    """What is told of a past that nobody need hurry for is history."""
    return AS_HISTORY if late else TO_PEOPLE


def step(track: Track, found: Verdict, time_ms: int, value: float | None, gap_ms: int) -> str | None:
    """Move the track to `time_ms`; "firing" or "resolved" when it became so, "inactive" when pending came to nothing.

    While pending, a hole longer than `gap_ms` breaks the evidence, and `for` starts again.
    """
    if track.fired_ms is None:
        if found is not Verdict.RAISE:
            return "inactive"
        if time_ms - track.last_ms > gap_ms:
            track.start_ms = time_ms
        track.last_ms, track.value = time_ms, value
        if time_ms - track.start_ms < track.rule.for_:
            return None
        track.fired_ms = time_ms
        return "firing"
    track.last_ms = time_ms
    if found is Verdict.UNKNOWN:
        return None
    track.value = value
    if found is not Verdict.CLEAR:
        track.clear_ms = None
        return None
    if track.clear_ms is None:
        track.clear_ms = time_ms
    return "resolved" if time_ms - track.clear_ms >= track.rule.keep_firing_for else None


def is_open(hours: Hours, time_ms: int) -> bool:
    """Whether `time_ms` lies within the hours; `from` later than `to` spans midnight and belongs to its first day."""
    at = datetime.fromtimestamp(time_ms / 1000, hours.info)
    minute, day = at.hour * 60 + at.minute, at.weekday()
    if hours.start < hours.end:
        return hours.start <= minute < hours.end and WEEKDAYS[day] in hours.days
    if minute >= hours.start:
        return WEEKDAYS[day] in hours.days
    return minute < hours.end and WEEKDAYS[day - 1] in hours.days
