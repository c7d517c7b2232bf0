"""What a test opens is closed when the test has ended, passed or failed: `spool = closes(Spool(path, "lp-1", "s"))`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, TypeVar

T = TypeVar("T")


class Closes:
    """The fixture `closes`: hands back what it is given, and lets go of it at the end, the last first."""

    def __init__(self, at_the_end: ExitStack) -> None:
        self._at_the_end = at_the_end

    def __call__(self, thing: T) -> T:
        one: Any = thing
        self._at_the_end.callback(getattr(one, "abandon", None) or one.close)  # a spool need not write what it knows
        return thing
