"""What one series must compute for the rules that watch it; series watched by the same rules share one plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from collector.rules.rule import Rule, Spec
from collector.rules.series import Series
from collector.rules.track import Track


class Watch:
    """One window and its rules, sorted so that a value is compared with the nearest level, not with every rule."""

    __slots__ = ("above", "below", "calm", "column", "needs", "spec")

    def __init__(self, spec: Spec, rules: Iterable[Rule]) -> None:
        self.spec = spec
        self.column = column_of(spec)
        rules = list(rules)
        self.above = sorted((r for r in rules if r.limit.above), key=lambda r: r.limit.level)
        self.below = sorted((r for r in rules if not r.limit.above), key=lambda r: -r.limit.level)
        self.calm = self.quiet_band({})  # while nothing is raised
        self.needs: list[int] = []  # places of the windows that its rules' second conditions look into

    def conditions(self) -> list[Spec]:
        """The windows of this series that the rules' second conditions look into."""
        seconds = [each for rule in (*self.above, *self.below) for each in (rule.and_, rule.unless)]
        return [each.window.spec for each in seconds if each is not None]

    def raised(self, value: float | None, tracks: dict[str, Track]) -> list[Rule]:
        """The rules without a track whose raise level `value` meets."""
        found: list[Rule] = []
        if value is None:
            return found
        for rule in self.above:
            if rule.limit.level > value:
                break
            if rule.alert not in tracks and rule.limit.met(value):
                found.append(rule)
        for rule in self.below:
            if rule.limit.level < value:
                break
            if rule.alert not in tracks and rule.limit.met(value):
                found.append(rule)
        return found

    def quiet_band(self, tracks: dict[str, Track], share: float = 1.0) -> tuple[float, float]:
        """While the value stays strictly between the two, no rule of this watch changes its state.

        `share` is how much of the window can be there meanwhile: what wants more of it cannot be raised.
        """
        low, high = -math.inf, math.inf
        for rule in self.above:
            if rule.alert not in tracks and rule.complete <= share:
                high = rule.limit.level
                break
        for rule in self.below:
            if rule.alert not in tracks and rule.complete <= share:
                low = rule.limit.level
                break
        for track in tracks.values():
            if track.restless:
                return math.inf, -math.inf
            if track.rule.limit.above:
                low = max(low, track.rule.clear_limit.level)
            else:
                high = min(high, track.rule.clear_limit.level)
        return low, high


class Plan:
    """The watches of a series: `place` tells where each spec stands, `judged` which of them have rules to decide.

    `joined` names the rules that also look elsewhere and are decided there.
    """

    __slots__ = ("_place", "columns", "joined", "judged", "no_tracks", "rules", "watches")

    def __init__(self, rules: Iterable[Rule], needed: Iterable[Spec] = ()) -> None:
        """`needed` are windows that other series' rules look into."""
        by_spec: dict[Spec, list[Rule]] = {}
        joined: set[str] = set()
        for rule in rules:
            assert rule.spec is not None
            own = by_spec.setdefault(_kept(rule.spec), [])
            if rule.joined:
                joined.add(rule.alert)
            else:
                own.append(rule)
            for second in (rule.and_, rule.unless):
                if second is not None and second.kind in (None, rule.kind):
                    by_spec.setdefault(second.window.spec, [])
        for spec in needed:
            by_spec.setdefault(spec, [])
        self.watches = [Watch(spec, watched) for spec, watched in by_spec.items()]
        self.judged = [index for index, watch in enumerate(self.watches) if watch.above or watch.below]
        self.no_tracks: list[dict[str, Track]] = [{}] * len(self.watches)  # of every mark at which nothing is raised
        self._place = {watch.spec: index for index, watch in enumerate(self.watches)}
        for watch in self.watches:
            watch.needs = [self._place[spec] for spec in watch.conditions() if spec in self._place]
        self.columns = {watch.column: watch.spec for watch in self.watches}
        self.joined = joined
        self.rules = {rule.alert: rule for watch in self.watches for rule in (*watch.above, *watch.below)}

    def place(self, spec: Spec) -> int:
        """Where the window of a spec stands among the watches."""
        return self._place[_kept(spec)]


class RuleIndex:
    """Finds the rules that watch a series without asking every rule."""

    def __init__(self, rules: Iterable[Rule], needed: Callable[[str], set[Spec]]) -> None:
        """`needed` names the windows that rules on other kinds want of a kind."""
        self._needed = needed
        self._everywhere: dict[str, list[Rule]] = {}
        self._narrow: dict[str, list[Rule]] = {}
        self._of_node: dict[tuple[str, str], list[Rule]] = {}
        for rule in rules:
            nodes = rule.scope.node
            if rule.scope.everything:
                self._everywhere.setdefault(rule.kind, []).append(rule)
            elif nodes and not any(sign in node for node in nodes for sign in "*?["):
                for node in dict.fromkeys(nodes):
                    self._of_node.setdefault((rule.kind, node), []).append(rule)
            else:
                self._narrow.setdefault(rule.kind, []).append(rule)
        self._plans: dict[tuple[str, ...], Plan | None] = {}

    def plan(self, series: Series, labels: dict[str, str]) -> Plan | None:
        """What a series at a station of these labels must compute; None when no rule watches it."""
        tags, kind = series.labels(), series.kind
        near = (*self._narrow.get(kind, ()), *self._of_node.get((kind, series.node), ()))
        own = [rule for rule in near if rule.scope.holds(tags, labels)]
        name = (kind, *(rule.alert for rule in own))
        if name not in self._plans:
            rules = [*self._everywhere.get(kind, ()), *own]
            needed = self._needed(kind)
            self._plans[name] = Plan(rules, needed) if rules or needed else None
        return self._plans[name]


def _kept(spec: Spec) -> Spec:
    """What is compared with neighbours is the same window as without them."""
    return spec._replace(versus=None) if spec.versus == "neighbours" else spec


def column_of(spec: Spec) -> str:
    """The column a window reads: a quantity's own, or one made of flags or words (see columns.py)."""
    if spec.stat == "suspect":
        return f"suspect:{spec.quantity}"
    return f"{spec.quantity}:{'|'.join(spec.words)}" if spec.words else spec.quantity
