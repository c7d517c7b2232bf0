"""Silences and planned maintenance: who asked for quiet about what, until when. There is always an end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from collector.rules import words
from wire.quantities import nearest
from wire.times import DAY_MS

if TYPE_CHECKING:
    from collector.rules.transition import Transition

KEYS: Final = ("fingerprint", "rule", "severity", "kind", "cause", "site", "node", "sensor", "lane", "direction")
SILENCE_MS_MAX: Final = 90 * DAY_MS


class Unfit(ValueError):
    """What somebody asks to have silenced cannot be; said in English, and as `zh` in Chinese."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh


class Matcher(NamedTuple):
    """One `key=pattern`; `*` stands for any letters."""

    key: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.key}={self.pattern}"


def matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of `node=lp-0017 rule=pm25-*`. Raises Unfit; an empty text would silence everything."""
    found: list[Matcher] = []
    for word in text.split():
        key, equals, pattern = word.partition("=")
        if not equals or not pattern:
            raise Unfit(
                f"{word!r} 不是匹配条件，请写成“键=模式”，例如 node=lp-0017",
                f"{word!r} is not a matcher, write key=pattern such as node=lp-0017",
            )
        if key not in KEYS:
            close = nearest(key, KEYS)
            raise Unfit(
                f"没有 {key!r} 这个键" + (f"，是不是 {close!r}？" if close else f"，可用的有 {'、'.join(KEYS)}"),
                f"unknown key {key!r}" + (f", did you mean {close!r}?" if close else f", use {', '.join(KEYS)}"),
            )
        if not words.can_match(pattern):
            raise Unfit(
                f"{word!r} 什么也匹配不到，请用小写字母、数字、连字符和 *，两个条件之间空一格",
                f"{word!r} can match nothing, write small letters, digits, hyphens and *; spaces between two",
            )
        found.append(Matcher(key, pattern))
    if not found:
        raise Unfit(
            "请写明要静默什么，例如 node=lp-0017；node=* 就是全部",
            "name what to silence, such as node=lp-0017; node=* is everything",
        )
    return tuple(found)


def matches(wanted: Iterable[Matcher], alert: Transition) -> bool:
    """Whether every matcher holds for the alert."""
    own = {
        "fingerprint": alert.fingerprint,
        "rule": alert.rule,
        "severity": alert.severity,
        "kind": alert.kind,
        "cause": alert.cause,
        **alert.labels,
    }
    return all(fnmatchcase(own.get(each.key, ""), each.pattern) for each in wanted)


class Silence(NamedTuple):
    """Quiet about some alerts from `start_ms` to `end_ms`; one that starts later than it was made is maintenance."""

    name: str
    wanted: tuple[Matcher, ...]
    start_ms: int
    end_ms: int
    who: str
    note: str
    once: bool = False  # it also ends when an alert that it covers is resolved

    @classmethod
    def made(
        cls, wanted: tuple[Matcher, ...], start_ms: int, end_ms: int, who: str, note: str, once: bool = False
    ) -> Silence:
        """A silence with a name of its own. Raises ValueError when it has no author, no end, or too late an end."""
        if not who.strip():
            raise ValueError("a silence needs an author")
        if not wanted:
            raise ValueError("a silence needs a matcher")
        if not start_ms < end_ms <= start_ms + SILENCE_MS_MAX:
            raise Unfit("静默的结束要晚于开始，且最长 90 天", "a silence ends after it starts, and within 90 days")
        text = "|".join((*map(str, wanted), str(start_ms), str(end_ms), who))
        return cls("s-" + hashlib.sha256(text.encode()).hexdigest()[:6], wanted, start_ms, end_ms, who, note, once)

    def covers(self, alert: Transition, now_ms: int) -> bool:
        """Whether it keeps this alert quiet now."""
        return self.start_ms <= now_ms < self.end_ms and matches(self.wanted, alert)

    def is_at(self, site: str, node: str, now_ms: int) -> bool:
        """Whether it names this place and is in force."""
        place = {"site": site, "node": node}
        named = [each for each in self.wanted if each.key in place]
        is_here = all(fnmatchcase(place[each.key], each.pattern) for each in named)
        return bool(named) and is_here and self.start_ms <= now_ms < self.end_ms

    @classmethod
    def read(cls, packed: list[Any]) -> Silence:
        """The silence of its JSON value."""
        name, wanted, *rest = packed
        return cls(name, tuple(Matcher(*each) for each in wanted), *rest)
