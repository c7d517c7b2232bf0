"""How the rules catch up from the database: after a restart, or when another collector has worked (decision 60)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from collector.alerts import points, stored
from collector.rules import derived
from collector.rules.engine import Engine
from collector.rules.recent import Columns
from collector.rules.rule import Rule
from collector.rules.transition import Series, Transition
from collector.stores.store import Store

log = logging.getLogger("lamppost.alerts")

WARM_UP_MS: Final = 24 * 3_600_000
Look = Callable[[Series, list[int], Columns, int], None]
"""Gives the rules rows of one series, with the time of now."""


class TakenOver(NamedTuple):
    """What the database knows of episodes: those that fire, and changes that nobody may have told since `unsure_ms`."""

    firing: list[Transition]
    untold: list[Transition]
    unsure_ms: int


def replay(engine: Engine, store: Store, rules: Sequence[Rule], since_ms: int, look: Look, now_ms: int) -> None:
    """Give the rules what they have not seen: what came since then, as far as their heads do not know it.

    Raises StoreDown.
    """
    lateness_ms = engine.lateness_ms
    since_ms = max(since_ms, engine.oldest_head_ms() or 0) - lateness_ms
    count, end_ms = 0, now_ms + lateness_ms
    for series, times, cells in stored.since(store, rules, since_ms, end_ms):
        head_ms = engine.head_ms(series)
        first = 0
        if head_ms:
            first = next((row for row, t in enumerate(times) if t >= head_ms - lateness_ms), len(times))
        if first < len(times):
            count += len(times) - first
            look(series, times[first:], {name: column[first:] for name, column in cells.items()}, now_ms)
    log.info("the rules have caught up over %d rows", count)


def take_over(engine: Engine, store: Store, rules: Sequence[Rule], look: Look, now_ms: int) -> TakenOver:
    """What fires, as the database knows it, goes on under its keys. Raises StoreDown.

    Windows fill from the last day's readings; of what these say, people hear what nobody has told them yet.
    """
    lateness_ms = engine.lateness_ms
    reach_ms = min(WARM_UP_MS, max((rule.window.over for rule in rules if rule.window), default=0))
    since_ms = now_ms - reach_ms - lateness_ms
    for series, times, cells in stored.since(store, rules, since_ms, now_ms + lateness_ms):
        look(series, times, cells, now_ms)
    unsure_ms = now_ms - lateness_ms  # the other may have died before it told
    oldest_ms = since_ms - max(map(derived.reach_ms, engine.kinds), default=0)
    known = points.told_between(store, oldest_ms, unsure_ms)
    firing = points.firing(store, {rule.alert: rule for rule in rules}, now_ms)
    open_ones = {each.fingerprint for each in firing}
    untold = [
        each
        for each in engine.tick(now_ms)
        if not each.late
        and (each.key, each.state) not in known
        and (each.state == "resolved" or each.fingerprint not in open_ones)
    ]
    engine.adopt(firing)
    return TakenOver(firing, untold, unsure_ms)
