"""What is told, in the form that machines and people get it: stations by the names people know, since when, where."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.notify.grant import Grants
from collector.rules.notification import STATE_WORDS, WHAT_WORDS
from collector.rules.outbox import Delivery
from collector.rules.transition import Transition

VERSION: Final = 1
ACT_LINKS_MOST: Final = 5
ACT_WORDS: Final = {"zh": "确认或静默：", "en": "Acknowledge or silence: "}


class Place(NamedTuple):
    """What people call a node, and whose clock they read."""

    zh: str
    en: str
    zone: ZoneInfo


class Writer(NamedTuple):
    """Writes messages. `link` is the operators' page's address, when there is one."""

    place: Callable[[str], Place]
    link: str | None = None
    grants: Grants | None = None

    def link_to(self, fingerprint: str) -> str | None:
        """The alert's page."""
        return None if self.link is None else f"{self.link.rstrip('/')}/ops/alert/{fingerprint}"

    def act_links(self, delivery: Delivery, language: str = "zh") -> dict[str, str]:
        """By episode, the page on which the reader of this message may handle it: of what fires, and of few only."""
        firing = [alert for state, alert in _lines(delivery) if state != "resolved"]
        if self.link is None or self.grants is None or len(firing) > ACT_LINKS_MOST:
            return {}
        root = self.link.rstrip("/") + ("/en/act/" if language == "en" else "/act/")
        tokens = {e.key: self.grants.token(e.fingerprint, e.key, delivery.channel, delivery.at_ms) for e in firing}
        return {key: root + token for key, token in tokens.items()}

    def as_json(self, delivery: Delivery) -> dict[str, Any]:
        """The whole message for a program. `key` is the message's; an alert's `key` is its episode's."""
        lines, act = _lines(delivery), self.act_links(delivery)
        return {
            "v": VERSION,
            "key": delivery.key,
            "what": delivery.body["what"],
            "at_ms": delivery.at_ms,
            "severity": delivery.severity,
            "text": {"zh": self.text(delivery, "zh"), "en": self.text(delivery, "en")},
            "alerts": [self.alert(state, each) | {"act": act.get(each.key)} for state, each in lines],
        }

    def alert(self, state: str, alert: Transition) -> dict[str, Any]:
        """One alert for a program."""
        place = self.place(alert.labels.get("node", ""))
        station = {"zh": place.zh, "en": place.en}
        return alert.told() | {"state": state, "station": station, "link": self.link_to(alert.fingerprint)}

    def title(self, delivery: Delivery, language: str) -> str:
        """One line: what happened to how many alerts, and where."""
        at, lines = int(language == "en"), _lines(delivery)
        state = STATE_WORDS[lines[0][0]][at] if lines else ("测试", "TEST")[at]
        more = "" if len(lines) < 2 else f" ×{len(lines)}"
        what = WHAT_WORDS[delivery.body["what"]][at] if lines else ""
        return f"{what}[{state}]{more} {self._station(lines, language)}".strip()

    def text(self, delivery: Delivery, language: str) -> str:
        """What is wrong, how much against which limit, since when, and the page."""
        lines = _lines(delivery)
        if not lines:
            return delivery.text_zh if language == "zh" else delivery.text_en
        said, act = [self.title(delivery, language)], self.act_links(delivery, language)
        for state, alert in lines:
            said.append(self._line(state, alert, language))
            if (link := self.link_to(alert.fingerprint)) is not None:
                said.append(f"  {link}")
            if alert.key in act:
                said.append(f"  {ACT_WORDS[language]}{act[alert.key]}")
        return "\n".join(said)

    def _line(self, state: str, alert: Transition, language: str) -> str:
        zone = self.place(alert.labels.get("node", "")).zone
        since = datetime.fromtimestamp(alert.start_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
        until = datetime.fromtimestamp(alert.event_ms / 1000, zone).strftime("%H:%M:%S")
        where = " ".join(alert.labels[key] for key in ("sensor", "lane", "direction") if key in alert.labels)
        if language == "zh":
            when = f"始于 {since}" + (f"，止于 {until}" if state == "resolved" else "")
            return f"[{STATE_WORDS[state][0]}] {alert.text_zh}" + (f"，{where}" if where else "") + f"，{when}"
        when = f"since {since}" + (f" until {until}" if state == "resolved" else "")
        return f"[{STATE_WORDS[state][1]}] {alert.text_en}" + (f", {where}" if where else "") + f", {when}"

    def _station(self, lines: list[tuple[str, Transition]], language: str) -> str:
        nodes = dict.fromkeys(alert.labels.get("node", "") for _, alert in lines)
        places = (self.place(node) for node in nodes if node)
        return ", ".join(place.zh if language == "zh" else place.en for place in places)


def _lines(delivery: Delivery) -> list[tuple[str, Transition]]:
    return [(state, Transition.read(value)) for state, value in delivery.body["lines"]]
