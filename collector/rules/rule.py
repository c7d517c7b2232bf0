"""A rule: what is watched, when it raises, when it clears, and whom it tells.

    - alert: pm25-hourly-high
      kind: air_quality
      window: {mean: pm25_ugm3, over: 1h, complete: 75%}
      raise: "> 75"
      clear: "< 60"
      for: 10m
      keep_firing_for: 10m
      severity: major
      notify: [environment-bureau]
      text: {zh: "PM2.5 小时均值过高", en: "PM2.5 hourly mean too high"}

Three things can be watched: a `window` of a quantity, a `category` of an index, the absence of data (`absent`, or
`offline` for a node's link). Prometheus' words keep Prometheus' meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from collector.numbers.windows import DAYS
from collector.rules import words
from collector.rules.complaint import hint
from collector.rules.fields import ANNOUNCED, INDEX_KIND, KINDS_WATCHED, OWN_LINK, TAG_WORDS
from collector.rules.words import Limit
from collector.zones import zone_of
from wire import names

WINDOW_STATS: Final = ("mean", "min", "max", "sum", "count", "last", "p85", "range", "change", "suspect")
SEVERITIES: Final = ("info", "minor", "major", "critical")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STORE_LINK: Final = "collector/database"
"""Whether the database takes what arrives, in a node's place: while it does not, no sensor can be called silent."""
OWN_CLOCK: Final = "collector/clock"
"""Whether our own clock is right, likewise: by one that is ahead every reading is old."""
OURS: Final = (OWN_LINK, STORE_LINK, OWN_CLOCK)
MEANING_NOT: Final = {"text", "notify"}
"""Keys that may change without making another rule of it."""


class Spec(NamedTuple):
    """What a window computes: rules with equal specs on one series share one window."""

    stat: str
    quantity: str
    over_ms: int = 0
    words: tuple[str, ...] = ()
    versus: str | None = None


def _name_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _patterns(value: object) -> object:
    """Lanes are called by numbers, which YAML reads as such."""
    each = value if isinstance(value, list) else [value]
    return [str(word) if type(word) is int else word for word in each]


def _some_time(ms: int) -> int:
    if not ms:
        raise ValueError("0s is no time to wait, write one such as 10m")
    return ms


Ms = Annotated[int, BeforeValidator(words.duration)]
SomeMs = Annotated[Ms, AfterValidator(_some_time)]
Share = Annotated[float, BeforeValidator(words.share)]
LimitText = Annotated[Limit, BeforeValidator(words.limit)]
Clock = Annotated[int, BeforeValidator(words.clock)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Window(_Strict):
    """One statistic of one quantity over a stretch of event time, and how complete it must be to count."""

    mean: str | None = None
    min: str | None = None
    max: str | None = None
    sum: str | None = None
    count: str | None = None
    last: str | None = None
    p85: str | None = None
    range: str | None = None
    change: str | None = None
    suspect: str | None = None
    over: Ms = 0
    complete: Share = 0.75
    versus: Literal["neighbours", "last-week"] | None = None

    @model_validator(mode="after")
    def _one_statistic(self) -> Window:
        given = [stat for stat in WINDOW_STATS if getattr(self, stat) is not None]
        if len(given) != 1:
            raise ValueError(f"name one of {', '.join(WINDOW_STATS)} and its quantity, such as mean: pm25_ugm3")
        if given == ["last"] and (self.over or self.versus):
            raise ValueError("last takes neither over nor versus: it is the newest reading")
        if given != ["last"] and not self.over:
            raise ValueError(f"{given[0]} needs over, such as over: 1h")
        if self.versus and given[0] not in ("mean", "sum"):
            raise ValueError("versus compares a mean or a sum")
        if self.versus == "last-week" and (words.UNIT_MS["d"] % self.over or self.over < words.UNIT_MS["m"]):
            raise ValueError("over must divide a day for versus: last-week, such as 1h")
        return self

    @cached_property
    def spec(self) -> Spec:
        """The window's identity: statistic, quantity, length."""
        stat = next(stat for stat in WINDOW_STATS if getattr(self, stat) is not None)
        return Spec(stat, getattr(self, stat), self.over, (), self.versus)


class Hours(_Strict):
    """Times of day, in a time zone, outside which the condition does not hold."""

    start: Clock = Field(0, alias="from")
    end: Clock = Field(1440, alias="to")
    zone: str
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = WEEKDAYS

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return zone_of(zone).key

    @field_validator("days")
    @classmethod
    def _some_day(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        if not days:
            raise ValueError("no day is named and these hours never come, leave days out for all of them")
        return days

    @cached_property
    def info(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.zone)

    @property
    def longest_ms(self) -> float:
        """How long they are open at a stretch; `from` that is not before `to` spans midnight."""
        minutes = self.end - self.start if self.start < self.end else 1440 - self.start + self.end
        if minutes < 1440:
            return minutes * words.UNIT_MS["m"]
        week = "".join("x" if day in self.days else " " for day in WEEKDAYS)
        return math.inf if " " not in week else max(map(len, (week * 2).split())) * words.UNIT_MS["d"]


class Scope(_Strict):
    """Which series a rule watches; every key narrows, `*` stands for any letters."""

    site: Patterns = ()
    node: Patterns = ()
    sensor: Patterns = ()
    lane: Patterns = ()
    direction: Patterns = ()
    standard: Patterns = ()
    edition: Patterns = ()
    period: Patterns = ()
    labels: dict[str, Patterns] = Field(default_factory=dict)

    @field_validator("site", "node", "sensor", "lane")
    @classmethod
    def _of_names(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not words.can_match(pattern):
                raise ValueError(
                    f"{pattern!r} can match nothing, write small letters, digits, hyphens and *; several as a list"
                )
        return patterns

    @field_validator("direction", "standard", "edition", "period")
    @classmethod
    def _of_words(cls, patterns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = TAG_WORDS[info.field_name or ""]
        if patterns and not any(_matches(word, patterns) for word in known):
            raise ValueError(f"{', '.join(patterns)!r} can match nothing, there are {', '.join(known)}")
        return patterns

    def holds(self, tags: dict[str, str], labels: dict[str, str]) -> bool:
        """Whether a series of these tags, at a station of these labels, is watched."""
        return all(_matches(tags.get(key, ""), patterns) for key, patterns in self.narrowed) and self.fits(labels)

    def fits(self, labels: dict[str, str]) -> bool:
        """Whether stations of these labels are watched."""
        return all(_matches(labels.get(key, ""), patterns) for key, patterns in self.labels.items())

    @cached_property
    def everything(self) -> bool:
        """True when nothing is narrowed."""
        return not self.narrowed and not self.labels

    @cached_property
    def narrowed(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The tags that are narrowed, each with its patterns."""
        tags = [key for key in type(self).model_fields if key != "labels"]
        return tuple((key, getattr(self, key)) for key in tags if getattr(self, key))


def _kind(kind: object) -> object:
    if isinstance(kind, str) and kind not in KINDS_WATCHED:
        raise ValueError(f"unknown kind {kind!r}{hint(kind, KINDS_WATCHED)}")
    return kind


Kind = Annotated[str, BeforeValidator(_kind)]


class Condition(_Strict):
    """The second condition of `and` or `unless`: a window of the same series, or of another kind at the same node."""

    kind: Kind | None = None
    window: Window
    raise_: LimitText = Field(alias="raise")


class Text(_Strict):
    """What people read."""

    zh: str
    en: str


class Rule(_Strict):
    """One rule, checked. Times are milliseconds; `limit` and `clear_limit` are the two levels."""

    alert: str
    kind: Kind
    scope: Scope = Scope()
    window: Window | None = None
    category: tuple[str, ...] | None = None
    absent: SomeMs | None = None
    offline: Ms | None = None
    raise_: LimitText | None = Field(None, alias="raise")
    clear: LimitText | None = None
    for_: Ms = Field(0, alias="for")
    keep_firing_for: Ms = 0
    and_: Condition | None = Field(None, alias="and")
    unless: Condition | None = None
    hours: Hours | None = None
    severity: Literal["info", "minor", "major", "critical"] = "major"
    notify: tuple[str, ...] = ()
    text: Text

    @field_validator("alert")
    @classmethod
    def _is_name(cls, alert: str) -> str:
        if not names.is_name(alert):
            raise ValueError(f"{alert!r} is not a name, write small letters, digits and hyphens")
        return alert

    @field_validator("notify", "category", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return _name_list(value)

    @model_validator(mode="after")
    def _one_condition(self) -> Rule:
        given = [key for key in ("window", "category", "absent", "offline") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError("say what is watched: one of window, category, absent, offline")
        what = given[0]
        if (self.raise_ is None) == (what == "window"):
            raise ValueError('a window needs raise, such as "> 75"' if what == "window" else f"{what} takes no raise")
        if self.clear is not None and self.raise_ is not None:
            _check_clear(self.raise_, self.clear)
        if what != "window" and self.clear is not None:
            raise ValueError(f"{what} takes no clear")
        if what in ("absent", "offline") and (self.for_ or self.and_ or self.unless or self.hours):
            raise ValueError(f"{what} takes no for, and, unless or hours: {what} is itself the time to wait")
        if what == "absent" and self.kind not in ANNOUNCED:
            raise ValueError(f"nobody announces {self.kind}, it is never missed: write one of {', '.join(ANNOUNCED)}")
        if what == "offline" and self.kind not in ("node_health", OWN_LINK):
            raise ValueError(
                "offline watches a node: write kind: node_health (or collector, our own link to the broker)"
            )
        if what == "category" and self.kind != INDEX_KIND:
            raise ValueError(f"a category is of an index: write kind: {INDEX_KIND}")
        if self.hours is not None and 0 < self.hours.start < self.hours.end and self._is_of_days():
            raise ValueError("a day is stamped with its midnight, when these hours are closed: leave hours out")
        if self.hours is not None and self.for_ >= self.hours.longest_ms:
            open_for = words.duration_text(int(self.hours.longest_ms))
            raise ValueError(f"for is never over within these hours, which are open for {open_for}: make it shorter")
        return self

    def _is_of_days(self) -> bool:
        return self.kind.endswith(DAYS) or (self.kind == INDEX_KIND and self.scope.period == ("1d",))

    @cached_property
    def limit(self) -> Limit:
        """The level that raises."""
        return self.raise_ if self.raise_ is not None else Limit(">=", 1.0)

    @cached_property
    def clear_limit(self) -> Limit:
        """The level that clears: the other side of `raise` where the rule names none."""
        return self.clear if self.clear is not None else self.limit.other_side()

    @cached_property
    def spec(self) -> Spec | None:
        """The window that decides; None for `absent` and `offline`."""
        if self.window is not None:
            return self.window.spec
        return Spec("category", "category", 0, self.category) if self.category is not None else None

    @cached_property
    def complete(self) -> float:
        """How much of the window must be there."""
        return self.window.complete if self.window is not None else 0.0

    @cached_property
    def conditional(self) -> bool:
        """True when more than the value decides."""
        return self.hours is not None or self.and_ is not None or self.unless is not None

    @cached_property
    def joined(self) -> bool:
        """True when more than one series decides (neighbours, last week, another kind)."""
        others = [c.kind for c in (self.and_, self.unless) if c is not None and c.kind not in (None, self.kind)]
        return bool(others) or (self.window is not None and self.window.versus is not None)

    @cached_property
    def version(self) -> str:
        """Eight hex digits of what the rule means; another text or another receiver keeps it."""
        meaning = self.model_dump(mode="json", by_alias=True, exclude=MEANING_NOT, exclude_defaults=True)
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:8]


def _check_clear(limit: Limit, clear: Limit) -> None:
    if limit.percent != clear.percent:
        raise ValueError(f'clear "{clear}" and raise "{limit}" must both be in percent, or neither')
    if limit.above == clear.above:
        raise ValueError(f'clear must face the other way than raise "{limit}", such as "{limit.other_side()}"')
    if (clear.level > limit.level) if limit.above else (clear.level < limit.level):
        raise ValueError(f'clear "{clear}" lies beyond raise "{limit}": some values would do both')
    if clear.level == limit.level and "=" in clear.op and "=" in limit.op:
        raise ValueError(f'{limit.level:g} would both raise and clear, write clear: "{limit.other_side()}"')


def _matches(word: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(word, pattern) for pattern in patterns)
