"""What can go wrong with a sensor and its line: a closed vocabulary, and faults written as people write them.

    bitflip@0.01            one frame in a hundred has one bit changed
    bitflip@0.01/byte       a frame is hit for each of its bytes with that chance
    silence:60@08:00        says nothing for a minute from eight in the morning
    drift:0.1@90s           reads 10 % more with each hour, from second 90 on
    nan@08:00-08:30         has no value for half an hour

`KIND[:ARGUMENT]@SHARE[/byte]` or `KIND[:ARGUMENT]@FROM[-UNTIL]`; times are HH:MM[:SS] of a day, or seconds of the
stub's clock with an `s`. `Faulty` (firmware_stubs/faulty.py) makes them happen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """One word of the vocabulary: where it acts, what its argument means and is by default, and what happens.

    `place` is element (what the sensor feels), line (a frame on its way), or span (a time without a word).
    """

    place: str
    argument: str | None
    default: float
    text: str


KINDS: Final[dict[str, Kind]] = {
    "drift": Kind("element", "part an hour", 0.1, "reads more and more, by that part of the truth with each hour"),
    "spike": Kind("element", "factor", 10.0, "reads that many times the truth"),
    "nan": Kind("element", None, 0.0, "has no value: NaN in a float, all ones in a word, # or nothing in a text"),
    "stuck": Kind("element", None, 0.0, "repeats what it last read, frame after frame"),
    "silence": Kind("span", "seconds", 60.0, "says nothing and hears nothing"),
    "unplug": Kind("span", "seconds", 30.0, "its port vanishes, and comes back with a sensor that starts cold"),
    "baud": Kind("line", "baud rate", 0.0, "speaks at that rate (half its own when none is given): noise arrives"),
    "bitflip": Kind("line", None, 0.0, "one bit of the frame is changed"),
    "truncate": Kind("line", None, 0.0, "the frame ends too soon"),
    "checksum": Kind("line", None, 0.0, "the checksum is wrong, the rest is right; nothing where there is none"),
    "garbage": Kind("line", "bytes", 12.0, "up to so many random bytes before the frame"),
    "dup": Kind("line", None, 0.0, "the frame comes twice"),
    "drop": Kind("line", None, 0.0, "the frame does not come"),
    "reorder": Kind("line", None, 0.0, "the frame comes after the next one"),
    "late": Kind("line", "seconds", 2.0, "the frame comes so much later"),
}

_FORM = re.compile(r"(?P<kind>[a-z0-9-]+)(:(?P<argument>[0-9]+(\.[0-9]+)?))?@(?P<when>[0-9.:s-]+)(?P<per_byte>/byte)?")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_SHARE = re.compile(r"[0-9]*\.?[0-9]+")
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: `share` of the frames (of readings, for an element) between two times.

    With `per_byte` the share is for each byte. A span that begins by chance lasts `argument` seconds; one with times
    lasts from `from_s` to `until_s`.
    """

    kind: str
    argument: float | None = None
    share: float = 1.0
    from_s: float = -inf
    until_s: float = inf
    per_byte: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r} is not known; known are {', '.join(KINDS)}")
        if self.argument is not None and KINDS[self.kind].argument is None:
            raise ValueError(f"fault {self.kind} takes no argument")
        if not 0 <= self.share <= 1:
            raise ValueError(f"fault {self.kind}: the share is {self.share:g}, 0 to 1 is wanted")

    @property
    def amount(self) -> float:
        """The argument, or what it is by default."""
        return KINDS[self.kind].default if self.argument is None else self.argument

    def holds(self, t_s: float) -> bool:
        """True while it may strike."""
        return self.from_s <= t_s < self.until_s


def parse(text: str, midnight_s: float = 0.0) -> Fault:
    """A fault from its text; `midnight_s` is when the day of HH:MM begins on the stub's clock. Raises ValueError."""
    strange = ValueError(f"{text!r} is not a fault such as bitflip@0.01, silence:60@08:00 or nan@90s-120s")
    found = _FORM.fullmatch(text)
    if found is None:
        raise strange
    kind, argument = found["kind"], float(found["argument"]) if found["argument"] else None
    first, dash, last = found["when"].partition("-")
    from_s = _time(first, midnight_s)
    if from_s is None:
        if dash:
            raise ValueError(f"{text!r}: a share has no end; times are HH:MM or seconds with an s")
        if not _SHARE.fullmatch(first):
            raise strange
        return Fault(kind, argument, float(first), per_byte=found["per_byte"] is not None)
    until_s = _time(last, midnight_s) if dash else inf
    if until_s is None or until_s <= from_s:
        raise ValueError(f"{text!r}: the end is no time after the beginning")
    fault = Fault(kind, argument, 1.0, from_s, until_s)
    if KINDS[kind].place == "span" and not dash:
        return Fault(kind, argument, 1.0, from_s, from_s + fault.amount)
    return fault


def _time(text: str, midnight_s: float) -> float | None:
    if clock := _CLOCK.fullmatch(text):
        return midnight_s + int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0)
    seconds = _SECONDS.fullmatch(text)
    return float(seconds[1]) if seconds else None
