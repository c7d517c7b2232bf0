"""How the rules catch up from the database: after a restart, or when another collector has worked (decision 60)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from collector.alerts import points, stored
from collector.alerts.watch import WARM_UP_MS, Watch
from collector.rules import derived
from collector.rules.lateness import LATENESS_MS
from collector.rules.notification import group_of
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.transition import Transition, orphan

log = logging.getLogger("lamppost.alerts")


def replay(watch: Watch, now_ms: int) -> None:
    """Give the rules what they have not seen in the life before, as far as their heads do not know it.

    Raises StoreDown.
    """
    since_ms = max(watch.unseen_since_ms, watch.engine.oldest_head_ms() or 0) - LATENESS_MS
    count, end_ms = 0, now_ms + LATENESS_MS
    for series, times, cells in stored.since(watch.store, watch.rules.values(), since_ms, end_ms):
        head_ms = watch.engine.head_ms(series)
        first = 0
        if head_ms:
            first = next((row for row, t in enumerate(times) if t >= head_ms - LATENESS_MS), len(times))
        if first < len(times):
            count += len(times) - first
            watch.look(series, times[first:], {name: column[first:] for name, column in cells.items()}, now_ms)
    log.info("the rules have caught up over %d rows", count)


def take_over(watch: Watch, since_ms: int, now_ms: int) -> list[Transition]:
    """Go on where another collector stopped: what was said and stands, since `since_ms` or longer. Raises StoreDown.

        ... windows fill | what fires is known from `alerts`, and goes on under its key
        ------------------|--- sure ---- now --->  event time
                               `--------- what was said of these rows may have to be corrected: a late one may come, and
                                          of the last the other may have said nothing

    Hours, days and indices come later than they are stamped, and are looked at from so much earlier.
    """
    engine, store, rules, sure_ms = watch.engine, watch.store, watch.rules.values(), now_ms - LATENESS_MS
    warm_ms = min(WARM_UP_MS, max(map(_warm_ms, rules), default=0))
    reach_ms = max(map(derived.reach_ms, engine.kinds), default=0)
    story = points.story(store, watch.rules, min(since_ms, sure_ms - warm_ms - reach_ms))

    def decides_ms(each: Transition) -> int:
        """From when on rows decide; what is not decided from rows stands as it was said."""
        rule = watch.rules.get(each.rule)
        by_rows = rule is not None and rule.spec is not None and not rule.joined
        return sure_ms - derived.reach_ms(each.kind) if by_rows else now_ms + 1

    engine.forget_readings()
    engine.adopt(firing_at(story, lambda each: min(decides_ms(each), sure_ms) - warm_ms))
    for kind, names in stored.columns_of(rules).items():
        start_ms = sure_ms - derived.reach_ms(kind)
        for first_ms in range(start_ms - warm_ms, start_ms, stored.SLICE_MS):
            for rows in stored.rows(store, {kind: names}, first_ms, min(first_ms + stored.SLICE_MS, start_ms)):
                watch.look(*rows, now_ms)
            watch.learn(now_ms)
    engine.adopt(firing_at(story, decides_ms), [each for each in story if each.event_ms >= decides_ms(each)])
    for kind, names in stored.columns_of(rules).items():
        start_ms, end_ms = sure_ms - derived.reach_ms(kind), now_ms + LATENESS_MS
        for rows in stored.rows(store, {kind: names}, start_ms, end_ms, end_ms - start_ms):
            watch.look(*rows, now_ms)
    return story


def turns_ms(story: Iterable[Transition], group_ms: int) -> list[int]:
    """Until when each of these may have waited to be told: what follows in a group waits for the group's next turn."""
    goes_ms: dict[str, int] = {}  # of the last news of a group
    found = []
    for each in story:
        group = group_of(each)
        waits = group in goes_ms and each.event_ms < goes_ms[group] + group_ms
        goes_ms[group] = each.event_ms + group_ms * waits
        found.append(goes_ms[group])
    return found


def firing_at(story: Sequence[Transition], at_ms: Callable[[Transition], int]) -> list[Transition]:
    """What fires by those parts of a story that are older than a moment of their own."""
    newest = points.last_words(each for each in story if each.event_ms < at_ms(each))
    return [each for each in newest.values() if each.state == "firing"]


def orphans(story: Sequence[Transition], rules: dict[str, Rule], now_ms: int) -> list[Transition]:
    """The end of what another collector told by rules that are not the same here: nobody else would tell it."""
    ends = []
    for each in firing_at(story, lambda _: now_ms + 1):
        rule = rules.get(each.rule)
        if rule is None or rule.version != each.version:
            track = [each.start_ms, None, each.value]
            ends.append(orphan(Series.of(each.kind, each.labels), each.rule, each.version, track, rule, now_ms))
    return ends


def _warm_ms(rule: Rule) -> int:
    """How far back a reading decides on a rule's state."""
    return rule.for_ + rule.keep_firing_for + (rule.window.over if rule.window is not None else 0)
