"""Stored rows as the rules see them: for the catch-up after a restart, for back-tests and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from collector.numbers import flags
from collector.numbers.indices import NA
from collector.rules import derived
from collector.rules.fields import INDEX_KIND
from collector.rules.recent import Columns
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.stores.store import Select, Store
from collector.stores.store import Series as Found
from wire.quantities import KINDS, ROLLUPS
from wire.times import HOUR_MS, MINUTE_MS

SLICE_MS: Final = 10 * MINUTE_MS
LONG_MS: Final = 2 * HOUR_MS
_INDEX_TAGS: Final = ("edition", "period", "standard")


def columns_of(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """By measurement, the columns that these rules read."""
    wanted: dict[str, dict[str, None]] = {}
    for rule in rules:
        if rule.spec is not None:
            wanted.setdefault(rule.kind, {})[rule.spec.quantity] = None
        for second in (rule.and_, rule.unless):
            if second is not None:
                wanted.setdefault(second.kind or rule.kind, {})[second.window.spec.quantity] = None
        if rule.absent is not None:
            wanted.setdefault(rule.kind, {})
    return {kind: tuple(dict.fromkeys((*names, *_extras(kind)))) for kind, names in wanted.items() if names}


def since(
    store: Store, rules: Iterable[Rule], since_ms: int, until_ms: int
) -> Iterator[tuple[Series, list[int], Columns]]:
    """What came since then: hours, days and indices came long after the time they are stamped with."""
    for kind, names in columns_of(rules).items():
        for start_ms, end_ms in _filled(store, kind, names, since_ms - derived.reach_ms(kind), until_ms):
            yield from rows(store, {kind: names}, start_ms, end_ms)


def _filled(store: Store, kind: str, names: tuple[str, ...], since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """The parts of a span that hold rows: of one in which a collector was off for months nearly all are empty."""
    if until_ms - since_ms <= LONG_MS:
        yield since_ms, until_ms
        return
    question = Select(kind, names, since_ms, until_ms, aggregate="count", every_ms=HOUR_MS)
    hours = {hour_ms for found in store.select(question) for hour_ms, *counts in found.rows if any(counts)}
    for hour_ms in sorted(hours):
        yield max(hour_ms, since_ms), min(hour_ms + HOUR_MS, until_ms)


def rows(
    store: Store,
    columns: dict[str, tuple[str, ...]],
    since_ms: int,
    until_ms: int,
    slice_ms: int = SLICE_MS,
    node: str | None = None,
) -> Iterator[tuple[Series, list[int], Columns]]:
    """Rows of [since, until), each series in order of time and all of them roughly so. Raises StoreDown."""
    for start_ms in range(since_ms, until_ms, slice_ms):
        end_ms = min(start_ms + slice_ms, until_ms)
        for kind, names in columns.items():
            where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
            question = Select(kind, names, start_ms, end_ms, where, group_by=tags_of(kind))
            yield from (_columns(kind, names, found) for found in store.select(question) if found.rows)


def _columns(kind: str, names: tuple[str, ...], found: Found) -> tuple[Series, list[int], Columns]:
    """A series of the database as the rules take it."""
    times, *cells = map(list, zip(*found.rows, strict=True))
    columns: Columns = dict(zip(names, cells, strict=True))
    if kind == INDEX_KIND:
        _leave_out_unpublished(columns)
    return Series.of(kind, {key: value for key, value in found.tags.items() if value}), times, columns


def tags_of(kind: str) -> tuple[str, ...]:
    """The tags of a measurement, roll-ups and the index included."""
    base = next((kind.removesuffix(end) for end in ROLLUPS if kind.endswith(end)), kind)
    own = _INDEX_TAGS if kind == INDEX_KIND else KINDS[base].tags if base in KINDS else ()
    return ("site", "node", "sensor", *own)


def _extras(kind: str) -> tuple[str, ...]:
    if kind == INDEX_KIND:
        return ("category",)
    return (flags.COLUMN, "duration_s") if kind == "traffic_flow" else (flags.COLUMN,)


def _leave_out_unpublished(told: Columns) -> None:
    """An index that became NA has no number, though the database keeps that of before."""
    if "value" in told:
        told["value"] = [
            None if word == NA else value for word, value in zip(told["category"], told["value"], strict=True)
        ]
