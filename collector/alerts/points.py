"""Transitions as points of the measurement `alerts`, and back: a standby knows from them what fires."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from collector.alerts.book import HISTORY_KEPT_MS, Happened
from collector.alerts.self_watch import TROUBLES
from collector.delivery.halving import write_halving
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.transition import Transition, orphan, transition
from collector.stores.store import Select, Store, Stored, Table
from collector.stores.store import Series as Found

log = logging.getLogger("lamppost.alerts")

MEASUREMENT: Final = "alerts"
_GROUPS: Final = ("rule", "severity", "fingerprint")
_COLUMNS: Final = ("state", "value", "dedup_key", "late", "void", "said_ms")
_STATE, _KEY, _LATE, _VOID, _SAID = 1, 3, 4, 5, 6  # in a row, which begins with its time


def write(store: Store, waiting: list[Happened]) -> bool:
    """Whether the database has them now; what it refuses is said and left out."""
    rows = [row for each in waiting for row in store.render(point(each))]
    said = write_halving(store.write, rows)
    if not isinstance(said, Stored):
        return False
    for reason in set(said.refused.values()):
        log.error("the database refuses a point of an alert, which is in the history all the same: %s", reason)
    return True


def point(happened: Happened) -> Table:
    """A transition as a point, at a place of its own within its millisecond."""
    each, labels = happened.transition, happened.transition.labels
    tags = {
        "site": labels.get("site", ""),
        "rule": each.rule,
        "severity": each.severity,
        "fingerprint": each.fingerprint,
    }
    columns: dict[str, list[Any]] = {
        "state": [each.state],
        "value": [each.value],
        "threshold": [each.limit],
        "node": [labels.get("node")],
        "sensor": [labels.get("sensor")],
        "dedup_key": [each.key],
        "reason": [each.reason or None],
        "who": [each.who or None],
        "late": [int(each.late)],
        "void": [int(each.void)],
        "said_ms": [happened.at_ms],
    }
    whole = frozenset({"late", "void", "said_ms"})
    return Table(MEASUREMENT, tuple(sorted(tags.items())), [each.event_ms], columns, whole, happened.id % 10**6)


def story(store: Store, rules: dict[str, Rule], since_ms: int) -> list[Transition]:
    """What was said and still stands: what fires at `since_ms`, then every change since, in order. Raises StoreDown.

    Two collectors may have said the same: it is here once, and as news if any of them said it as news.
    """
    told: dict[tuple[str, str, int], Transition] = {}
    for series in store.select(Select(MEASUREMENT, _COLUMNS, since_ms, group_by=_GROUPS)):
        for each in _read_all(rules, _standing(series.rows)):
            name = each.key, each.state, each.event_ms
            if name not in told or told[name].late:
                told[name] = each
    return firing(store, rules, since_ms) + sorted(told.values(), key=lambda each: each.event_ms)


def firing(store: Store, rules: dict[str, Rule], at_ms: int) -> list[Transition]:
    """The episodes that fired at a moment, as the database knows them, also those of other rules. Raises StoreDown."""
    question = Select(MEASUREMENT, _COLUMNS, at_ms - HISTORY_KEPT_MS, at_ms, group_by=_GROUPS, latest=True)
    kinds: tuple[dict[str, int], ...] = ({}, {"late": 0, "void": 0}, {"void": 1})
    newest, news, void = (_by_alert(store.select(replace(question, equals=each))) for each in kinds)
    unsure = tuple(
        name
        for name, row in newest.items()
        if (name in void and void[name][_KEY] == row[_KEY]) or _is_history_within(row, news.get(name))
    )
    sure = [(news.get(name), row) for name, row in newest.items() if name not in unsure]
    rows = [row for told, last in sure for row in (told, last) if row is not None and row[_KEY] == last[_KEY]]
    if unsure:  # an earlier one may have taken its place, or go on
        where: dict[str, str | tuple[str, ...]] = {"fingerprint": unsure}
        found = store.select(replace(question, where=where, latest=False))
        rows += [row for series in found for row in _standing(series.rows)]
    return [each for each in last_words(_read_all(rules, rows)).values() if each.state == "firing"]


def last_words(said: Iterable[Transition]) -> dict[str, Transition]:
    """By alert what was said of it last; history within an episode that fires says nothing of that, nor what was news
    when another said it.
    """
    newest: dict[str, Transition] = {}
    for each in said:
        known = newest.get(each.fingerprint)
        fires = known is not None and known.state == "firing" and not known.late
        is_known = known is not None and (known.key != each.key or known.state == each.state)
        if not (each.late and fires and is_known):
            newest[each.fingerprint] = each
    return newest


def _by_alert(found: list[Found]) -> dict[str, list[Any]]:
    """By fingerprint the newest row."""
    return {series.tags["fingerprint"]: series.rows[-1] for series in found if series.rows}


def _is_history_within(row: list[Any], news: list[Any] | None) -> bool:
    """Whether the newest row may be history within an episode of which people know."""
    return news is not None and bool(row[_LATE]) and news[_STATE] == "firing" and news[_KEY] != row[_KEY]


def _standing(rows: list[list[Any]]) -> list[list[Any]]:
    """The rows of one alert whose episode was not taken back."""
    return not_taken_back(rows, _KEY, _VOID, _SAID)


def not_taken_back(rows: list[list[Any]], key: int, void: int, said: int) -> list[list[Any]]:
    """The rows of episodes that were not taken back, or found again since. Given are the places of three cells.

    All of an episode's beginning is of one millisecond, in any order: what was said last counts.
    """
    order = sorted(range(len(rows)), key=lambda at: rows[at][said] or 0)
    backs = {rows[at][key]: turn for turn, at in enumerate(order) if rows[at][void]}
    stands = {at for turn, at in enumerate(order) if turn > backs.get(rows[at][key], -1)}
    return [row for at, row in enumerate(rows) if at in stands]


def _read_all(rules: dict[str, Rule], rows: Iterable[list[Any]]) -> list[Transition]:
    found = (_read(rules, row) for row in rows)
    return [each for each in found if each is not None]


def _read(rules: dict[str, Rule], row: list[Any]) -> Transition | None:
    event_ms, state, value, dedup_key, late, _, _ = row
    if not isinstance(dedup_key, str):
        return None
    name, _, rest = dedup_key.partition("@")
    version, _, rest = rest.partition("|")
    series, _, start = rest.rpartition("|")
    rule = rules.get(name)
    if not start.isdigit() or name in TROUBLES:  # what a collector says of itself is its own
        return None
    if rule is None or rule.version != version:  # of a rule that went, or that means something else here
        return replace(
            orphan(Series.read(series), name, version, [int(start), None, value], rule, event_ms), state=state
        )
    return transition(Series.read(series), rule, int(start), value, state, event_ms, bool(late))
