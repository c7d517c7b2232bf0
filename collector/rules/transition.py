"""What the engine says: a series is one place's measurement, a transition one change of one alert.

The dedup key is rule id, rule version, series and episode start: whoever tells a transition twice tells it under the
same key, and a rule that means something else has other keys. Readings out of order may show that an episode began
earlier or later; people go on hearing of it under the key that they know (desk.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

from collector.rules.rule import Rule, Spec
from collector.rules.words import duration_text, duration_zh, reading
from wire.quantities import QUANTITIES, STATS


class Series(NamedTuple):
    """A measurement and its tags; `sensor` is empty for the node's own, `tags` are sorted pairs."""

    kind: str
    site: str
    node: str
    sensor: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    @lru_cache(32_768)
    def at(cls, kind: str, tags: tuple[tuple[str, str], ...]) -> Series:
        """The series of a table with these tags."""
        return cls.of(kind, dict(tags))

    @classmethod
    def of(cls, kind: str, tags: dict[str, str]) -> Series:
        """The series of a point with these tags."""
        rest = tuple(sorted((key, value) for key, value in tags.items() if key not in ("site", "node", "sensor")))
        return cls(kind, tags.get("site", ""), tags.get("node", ""), tags.get("sensor", ""), rest)

    def labels(self) -> dict[str, str]:
        """The tags, site and node included."""
        named = {"site": self.site, "node": self.node, "sensor": self.sensor, **dict(self.tags)}
        return {key: value for key, value in named.items() if value}

    def __str__(self) -> str:
        return ",".join((self.kind, *(f"{key}={value}" for key, value in sorted(self.labels().items()))))

    @classmethod
    def read(cls, text: str) -> Series:
        """The series whose text this is."""
        kind, *tags = text.split(",")
        return cls.of(kind, dict(tag.split("=", 1) for tag in tags))


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert began to fire or was resolved at `event_ms`; `key` names the episode that began at `start_ms`.

    `late`: it is history, and nobody is paged for it. `void`: readings out of order took the episode back.
    `reason` is empty for what the values themselves decided. `cause` is value, absent (no data) or offline (the node).
    `unit` is that of `value` and `limit`. `who` had acknowledged what ends here. `words` are the rule's in `text`.
    """

    fingerprint: str
    rule: str
    version: str
    severity: str
    notify: tuple[str, ...]
    kind: str
    labels: dict[str, str]
    state: str
    value: float | None
    limit: str
    event_ms: int
    start_ms: int
    key: str
    text_zh: str
    text_en: str
    cause: str = "value"
    late: bool = False
    void: bool = False
    reason: str = ""
    unit: str = ""
    who: str = ""
    words_zh: str = ""
    words_en: str = ""

    def as_json(self) -> dict[str, Any]:
        """A JSON value from which `read` makes the transition again."""
        return {name: getattr(self, name) for name in _NAMES}

    def told(self) -> dict[str, Any]:
        """What programs outside are told of it, whatever way it comes to them."""
        return {
            "alert": self.rule, "state": self.state, "severity": self.severity, "fingerprint": self.fingerprint,
            "key": self.key, "labels": self.labels, "value": self.value, "limit": self.limit, "unit": self.unit,
            "since_ms": self.start_ms, "event_ms": self.event_ms, "reason": self.reason,
            "text": {"zh": self.text_zh, "en": self.text_en},
        }  # fmt: skip

    def is_of(self, other: Transition) -> bool:
        """Whether both tell of one episode of one alert, under whatever keys."""
        return (self.version, self.start_ms) == (other.version, other.start_ms)

    def ended(self, event_ms: int, reason: str) -> Transition:
        """The end of what this transition began, for a reason that is not a value's."""
        zh, en = f"已结束：{self.text_zh}", f"Ended: {self.text_en}"
        return replace(self, state="resolved", event_ms=event_ms, reason=reason, text_zh=zh, text_en=en)

    @classmethod
    def read(cls, value: dict[str, Any]) -> Transition:
        """The transition of such a JSON value; unknown keys are passed over, missing `words` end at a colon."""
        words = {"words_zh": value["text_zh"].partition("：")[0], "words_en": value["text_en"].partition(": ")[0]}
        known = {name: each for name, each in value.items() if name in _NAMES}
        return cls(**words | known | {"notify": tuple(value["notify"])})


_NAMES = tuple(field.name for field in fields(Transition))


class Episode(NamedTuple):
    """One run of one alert: from `start_ms` the condition held, at `fired_ms` it fired, at `end_ms` it was resolved."""

    key: str
    rule: str
    start_ms: int
    fired_ms: int
    end_ms: int | None
    late: bool


def fingerprint(rule: str, series: Series) -> str:
    """Names the alert of one rule on one series through all its episodes."""
    return hashlib.sha256(f"{rule}|{series}".encode()).hexdigest()[:16]


def key(rule: str, version: str, series: Series, start_ms: int) -> str:
    """Names one episode."""
    return f"{rule}@{version}|{series}|{start_ms}"


def began_ms(key: str) -> int:
    """When the episode of this key began."""
    return int(key.rpartition("|")[2])


def alert_of(key: str) -> str:
    """What the keys of all episodes of one alert, by one version of its rule, have in common."""
    return key.rpartition("|")[0]


def episodes(transitions: Iterable[Transition]) -> list[Episode]:
    """The episodes that a stream of transitions tells, by start; what was told twice or taken back counts once or not.

    An episode is late when nothing but history was told of its firing.
    """
    found: dict[str, Episode] = {}
    for each in transitions:
        known = found.get(each.key)
        if each.void:
            found.pop(each.key, None)
        elif each.state == "firing":
            late = each.late and (known is None or known.late)
            found[each.key] = Episode(each.key, each.rule, each.start_ms, each.event_ms, None, late)
        elif known is not None:
            found[each.key] = known._replace(end_ms=each.event_ms)
    return sorted(found.values(), key=lambda episode: (episode.start_ms, episode.key))


def transition(
    series: Series,
    rule: Rule,
    start_ms: int,
    value: float | None,
    state: str,
    event_ms: int,
    late: bool = False,
) -> Transition:
    """The words for a change of the alert of `rule` on `series`."""
    text_zh, text_en = texts(rule, value, state)
    return Transition(
        fingerprint=fingerprint(rule.alert, series),
        rule=rule.alert,
        version=rule.version,
        severity=rule.severity,
        notify=rule.notify,
        kind=series.kind,
        labels=series.labels(),
        state=state,
        value=value,
        limit=str(rule.limit if state == "firing" else rule.clear_limit) if rule.spec is not None else "",
        event_ms=event_ms,
        start_ms=start_ms,
        key=key(rule.alert, rule.version, series, start_ms),
        text_zh=text_zh,
        text_en=text_en,
        cause="value" if rule.spec is not None else "absent" if rule.absent is not None else "offline",
        late=late,
        unit="" if rule.spec is None else names_of(rule.spec, rule.limit.percent)[2].strip(),
        words_zh=rule.text.zh,
        words_en=rule.text.en,
    )


def taken_down(series: Series, rule: Rule, start_ms: int, value: float | None, now_ms: int) -> Transition:
    """The end of an alert on a series that is no longer expected: its sensor or its station is gone."""
    return replace(
        transition(series, rule, start_ms, value, "resolved", now_ms),
        text_zh=f"已结束（站点或传感器已撤下）：{rule.text.zh}",
        text_en=f"Ended (no longer expected): {rule.text.en}",
        reason="no longer expected",
    )


def orphan(
    series: Series,
    name: str,
    version: str,
    packed_track: list[Any],
    rule: Rule | None,
    now_ms: int,
    cause: str = "value",
) -> Transition:
    """The end of an alert by a rule that went, or that means something else by now (`rule`)."""
    start_ms, _, value, *_ = packed_track
    zh, en = f"规则 {name} 已移除或更改", f"the rule {name} was removed or changed"
    return Transition(
        fingerprint=fingerprint(name, series),
        rule=name,
        version=version,
        severity="info" if rule is None else rule.severity,
        notify=() if rule is None else rule.notify,
        kind=series.kind,
        labels=series.labels(),
        state="resolved",
        value=value,
        limit="",
        event_ms=now_ms,
        start_ms=start_ms,
        key=key(name, version, series, start_ms),
        text_zh=f"已结束：{zh}",
        text_en=f"Ended: {en}",
        cause=cause,
        reason="the rule was changed" if rule is not None else "the rule was removed",
        words_zh=zh,
        words_en=en,
    )


def limit_words(state: str, limit: str) -> tuple[str, str]:
    """In Chinese and English, in brackets: 限值 would be that of a law, and an end has another than a beginning."""
    if state == "resolved":
        return f"（解除阈值 {limit}）", f" (clears at {limit})"
    return f"（阈值 {limit}）", f" (limit {limit})"


def texts(rule: Rule, value: float | None, state: str) -> tuple[str, str]:
    """One line each in Chinese and English: what, how much, against which limit."""
    solved_zh, solved_en = ("已恢复：", "Resolved: ") if state == "resolved" else ("", "")
    if rule.spec is None:
        wait_ms = rule.absent or rule.offline or 0
        wait_zh, wait = duration_zh(wait_ms), duration_text(wait_ms)
        zh, en = (
            (f"超过 {wait_zh}无数据", f"no data for {wait}")
            if rule.absent
            else (f"离线超过 {wait_zh}", f"offline for {wait}")
        )
        detail_zh, detail_en = ("", "") if solved_zh else (f"：{zh}", f": {en}")
    else:
        name_zh, name_en, unit = names_of(rule.spec, rule.limit.percent)
        shown = "-" if value is None else f"{reading(value)}{unit}"
        limit_zh, limit_en = limit_words(state, f"{rule.clear_limit if solved_zh else rule.limit}")
        began_zh, began_en = ("", "") if solved_zh else ("触发时 ", "began at ")  # it is read hours later, too
        detail_zh = f"：{name_zh} {began_zh}{shown}{limit_zh}"
        detail_en = f": {name_en} {began_en}{shown}{limit_en}"
        if rule.category is not None:
            words = "、".join(rule.category), ", ".join(rule.category)
            detail_zh, detail_en = ("", "") if solved_zh else (f"：{words[0]}", f": {words[1]}")
    return f"{solved_zh}{rule.text.zh}{detail_zh}", f"{solved_en}{rule.text.en}{detail_en}"


_STAT_WORDS = {
    "mean": ("均值", "mean"),
    "min": ("最小值", "minimum"),
    "max": ("最大值", "maximum"),
    "sum": ("合计", "sum"),
    "count": ("读数个数", "readings"),
    "last": ("", ""),
    "p85": ("第 85 百分位数", "85th percentile"),
    "range": ("极差", "range"),
    "change": ("变化", "change"),
    "suspect": ("可疑读数占比", "share of suspect readings"),
}
_VERSUS_WORDS = {
    "neighbours": ("与邻站相比", "against neighbours"),
    "last-week": ("与上周同期相比", "against last week"),
}


def names_of(spec: Spec, percent: bool) -> tuple[str, str, str]:
    """The quantity's name in Chinese and English with the window's, and its unit."""
    base = spec.quantity
    quantity = QUANTITIES.get(base) or QUANTITIES.get(base.rpartition("_")[0])
    zh, en = (quantity.zh, quantity.en) if quantity is not None else (base, base)
    if quantity is not None and base not in QUANTITIES and base.rpartition("_")[2] in STATS:
        stat = base.rpartition("_")[2]
        zh, en = f"{zh} {_STAT_WORDS.get(stat, _STAT_WORDS['count'])[0]}", f"{en} {stat}"
    stat_zh, stat_en = _STAT_WORDS.get(spec.stat, ("", ""))
    over_zh, over = (duration_zh(spec.over_ms), duration_text(spec.over_ms)) if spec.over_ms else ("", "")
    extra_zh, extra_en = _VERSUS_WORDS.get(spec.versus or "", ("", ""))
    unit = "" if quantity is None or quantity.unit == "1" or spec.stat == "count" else f" {quantity.unit}"
    unit = "%" if percent or spec.stat == "suspect" else unit
    join = " ".join
    return (
        join(filter(None, (zh, over_zh + stat_zh, extra_zh))),
        join(filter(None, (en, over, stat_en, extra_en))),
        unit,
    )
