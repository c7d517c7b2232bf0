"""What is told, in the form that machines and people get it: stations by the names people know, since when, where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.notify.grant import Grants
from collector.rules.alert_words import limit_words
from collector.rules.notification import STATE_WORDS, WHAT_WORDS
from collector.rules.outbox import Delivery
from collector.rules.rule import SEVERITIES
from collector.rules.transition import Transition
from collector.rules.words import reading

VERSION: Final = 1
ACT_LINKS_MOST: Final = 5
EACH_MOST: Final = 12
STATIONS_MOST: Final = 8
TITLE_STATIONS_MOST: Final = 3
ACT_WORDS: Final = {"zh": "确认或静默：", "en": "Acknowledge or silence: "}


_Line = tuple[Delivery, str, Transition]


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

    def act_links(self, deliveries: Sequence[Delivery], language: str = "zh") -> dict[str, str]:
        """By episode, the page on which the reader of this may handle it: of what fires, and of few only."""
        firing = [(each, alert) for each, state, alert in _newest(deliveries) if state != "resolved"]
        if self.link is None or self.grants is None or len(firing) > ACT_LINKS_MOST:
            return {}
        root = self.link.rstrip("/") + ("/en/act/" if language == "en" else "/act/")
        token = self.grants.token
        return {a.key: root + token(a.fingerprint, a.key, each.receiver, each.at_ms) for each, a in firing}

    def as_json(self, delivery: Delivery) -> dict[str, Any]:
        """The whole message for a program. `key` is the message's; an alert's `key` is its episode's."""
        act = self.act_links([delivery])
        return {
            "v": VERSION,
            "key": delivery.key,
            "what": delivery.body["what"],
            "at_ms": delivery.at_ms,
            "severity": delivery.severity,
            "text": {"zh": self.text([delivery], "zh"), "en": self.text([delivery], "en")},
            "alerts": [self.alert(state, each) | {"act": act.get(each.key)} for _, state, each in _lines([delivery])],
        }

    def alert(self, state: str, alert: Transition) -> dict[str, Any]:
        """One alert for a program."""
        place = self.place(alert.labels.get("node", ""))
        station = {"zh": place.zh, "en": place.en}
        return alert.told() | {"state": state, "station": station, "link": self.link_to(alert.fingerprint)}

    def title(self, deliveries: Sequence[Delivery], language: str) -> str:
        """One line: what happened to how many alerts, and where."""
        lines = _newest(deliveries)
        gravest_first = sorted(lines, key=lambda line: line[1] == "resolved")
        counts = Counter(_label(each, state, language) for each, state, _ in gravest_first)
        said = [label + _times(count) for label, count in counts.items()]
        if not lines:
            said.append("[TEST]" if language == "en" else "[测试]")
        return " ".join(
            (*said, self._stations((alert for _, _, alert in lines), language, TITLE_STATIONS_MOST))
        ).strip()

    def text(self, deliveries: Sequence[Delivery], language: str) -> str:
        """What is wrong, how much against which limit, since when, and the page; of many, rule by rule."""
        lines = _newest(deliveries)
        if not lines:
            return "\n\n".join(each.text_en if language == "en" else each.text_zh for each in deliveries)
        told = self._each(deliveries, language) if len(lines) <= EACH_MOST else self._by_rule(lines, language)
        return "\n".join((self.title(deliveries, language), *told))

    def _each(self, deliveries: Sequence[Delivery], language: str) -> Iterator[str]:
        act, lines = self.act_links(deliveries, language), _newest(deliveries)
        is_of_several = len({alert.labels.get("node") for _, _, alert in lines}) > 1
        for _, state, alert in lines:
            yield self._line(state, alert, language, is_of_several)
            if (link := self.link_to(alert.fingerprint)) is not None:
                yield f"  {link}"
            if alert.key in act:
                yield f"  {ACT_WORDS[language]}{act[alert.key]}"

    def _by_rule(self, lines: Sequence[_Line], language: str) -> Iterator[str]:
        heaps: dict[tuple[str, str], list[Transition]] = defaultdict(list)
        for each, state, alert in lines:
            heaps[_label(each, state, language), alert.rule].append(alert)
        for (label, _), alerts in sorted(heaps.items(), key=lambda heap: _gravity(heap[1]), reverse=True):
            words = alerts[0].words_en if language == "en" else alerts[0].words_zh
            yield f"{label}{_times(len(alerts))} {words}{_span(alerts, language)}"
            yield f"  {self._stations(alerts, language)}"
        if self.link is not None:
            yield self.link.rstrip("/") + ("/en/ops" if language == "en" else "/ops")

    def _line(self, state: str, alert: Transition, language: str, named: bool) -> str:
        """What happened, `named`: and at which station; else the title says so."""
        place, over = self.place(alert.labels.get("node", "")), state == "resolved"
        zone = place.zone
        start, end = (datetime.fromtimestamp(t / 1000, zone) for t in (alert.start_ms, alert.event_ms))
        since, until = f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%H:%M:%S}"
        if end.date() != start.date():
            until = f"{end:%Y-%m-%d %H:%M:%S}"
        where = " ".join(alert.labels[key] for key in ("sensor", "lane", "direction") if key in alert.labels)
        if language == "zh":
            words, when = alert.text_zh.removeprefix("已恢复："), f"始于 {since}" + (f"，止于 {until}" if over else "")
            words = f"{place.zh}：{words}" if named and place.zh else words
            return f"[{STATE_WORDS[state][0]}] {words}" + (f"，{where}" if where else "") + f"，{when}"
        words, when = alert.text_en.removeprefix("Resolved: "), f"since {since}" + (f" until {until}" if over else "")
        words = f"{place.en}: {words}" if named and place.en else words
        return f"[{STATE_WORDS[state][1]}] {words}" + (f", {where}" if where else "") + f", {when}"

    def _stations(self, alerts: Iterable[Transition], language: str, most: int = STATIONS_MOST) -> str:
        nodes = list(filter(None, dict.fromkeys(alert.labels.get("node", "") for alert in alerts)))
        places, more = [self.place(node) for node in nodes[:most]], len(nodes) - most
        if language == "zh":
            return "、".join(place.zh for place in places) + (f" 等 {len(nodes)} 站" if more > 0 else "")
        return ", ".join(place.en for place in places) + (f" and {more} more" if more > 0 else "")


def _lines(deliveries: Sequence[Delivery]) -> list[_Line]:
    return [(each, state, Transition.read(value)) for each in deliveries for state, value in each.body["lines"]]


def _newest(deliveries: Sequence[Delivery]) -> list[_Line]:
    """The last word on each episode: what has begun and ended in one text has ended."""
    return list({line[2].key: line for line in _lines(deliveries)}.values())


def _times(count: int) -> str:
    return f" ×{count}" if count > 1 else ""


def _label(delivery: Delivery, state: str, language: str) -> str:
    at = int(language == "en")
    return f"{WHAT_WORDS[delivery.body['what']][at]}[{STATE_WORDS[state][at]}]"


def _gravity(alerts: Sequence[Transition]) -> tuple[int, bool]:
    worst = max(SEVERITIES.index(alert.severity) for alert in alerts)
    return worst, any(alert.state != "resolved" for alert in alerts)


def _span(alerts: Sequence[Transition], language: str) -> str:
    """Between which values they lie, and beyond which limit."""
    values = [alert.value for alert in alerts if alert.value is not None]
    if not values or not alerts[0].limit:
        return ""
    span = "–".join(dict.fromkeys(map(reading, (min(values), max(values)))))
    zh, en = limit_words(alerts[0].state, alerts[0].limit)
    return f": {span} {alerts[0].unit}{en}" if language == "en" else f"：{span} {alerts[0].unit}{zh}"
