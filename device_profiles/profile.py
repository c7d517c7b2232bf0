"""A device profile: everything we know of one sensor model, as data.

A profile says how the line is set, how frames are told apart and proved, what each kind of frame means, which bytes
make the sensor do something, and how to tell it is well. The vocabulary is closed: where it ends, a message names a
small Python helper (`edge_agent/sensors/helpers`), and there are no expressions.

Offsets count bytes from 0 at the first byte of the frame, as datasheets do; negative ones count from its end.
"""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)
from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from common.strict_model import Strict, misplaced, word
from device_profiles.commands import Command, Mode
from device_profiles.frames import Check, Shape
from device_profiles.messages import MEASURED_KINDS, Message, Scalar, Text
from device_profiles.probe import Probe
from device_profiles.references import allowed, names_meet
from wire.names import is_name


class Serial(Strict):
    """How the line is set."""

    baud: Annotated[int, Key(ge=300, le=3_000_000)]
    parity: Literal["none", "even", "odd"] = "none"
    bytesize: Literal[7, 8] = 8
    stopbits: Literal[1, 2] = 1

    @property
    def told(self) -> str:
        """As people write it: 9600 8N1."""
        return f"{self.baud} {self.bytesize}{self.parity[0].upper()}{self.stopbits}"

    def settings(self) -> dict[str, Any]:
        """Keyword arguments for `serial.Serial`."""
        return {
            "baudrate": self.baud,
            "parity": self.parity[0].upper(),
            "bytesize": self.bytesize,
            "stopbits": self.stopbits,
        }


class Option(Strict):
    """A choice the owner of a unit may make; `default` holds unless the agent's configuration says otherwise.

    `also` are values beside the range: a Modbus address is at most 247, and some units take 255 for "any".
    `anybody` are addresses to which every unit on the line answers: where several share it, each wants one of its own.
    """

    default: Scalar
    choices: list[Scalar] | None = None
    min: float | None = None
    max: float | None = None
    also: list[int] = []
    anybody: list[int] = []
    note: Text


OF_THE_LINE = {
    "baud": Option(default=9600, min=300, max=3_000_000, note=Text(zh="波特率", en="Speed of the line")),
    "parity": Option(default="none", choices=["none", "even", "odd"], note=Text(zh="校验位", en="Parity of the line")),
}
"""Options that units of every model have: one may have been set otherwise than its maker does."""


class Example(Strict):
    """Bytes and what they say, with the source of both. Every example is decoded by the tests and by `check`."""

    hex: str
    message: str
    rows: list[dict[str, float]] = []
    info: dict[str, Scalar | list[Scalar] | None] = {}
    flags: list[str] = []
    options: dict[str, Scalar] = {}
    asked: str | None = None
    source: str

    @field_validator("hex")
    @classmethod
    def _pairs(cls, text: str) -> str:
        for pair in text.split():
            if not re.fullmatch("([0-9A-Fa-f]{2})+", pair):
                raise misplaced(f"pairs of hex digits are wanted, such as 'AA C0 4B', not {pair!r}")
        return text

    @property
    def data(self) -> bytes:
        """The bytes."""
        return bytes.fromhex(self.hex)


class Profile(Strict):
    """One sensor model. Build with `device_profiles.catalogue`; `with_options` makes the variant of one unit."""

    format: Literal[1]
    name: str = Key(alias="profile")
    version: Annotated[int, Key(ge=1, le=9999)]
    maker: str
    models: Annotated[list[str], Key(min_length=1)]
    title: Text
    kind: str
    evidence: Literal["strong", "medium", "weak"]
    experimental: Text | None = None
    serial: Serial
    silence_s: Annotated[float, Key(gt=0, le=86400)]
    gap_s: Annotated[float, Key(gt=0, le=10)] = 0.5
    warm_up_s: Annotated[float, Key(ge=0, le=86400)] = 0
    stale_s: Annotated[float, Key(gt=0)] | None = None
    frames: Annotated[list[Shape], Key(min_length=1)]
    messages: Annotated[list[Message], Key(min_length=1)]
    modes: Annotated[dict[str, Mode], Key(min_length=1)]
    mode: str
    command_check: Check | None = None
    commands: dict[str, Command] = {}
    options: dict[str, Option] = {}
    probe: Probe = Probe()
    wiring: Text
    faults: list[Text] = []
    sources: Annotated[list[str], Key(min_length=1)]
    examples: Annotated[list[Example], Key(min_length=1)]

    @property
    def ref(self) -> str:
        """`name@version`, as batches carry it."""
        return f"{self.name}@{self.version}"

    def speaks(self, kind: str) -> bool:
        """Whether one of its frames is of this kind, such as shdlc or modbus."""
        return any(shape.kind == kind for shape in self.frames)

    @property
    def settings(self) -> dict[str, Scalar]:
        """Every option's value in force."""
        return {name: option.default for name, option in self.options.items()}

    @property
    def options_of_units(self) -> dict[str, Option]:
        """All that may be set for one unit: the model's own options, and those of the line."""
        return OF_THE_LINE | self.options

    def named(self, role: str) -> frozenset[str]:
        """The messages of one role."""
        return frozenset(message.name for message in self.messages if message.role == role)

    def measures(self, mode: str) -> bool:
        """Whether a unit with these options that is run so tells anything that is measured."""
        replies = {self.commands[step.command].reply: step.command for step in self.modes[mode].ask}
        heard = [
            message
            for message in self.messages
            if message.role == "measurement"
            and (not replies or None in replies or replies.get(message.name) in (message.asked or replies.values()))
        ]
        return any(message.helper for message in heard) or any(
            (field.option or {}).items() <= self.settings.items()
            for message in heard
            for field in message.fields
            if field.quantity is not None
        )

    def with_options(self, values: dict[str, Scalar]) -> Profile:
        """The profile with other defaults for its options. Raises ValueError naming the option and what it allows."""
        options, line = dict(self.options), {}
        for name, value in values.items():
            known = self.options_of_units
            if name not in known:
                raise ValueError(f"{self.ref}: option {word(name, known)}")
            allowed(f"{self.ref}: option {name}", value, known[name])
            if name in options:
                options[name] = options[name].model_copy(update={"default": value})
            else:
                line[name] = value
        serial = self.serial.model_copy(update=line)
        return self.model_construct(**{**self.__dict__, "options": options, "serial": serial})

    @field_validator("name")
    @classmethod
    def _a_name(cls, text: str) -> str:
        if not is_name(text):
            raise ValueError("lower-case letters, digits and hyphens are wanted, at most 63")
        return text

    @field_validator("kind")
    @classmethod
    def _a_kind(cls, text: str) -> str:
        if text not in MEASURED_KINDS:
            raise ValueError("kind " + word(text, MEASURED_KINDS))
        return text

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        names_meet(self)
        return self
