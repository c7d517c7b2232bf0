"""Alerts as pages list them: in which order, what is one entry, and how many. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from collector.rules.rule import SEVERITIES
from collector.web.readings import View
from collector.web.site import AlertView

_STATES = {"firing": 0, "pending": 1, "resolved": 2}
HEAP_MIN, HEAP_MAX = 3, 200
ALERTS_FIRST, ALERTS_MAX = 4, 50
"""Entries that stand on a page at once, and at most when it is opened: the stations are what people came for."""
WALL_ALERTS_MAX = 3
DESK_ALERTS_MAX = 200  # a thousand are 2.4 MB, renewed every second or two
_WORST_FIRST = SEVERITIES[::-1]


def pressing(views: Sequence[View], alerts: Sequence[AlertView]) -> list[View]:
    """Stations that need somebody first: where an alert fires, the severest first."""
    worst: dict[str, int] = {}
    for alert in alerts:
        if alert.state == "firing":
            worst[alert.node] = min(_severity(alert), worst.get(alert.node, len(_WORST_FIRST)))
    return sorted(views, key=lambda view: worst.get(view.station.node, len(_WORST_FIRST) + 1))


def sort_alerts(alerts: Sequence[AlertView]) -> list[AlertView]:
    """Firing first, then the severest, then the newest."""

    def rank(alert: AlertView) -> tuple[int, int, int]:
        return _STATES[alert.state], _severity(alert), -alert.since_ms

    return sorted(alerts, key=rank)


def _severity(alert: AlertView) -> int:
    return _WORST_FIRST.index(alert.severity) if alert.severity in _WORST_FIRST else len(_WORST_FIRST)


def told_once(alerts: Sequence[AlertView]) -> list[tuple[AlertView, int]]:
    """What is said of a station in the same words is said once, with the highest value and how often it was."""
    told: dict[tuple[str, str, str, str], list[AlertView]] = {}
    for alert in alerts:
        told.setdefault((alert.state, alert.severity, alert.node, alert.text_zh), []).append(alert)
    return [
        (max(same, key=lambda one: -math.inf if one.value is None else one.value), len(same)) for same in told.values()
    ]


def entries(alerts: Sequence[AlertView]) -> list[list[tuple[AlertView, int]]]:
    """The entries of a list of alerts: one a station, but one for all where a rule has several, their highest first.

    When dust comes over a city, that is one thing that happens, and not forty.
    """
    rules: dict[tuple[str, str, str], list[tuple[AlertView, int]]] = {}
    for one, often in told_once(alerts):
        rules.setdefault((one.state, one.severity, one.rule), []).append((one, often))
    found: list[list[tuple[AlertView, int]]] = []
    for told in rules.values():
        if len({one.node for one, _ in told}) >= HEAP_MIN:
            found.append(sorted(told, key=lambda each: -math.inf if each[0].value is None else -each[0].value))
        else:
            found += [[each] for each in told]
    return found


def heaps(alerts: Sequence[AlertView]) -> list[list[AlertView]]:
    """Firing alerts of one rule each that nobody has, or one person, where these are several: first what nobody has."""
    found: dict[tuple[str, str | None], list[AlertView]] = {}
    for alert in sorted(alerts, key=lambda one: one.attention != "open"):
        if alert.attention in ("open", "acked"):
            found.setdefault((alert.rule, alert.acked_by), []).append(alert)
    return [some[:HEAP_MAX] for some in found.values() if len(some) >= HEAP_MIN]


def on_desk(alerts: Sequence[AlertView]) -> list[AlertView]:
    """The alerts that the desk lists: first those that nobody has, as `lamppost alerts` does; not all of too many."""
    return sorted(alerts, key=lambda one: one.attention != "open")[:DESK_ALERTS_MAX]


def next_open(alerts: Sequence[AlertView], done: AlertView) -> AlertView:
    """Where an operator goes on: what nobody has follows in the desk's list, or comes before; else it stays."""
    listed = [one for one in sort_alerts(alerts) if one.attention == "open"]
    at = next((n for n, one in enumerate(listed) if one.fingerprint == done.fingerprint), None)
    return done if at is None else (listed[at + 1 :] + listed[:at][-1:] + [done])[0]
