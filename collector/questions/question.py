"""A canned question: a name, what it answers, and how the answers of its variables become one `Select`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from collector.numbers.reporting import NAMES
from collector.stores.store import Select
from wire.names import is_name, is_node
from wire.quantities import QUANTITIES, nearest
from wire.times import DAY_MS

EVERY: Final = {"1h": "_1h", "1d": "_1d"}
HOURS_UP_TO_MS: Final = 31 * DAY_MS
"""A longer stretch is told by days unless hours are asked for."""


class BadVariable(ValueError):
    """A variable is unknown, missing or means nothing; the text names the cure."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The span [since, until) in UTC milliseconds and the values of the question's variables."""

    since_ms: int
    until_ms: int
    values: dict[str, str]

    @property
    def suffix(self) -> str:
        """Which roll-up answers: the one asked for, else hours for up to a month and days beyond."""
        every = self.values.get("every") or ("1h" if self.until_ms - self.since_ms <= HOURS_UP_TO_MS else "1d")
        return EVERY[every]

    @property
    def where(self) -> dict[str, str | tuple[str, ...]]:
        """The tags that narrow it down: node, site and sensor where they were given."""
        return {name: self.values[name] for name in ("node", "site", "sensor") if name in self.values}


@dataclass(frozen=True, slots=True)
class Question:
    """`variables` lists what may be given; `defaults` what is taken when it is not."""

    name: str
    zh: str
    en: str
    select: Callable[[Asked], Select]
    variables: tuple[str, ...] = ("node", "site")
    defaults: dict[str, str] | None = None

    def ask(self, since_ms: int, until_ms: int, given: dict[str, str]) -> Select:
        """The question about a span. Raises BadVariable."""
        for name, value in given.items():
            if name not in self.variables:
                near = nearest(name, self.variables)
                cure = f"did you mean {near}?" if near else f"it takes {', '.join(self.variables)}"
                raise BadVariable(f"{self.name} has no variable {name}: {cure}")
            problem = _problem(name, value)
            if problem is not None:
                raise BadVariable(f"{name}={value}: {problem}")
        return self.select(Asked(since_ms, until_ms, (self.defaults or {}) | given))


def _problem(name: str, value: str) -> str | None:
    """What is wrong with a value, or None."""
    if name == "node":
        return None if is_node(value) else "a node is 1 to 63 of a-z, 0-9 and -"
    if name == "quantity":
        return None if value in QUANTITIES else _did_you_mean(value, QUANTITIES, "no such quantity")
    if name in _WORDS:
        return None if value in _WORDS[name] else f"one of {', '.join(_WORDS[name])}"
    return None if is_name(value) else "a name is made of a-z, 0-9 and -"


def _did_you_mean(value: str, known: Any, what: str) -> str:
    near = nearest(value, known)
    return f"{what}; did you mean {near}?" if near else what


"""Short words for the `standard` tag of `air_index`."""
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "every": tuple(EVERY),
    "standard": tuple(NAMES),
    "by": ("speed", "length"),
    "flag": ("failed", "suspect"),
    "severity": ("critical", "major", "minor", "info"),
    "kind": ("air_quality", "weather", "traffic_flow"),
}
