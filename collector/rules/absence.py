"""What is missing: sensors that should report and do not, nodes whose link is down.

A sensor is silent since its newest event time, and never for longer than we have been able to hear it: since it is
expected, since we started, since its node, our own broker link and the database came back, since our clock is right.
While one of these fails nobody can say anything of the sensor, so the dead sensor and the lost node are two different
alerts. Nothing is scanned: each rule and series waits on one deadline.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

from collector.rules.fields import OWN_LINK
from collector.rules.rule import OURS, Rule
from collector.rules.series import Series
from collector.rules.track import TO_PEOPLE, Track, Verdict, step
from collector.rules.transition import Transition, orphan, taken_down, transition

_UP: Final = (True, 0)
STEP_MS: Final = 1_000
"""By less a clock is only corrected."""


class Absences:
    """The `absent` and `offline` rules at work on the expected series and on the links of their nodes."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [rule for rule in rules if rule.spec is None]
        self._watched: dict[Series, dict[str, Rule]] = {}
        self._since: dict[Series, int] = {}  # expected since
        self._seen: dict[Series, int] = {}  # newest event time
        self._links: dict[str, tuple[bool, int]] = {}  # up or down, since when
        self._open: dict[Series, dict[str, Track]] = {}
        self._deadlines: list[tuple[int, Series, str]] = []
        self._due: dict[tuple[Series, str], int] = {}  # the one deadline that counts; the heap may hold older ones
        self._of_node: dict[str, list[Series]] = {}
        self._started_ms: int | None = None
        self._ticked_ms = 0

    def expect(self, inventory: dict[Series, dict[str, str]], now_ms: int) -> list[Transition]:
        """The series that should report, with their stations' labels; the end of alerts on those that went."""
        links = {Series("node_health", s.site, s.node): labels for s, labels in inventory.items()}
        links[Series(OWN_LINK, "", OWN_LINK)] = {}
        self._watched = {}
        for offline, expected in ((False, inventory), (True, links)):
            rules = [rule for rule in self._rules if (rule.offline is not None) == offline]
            for series, labels in expected.items() if rules else ():
                for rule in rules:
                    if rule.kind == series.kind and rule.scope.holds(series.labels(), labels):
                        self._watched.setdefault(series, {})[rule.alert] = rule
                        self._wait(now_ms, series, rule.alert)
        self._of_node = {}
        for series in self._watched:
            self._of_node.setdefault(series.node, []).append(series)
        self._since = {series: self._since.get(series, now_ms) for series in self._watched}
        gone = [
            (s, name) for s, tracks in self._open.items() for name in tracks if name not in self._watched.get(s, ())
        ]
        return [self._end(series, name, now_ms, gone=True) for series, name in gone]

    def saw(self, series: Series, time_ms: int, now_ms: int) -> list[Transition]:
        """A reading of `time_ms` came. What is older than a rule's patience is no sign of life."""
        time_ms = min(time_ms, now_ms)
        if series not in self._watched and series.tags:
            series = series._replace(tags=())  # a lane is heard: its sensor lives
        if time_ms > self._seen.get(series, 0):
            self._seen[series] = time_ms
        if series not in self._open:
            return []
        said: list[Transition] = []
        for name, track in list(self._open[series].items()):
            patience_ms = track.rule.absent
            if patience_ms is not None and time_ms > now_ms - patience_ms:
                if time_ms - track.last_ms > patience_ms:
                    track.clear_ms = None  # silent again meanwhile
                said += self._back(series, name, track, time_ms)
        return said

    def node_state(self, node: str, online: bool, now_ms: int) -> None:
        """A node's link, or one of our own (OURS), is up or down since `now_ms`."""
        if self._links.get(node, (None, 0))[0] == online:
            return
        self._links[node] = (online, now_ms)
        for series in self._watched if node in OURS else self._of_node.get(node, ()):
            for name, rule in self._watched[series].items():
                self._wait(now_ms, series, name)
                track = self._open.get(series, {}).get(name)
                if track is not None and rule.offline is not None and series.node == node:
                    track.clear_ms = now_ms if online else None

    def tick(self, now_ms: int) -> list[Transition]:
        """What has been missing for too long by now, and which links have been back long enough."""
        if self._started_ms is None:
            self._started_ms = now_ms
        if now_ms < self._ticked_ms - STEP_MS:
            self._clock_was_ahead(now_ms)
        self._ticked_ms = now_ms
        said: list[Transition] = []
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            due_ms, series, name = heapq.heappop(self._deadlines)
            rule = self._watched.get(series, {}).get(name)
            if self._due.get((series, name)) == due_ms and rule is not None:
                del self._due[(series, name)]
                said += self._look(series, rule, now_ms)
        return said

    def _clock_was_ahead(self, now_ms: int) -> None:
        """And is set back: what was dated into the future is now at the latest, and every deadline is looked at anew.

        A machine that boots with local time for UTC would miss nobody for all the hours that it was ahead.
        """
        self._started_ms = min(self._started_ms or now_ms, now_ms)
        for times in (self._since, self._seen):
            times.update({series: now_ms for series, time_ms in times.items() if time_ms > now_ms})
        self._links = {node: (up, min(since_ms, now_ms)) for node, (up, since_ms) in self._links.items()}
        self._deadlines, self._due = [], {}
        for series, rules in self._watched.items():
            for name in rules:
                self._wait(now_ms, series, name)
        for series, track in self.alerts():
            if track.clear_ms is not None:
                track.clear_ms = min(track.clear_ms, now_ms)
                self._wait(track.clear_ms + track.rule.keep_firing_for, series, track.rule.alert)

    def alerts(self) -> Iterator[tuple[Series, Track]]:
        """Every alert that fires."""
        return ((series, track) for series, tracks in self._open.items() for track in tracks.values())

    def adopt(self, firing: Iterable[tuple[Series, Track]]) -> None:
        """Go on with the alerts that fire already, and no others; a link that is back by now stays so."""
        self._open = {}
        for series, track in firing:
            self._open.setdefault(series, {})[track.rule.alert] = track
            is_up, since_ms = self._links.get(series.node, (False, 0))
            if track.rule.offline is not None and is_up:
                track.clear_ms = since_ms
                self._wait(since_ms + track.rule.keep_firing_for, series, track.rule.alert)

    def packed(self) -> dict[str, Any]:
        """Links and open alerts as a JSON value. When a sensor was last seen is not kept: a start begins anew."""
        tracks = [
            [str(series), track.rule.alert, track.rule.version, track.packed()] for series, track in self.alerts()
        ]
        return {"links": self._links, "open": tracks}

    def unpack(self, packed: dict[str, Any], now_ms: int) -> list[Transition]:
        """Take the state of `packed`, after expect(); the end of alerts whose rule or series went."""
        said: list[Transition] = []
        for text, name, version, state in packed["open"]:
            series = Series.read(text)
            rule = self._watched.get(series, {}).get(name)
            if rule is None or rule.version != version:
                cause = "absent" if series.sensor else "offline"  # links are of nodes as a whole
                said.append(orphan(series, name, version, state, rule, now_ms, cause))
            else:
                self._open.setdefault(series, {})[name] = Track.unpacked(rule, state)
        self._links = {node: (online, since_ms) for node, (online, since_ms) in packed["links"].items()}
        return said

    def _look(self, series: Series, rule: Rule, now_ms: int) -> list[Transition]:
        """The deadline of a rule and a series has come."""
        track = self._open.get(series, {}).get(rule.alert)
        if track is not None:
            if rule.offline is None or track.clear_ms is None:
                return []
            said = self._back(series, rule.alert, track, now_ms)
            if not said:  # the inventory is looked at more often than that is over
                self._wait(track.clear_ms + rule.keep_firing_for, series, rule.alert)
            return said
        silent_ms = self._silent_since(series, rule)
        if silent_ms is None:
            return []  # a link that changes sets the next deadline
        due_ms = silent_ms + (rule.absent or rule.offline or 0)
        if due_ms > now_ms:
            self._wait(due_ms, series, rule.alert)
            return []
        self._open.setdefault(series, {})[rule.alert] = Track(rule, silent_ms, due_ms, None, due_ms, told=TO_PEOPLE)
        return [transition(series, rule, silent_ms, None, "firing", due_ms)]

    def _silent_since(self, series: Series, rule: Rule) -> int | None:
        """Since when nothing was heard though it could have been; None while all is well, or nobody can tell."""
        own_up, own_since_ms = self._links.get(OWN_LINK, _UP)
        up, since_ms = self._links.get(series.node, _UP)
        if rule.offline is not None:
            hidden = series.node != OWN_LINK and not own_up
            return None if up or hidden else max(since_ms, own_since_ms, self._started_ms or 0)
        ours = [self._links.get(link, _UP) for link in OURS]
        if not up or not all(is_up for is_up, _ in ours):
            return None
        heard_ms = max(since_ms, *(up_since_ms for _, up_since_ms in ours))
        return max(self._started_ms or 0, self._since[series], heard_ms, self._seen.get(series, 0))

    def _back(self, series: Series, name: str, track: Track, time_ms: int) -> list[Transition]:
        """Data or the link are back; after `keep_firing_for` of it the alert is resolved."""
        if step(track, Verdict.CLEAR, time_ms, None, 0) != "resolved":
            return []
        self._wait(time_ms, series, name)
        return [self._end(series, name, time_ms)]

    def _end(self, series: Series, name: str, time_ms: int, gone: bool = False) -> Transition:
        track = self._open[series].pop(name)
        if not self._open[series]:
            del self._open[series]
        if gone:
            return taken_down(series, track.rule, track.start_ms, None, time_ms)
        return transition(series, track.rule, track.start_ms, None, "resolved", time_ms)

    def _wait(self, until_ms: int, series: Series, name: str) -> None:
        self._due[(series, name)] = until_ms
        heapq.heappush(self._deadlines, (until_ms, series, name))
