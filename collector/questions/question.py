"""A canned question: a name, what it answers, and how the answers of its variables become one `Select`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from collector.numbers.reporting import NAMES
from collector.stores.store import Select
from wire.names import is_name, is_node
from wire.quantities import QUANTITIES, nearest
from wire.times import DAY_MS

EVERY: Final = {"1h": "_1h", "1d": "_1d"}
HOURS_UP_TO_MS: Final = 31 * DAY_MS
"""A longer stretch is told by days unless hours are asked for."""


class BadVariable(ValueError):
    """A variable is unknown or means nothing; the text names the cure, in English and as `zh` in Chinese."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh


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
                zh = f"是不是 {near}？" if near else f"可用的有 {'、'.join(self.variables)}"
                en = f"did you mean {near}?" if near else f"it takes {', '.join(self.variables)}"
                raise BadVariable(f"{self.name} 没有变量 {name}：{zh}", f"{self.name} has no variable {name}: {en}")
            problem = _problem(name, value)
            if problem is not None:
                zh, en = problem
                raise BadVariable(f"{name}={value}：{zh}", f"{name}={value}: {en}")
        return self.select(Asked(since_ms, until_ms, (self.defaults or {}) | given))


def _problem(name: str, value: str) -> tuple[str, str] | None:
    """What is wrong with a value, in Chinese and in English, or None."""
    if name == "node":
        return None if is_node(value) else ("编号为 1 到 63 个 a-z、0-9 和 -", "a node is 1 to 63 of a-z, 0-9 and -")
    if name == "quantity":
        return None if value in QUANTITIES else _no_quantity(value)
    if name in WORDS:
        known = WORDS[name]
        return None if value in known else (f"可用的有 {'、'.join(known)}", f"one of {', '.join(known)}")
    return None if is_name(value) else ("名称由 a-z、0-9 和 - 组成", "a name is made of a-z, 0-9 and -")


def _no_quantity(value: str) -> tuple[str, str]:
    zh, en, near = "没有这个指标", "no such quantity", nearest(value, QUANTITIES)
    return (f"{zh}；是不是 {near}？", f"{en}; did you mean {near}?") if near else (zh, en)


WORDS: Final[dict[str, tuple[str, ...]]] = {
    "every": tuple(EVERY),
    "standard": tuple(NAMES),
    "by": ("speed", "length"),
    "flag": ("failed", "suspect"),
    "severity": ("critical", "major", "minor", "info"),
    "kind": ("air_quality", "weather", "traffic_flow"),
}
"""Variables that take one of a few words."""
