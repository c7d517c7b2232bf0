"""Transitions as points of the measurement `alerts`, and back: a standby knows from them what fires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from collector.rules.rule import Rule
from collector.rules.transition import Series, Transition, transition
from collector.stores import store as stores
from collector.stores.store import Select, Store, Table

MEASUREMENT: Final = "alerts"
_COLUMNS: Final = ("state", "value", "dedup_key", "late", "void")
_KEY: Final = 3  # in a row, which begins with its time
_VOID: Final = 5
LOOK_BACK_MS: Final = 400 * 86_400_000


def point(each: Transition, number: int) -> Table:
    """A transition as a point, at a place of its own within its millisecond."""
    labels = each.labels
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
    }
    whole = frozenset({"late", "void"})
    return Table(MEASUREMENT, tuple(sorted(tags.items())), [each.event_ms], columns, whole, number % 10**6)


def told_between(store: Store, since_ms: int, until_ms: int) -> set[tuple[str, str]]:
    """Key and state of every transition that was stored of that time. Raises StoreDown."""
    columns = ("dedup_key", "state")
    found = store.select(Select(MEASUREMENT, columns, since_ms, until_ms, group_by=("fingerprint",)))
    return {(row[1], row[2]) for series in found for row in series.rows}


def firing(store: Store, rules: dict[str, Rule], now_ms: int) -> list[Transition]:
    """The episodes that still fire as the database knows them. Raises StoreDown.

    A rule that means something else by now has other keys; its old episodes are not found again.
    """
    groups, since_ms = ("rule", "severity", "fingerprint"), now_ms - LOOK_BACK_MS
    newest = store.select(Select(MEASUREMENT, _COLUMNS, since_ms, group_by=groups, latest=True))
    taken_back = tuple(series.tags["fingerprint"] for series in newest if series.rows and series.rows[-1][_VOID])
    rows = [row for series in newest for row in series.rows if not row[_VOID]]
    if taken_back:
        where: dict[str, str | tuple[str, ...]] = {"fingerprint": taken_back}
        rows += _standing(store.select(Select(MEASUREMENT, _COLUMNS, since_ms, where=where, group_by=groups)))
    said = (_read(rules, row) for row in rows)
    return [each for each in said if each is not None]


def _standing(found: Iterable[stores.Series]) -> Iterator[list[Any]]:
    """The newest row of each group whose episode was not taken back: an earlier one may have taken its place."""
    for series in found:
        void = {row[_KEY] for row in series.rows if row[_VOID]}
        yield from [row for row in series.rows if row[_KEY] not in void][-1:]


def _read(rules: dict[str, Rule], row: list[Any]) -> Transition | None:
    event_ms, state, value, dedup_key, late, _ = row
    if state != "firing" or not isinstance(dedup_key, str):
        return None
    name, _, rest = dedup_key.partition("@")
    version, _, rest = rest.partition("|")
    series, _, start = rest.rpartition("|")
    rule = rules.get(name)
    if rule is None or rule.version != version or not start.isdigit():
        return None
    return transition(Series.read(series), rule, int(start), value, "firing", event_ms, bool(late))
