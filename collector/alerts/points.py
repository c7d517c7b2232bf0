"""Transitions as points of the measurement `alerts`, and back: a standby knows from them what fires."""

from __future__ import annotations

from typing import Any, Final

from collector.rules.rule import Rule
from collector.rules.transition import Series, Transition, transition
from collector.stores.store import Select, Store, Table

MEASUREMENT: Final = "alerts"
_COLUMNS: Final = ("state", "value", "dedup_key", "late", "void")
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
    found = store.select(
        Select(
            MEASUREMENT, _COLUMNS, since_ms=now_ms - LOOK_BACK_MS, group_by=("rule", "severity", "fingerprint"),
            latest=True,
        )
    )  # fmt: skip
    said = (_read(rules, row) for series in found for row in series.rows)
    return [each for each in said if each is not None]


def _read(rules: dict[str, Rule], row: list[Any]) -> Transition | None:
    event_ms, state, value, dedup_key, late, void = row
    if state != "firing" or void or not isinstance(dedup_key, str):
        return None
    name, _, rest = dedup_key.partition("@")
    version, _, rest = rest.partition("|")
    series, _, start = rest.rpartition("|")
    rule = rules.get(name)
    if rule is None or rule.version != version or not start.isdigit():
        return None
    return transition(Series.read(series), rule, int(start), value, "firing", event_ms, bool(late))
