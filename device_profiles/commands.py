"""What can be said to a sensor, as a profile says it: commands, and the modes that are made of them."""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)
from __future__ import annotations

import re
from math import ceil
from typing import Annotated, Self

from pydantic import Field as Key
from pydantic import model_validator

from common.strict_model import Strict, word
from device_profiles.frames import Check
from device_profiles.messages import Scalar, Text

_TOKEN = re.compile(r"[0-9A-Fa-f]{2}|\{(check|[a-z][a-z0-9_]*:(u8|u16be|u16le|u32be|u32le|hex[1-9][0-9]?))\}")
_TEXT_SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Param(Strict):
    """What may be put into a command."""

    min: int | None = None
    max: int | None = None
    default: int | str | None = None
    note: Text | None = None


class Command(Strict):
    """Bytes that make the sensor do something. `{name:u16be}` is filled in, `{check}` is the checksum.

    `before` is sent first, to wake a sleeping receiver. `means` says in words what the fixed bytes choose. `person`
    commands (zero, span, factory reset) are sent only when a person asks for them by name.
    """

    send: str | None = None
    before: str | None = None
    text: str | None = None
    check: Check | None = None
    params: dict[str, Param] = {}
    means: dict[str, Scalar] = {}
    reply: str | None = None
    timeout_s: Annotated[float, Key(gt=0, le=60)] = 1.0
    pause_s: Annotated[float, Key(ge=0, le=60)] = 0.1
    person: bool = False
    note: Text | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.send is None) == (self.text is None):
            raise ValueError("a command has either send (hex) or text")
        for token in (self.send or "").split():
            if not _TOKEN.fullmatch(token):
                raise ValueError(
                    f"'{token}' is neither a byte in hex, nor {{check}}, nor {{name:u8|u16be|u16le|u32be|hex2}}"
                )
        if set("{}") & set(_TEXT_SLOT.sub("", self.text or "")):
            raise ValueError(f"a brace in {self.text!r} belongs to no slot; one is written as {{name}}")
        for name in self.params:
            if name not in self.slots:
                raise ValueError(f"params: {word(name, self.slots)}")
        return self

    @property
    def slots(self) -> list[str]:
        """Names of the values to be filled in."""
        if self.text is not None:
            return [slot for slot in _TEXT_SLOT.findall(self.text) if slot != "check"]
        return list(self.kinds)

    @property
    def has_check(self) -> bool:
        """True when a checksum is to be filled in."""
        return "{check}" in (self.send or self.text or "")

    @property
    def kinds(self) -> dict[str, str]:
        """How each value is written in `send`: u8, u16be, ..., hex2."""
        return dict(token[1:-1].split(":") for token in (self.send or "").split() if ":" in token)


class Step(Strict):
    """A command with its values."""

    command: str
    values: dict[str, int | str] = Key({}, alias="with")


class Duty(Strict):
    """Awake for a while, asleep for a while: saves lasers and fans. Silence in sleep is no fault."""

    wake: Step
    sleep: Step
    awake_s: Annotated[float, Key(gt=0)]
    asleep_s: Annotated[float, Key(gt=0)]


class Gate(Strict):
    """Ask only when there is something new: `ask` first, and go on when its answer's `wants` is not zero."""

    ask: Step
    wants: str


class Mode(Strict):
    """A way to run the sensor: what to send at start, what to ask each period (nothing: it pushes), when to rest."""

    start: list[Step] = []
    ask: list[Step] = []
    gate: Gate | None = None
    period_s: Annotated[float, Key(gt=0, le=86400)] = 1.0
    duty: Duty | None = None
    note: Text | None = None

    def minutes_an_hour(self, warm_up_s: float, period_s: float | None = None) -> float:
        """In how many minutes of an hour there may be readings, at most; `period_s` as settings may have it."""
        if self.duty is None:
            return min(60.0, 3600 / (period_s or self.period_s))
        told_s = self.duty.awake_s - warm_up_s
        return 0 if told_s <= 0 else 3600 / (self.duty.awake_s + self.duty.asleep_s) * (ceil(told_s / 60) + 1)
