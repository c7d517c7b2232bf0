"""What the engine says: a transition is one change of one alert.

The dedup key is rule id, rule version, series and episode start: whoever tells a transition twice tells it under the
same key, and a rule that means something else has other keys. Readings out of order may show that an episode began
earlier or later; people go on hearing of it under the key that they know (desk.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any

from collector.rules.alert_words import names_of, texts
from collector.rules.rule import Rule
from collector.rules.series import Series


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
    """The end of an alert on a series that is no longer expected: its sensor, its station or its index is gone."""
    return replace(
        transition(series, rule, start_ms, value, "resolved", now_ms),
        text_zh=f"已结束（不再有此数据）：{rule.text.zh}",
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
