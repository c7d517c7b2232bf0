"""How a profile lets itself be found on a port, and told from models whose frames look the same."""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)
from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field as Key
from pydantic import model_validator

from common.strict_model import Strict
from device_profiles.commands import Step
from device_profiles.frames import BYTES

Offset = Annotated[int, Key(ge=0, le=255)]


class Mark(Strict):
    """What this model's frames show and a twin's do not, in big-endian words at offsets; most frames must bear it.

    `falling`: no word is greater than the one before. `zero`: each is 0. `some`: at least one is not 0. `word`: lies
    between `min` and `max`. `length` and `head` (hex): it speaks of such frames only.
    """

    head: Annotated[str, Key(pattern=f"^{BYTES}$")] | None = None
    length: Annotated[int, Key(ge=1, le=255)] | None = None
    falling: list[Offset] = []
    zero: list[Offset] = []
    some: list[Offset] = []
    word: Offset | None = None
    min: Annotated[int, Key(ge=0, le=0xFFFF)] = 0
    max: Annotated[int, Key(ge=0, le=0xFFFF)] = 0xFFFF

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.falling or self.zero or self.some or self.word is not None):
            raise ValueError("a mark has at least one of falling, zero, some, word")
        return self


class Probe(Strict):
    """How to find out that this model hangs on a port: listen, then perhaps ask; who looks alike, and what marks it.

    `bauds` are speeds at which units come besides that of `serial`.
    """

    bauds: list[Annotated[int, Key(ge=300, le=3_000_000)]] = []
    listen: bool = True
    ask: Step | None = None
    confusable: list[str] = []
    marks: list[Mark] = []
