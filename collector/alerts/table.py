"""Alerts as plain values, for programs and for the lines of a terminal (`listing`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from collector.rules.silences import UNTIL_RESOLVED_MS
from collector.stations.names import Names
from wire.both import Both, joined, same

if TYPE_CHECKING:
    from collector.config import Config
    from collector.rules.desk import Desk
    from collector.rules.standing import Standing
    from collector.rules.transition import Transition


class Rows:
    """Makes rows of alerts; `ids` shortens their fingerprints."""

    def __init__(self, settings: Config, ids: dict[str, str]) -> None:
        self._ids = ids
        self._places, self._zone = Names(settings), ZoneInfo(settings.web.time_zone)

    def firing(self, desk: Desk, each: Standing, now_ms: int) -> dict[str, Any]:
        """One that fires, with who has it, or what keeps it quiet: whose silence, or the alert it follows from."""
        alert, hidden = each.alert, desk.hidden(each.alert, now_ms)
        silence = next((one for one in desk.silences if one.name == hidden), None)
        state = "ACKED" if each.ack is not None else "SILENT" if hidden is not None else "FIRING"
        hidden_by = None if hidden is None else self._ids.get(hidden, hidden)
        ack = None if each.ack is None else each.ack._asdict()
        who = same("-")
        if each.ack is not None:
            who = self._taken(each.ack.who, each.ack.note, each.ack.until_ms)
        elif silence is not None:
            who = self._taken(silence.who, silence.note, UNTIL_RESOLVED_MS if silence.once else silence.end_ms)
        elif hidden_by is not None:
            who = Both(f"follows from {hidden_by}", f"由 {hidden_by} 引起")
        return self._plain(alert) | {
            "state": state, "flapping": each.flapping, "who": who, "acknowledged": ack, "hidden_by": hidden_by
        }  # fmt: skip

    def ended(self, alert: Transition) -> dict[str, Any]:
        """One that is over, since its end."""
        return self._plain(alert) | {
            "since_ms": alert.event_ms, "state": "RESOLVED", "flapping": False, "who": same("-"), "acknowledged": None,
            "hidden_by": None,
        }  # fmt: skip

    def _taken(self, who: str, note: str, until_ms: int) -> Both:
        until = Both("until resolved", "直到解除")
        if until_ms < UNTIL_RESOLVED_MS:
            time = f"{datetime.fromtimestamp(until_ms / 1000, self._zone):%m-%d %H:%M}"
            until = Both(f"until {time}", f"至 {time}")
        return joined(" ", [who, *([f'"{note}"'] if note else []), until])

    def _plain(self, alert: Transition) -> dict[str, Any]:
        node = alert.labels.get("node", "")
        zh, en = self._places.of(node) or (node, node)
        return {
            "id": self._ids[alert.fingerprint],
            "fingerprint": alert.fingerprint,
            "severity": alert.severity,
            "since_ms": alert.start_ms,
            "station": station(self._places, alert),
            "station_zh": zh,
            "station_en": en,
            "node": node,
            "rule": alert.rule,
            "cause": alert.cause,
            "value": alert.value,
            "unit": alert.unit,
            "limit": alert.limit,
            "text": {"zh": alert.text_zh, "en": alert.text_en},
            "labels": alert.labels,
            "key": alert.key,
        }


def station(places: Names, alert: Transition) -> str:
    """Where an alert is, as people call it."""
    labels = alert.labels
    called = places.of(labels.get("node", ""))
    name = f"{called[0]} " if called is not None else ""
    where = " ".join(labels[key] for key in ("node", "sensor", "lane", "direction") if key in labels)
    return name + (where or alert.kind)


def short_names(fingerprints: Iterable[str]) -> dict[str, str]:
    """The shortest ids, of three letters at least, that tell these alerts apart."""
    known = sorted(set(fingerprints))
    length = next((n for n in range(3, 16) if len({name[:n] for name in known}) == len(known)), 16)
    return {name: f"a-{name[:length]}" for name in known}
