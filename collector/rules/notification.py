"""A message to one receiver: its words, and the key under which it is one message however often it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from collector.rules.rule import SEVERITIES
from collector.rules.standing import Line
from collector.rules.transition import Transition

STATE_WORDS: Final = {
    "firing": ("告警", "FIRING"),
    "resolved": ("恢复", "RESOLVED"),
    "flapping": ("反复波动", "FLAPPING"),
}
WHAT_WORDS: Final = {"news": ("", ""), "reminder": ("仍未恢复：", "Still: "), "escalation": ("升级：", "Escalated: ")}


class Notification(NamedTuple):
    """A message to one receiver; told twice, it has the same key. `order` names what must stay in order."""

    key: str
    receiver: str
    what: str
    order: str
    severity: str
    at_ms: int
    lines: tuple[Line, ...]
    text_zh: str
    text_en: str


def group_of(alert: Transition) -> str:
    """Station and cause."""
    return f"{alert.labels.get('site', '')}/{alert.labels.get('node', '')}/{alert.cause}"


def notification(
    receiver: str, what: str, group: str, lines: Iterable[Line], now_ms: int, serial: int = 0
) -> Notification:
    """The message about some alerts of one group; the same alerts in the same states of the same time share a key."""
    told = tuple(lines)
    name = "|".join(
        (receiver, what, str(serial), *(f"{line.state} {line.alert.key} {line.alert.event_ms}" for line in told))
    )
    severity = max((line.alert.severity for line in told), key=SEVERITIES.index)
    texts = ["\n".join(f"[{STATE_WORDS[state][i]}] {(a.text_zh, a.text_en)[i]}" for state, a in told) for i in (0, 1)]
    station = " ".join(filter(None, group.split("/")[:2]))
    zh, en = (f"{WHAT_WORDS[what][i]}{station}\n{texts[i]}" for i in (0, 1))
    key = hashlib.sha256(name.encode()).hexdigest()[:24]
    return Notification(key, receiver, what, f"{receiver}|{group}", severity, now_ms, told, zh, en)
