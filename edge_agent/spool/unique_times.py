"""Unique times: no two readings of a series share one, over restarts and set clocks. Pure.

InfluxDB keeps one of two equal identities; a time that is unique before acceptance loses none (rule R9).
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import inf

from edge_agent import hours
from edge_agent.reading import Reading, Series
from edge_agent.timeline import STEP_MS
from wire.times import HOUR_MS, MINUTE_MS

KNOWN_MAX = 4_096  # times of a series that are remembered: more than an hour of one a second
FORGOTTEN_AT_ONCE = 512
SLICE_MS = 2 * MINUTE_MS  # of what was stamped ahead is looked up at once: it comes into the way of what is stamped now

Between = Callable[[int, int], Iterable[Reading]]
"""Gives the readings of a file of which some are of this time to that one, both included."""


class UniqueTimes:
    """The second reading of one millisecond moves to the next free one.

    Times of a series rise, with two exceptions. A clock that was set back by more than `STEP_MS` is followed, or one
    second of a wrong time would spoil every time after it; what was stamped ahead is then stepped over, as far as it is
    known: the last `KNOWN_MAX` times of each series, those in `used`, and what `between` tells of, a slice at a time.
    And the account of an hour may be older than that of a later hour: moved behind it, it would be taken for the later
    hour's.

    What was given counts from now on; `keep` says that it is on the disk, `take_back` that it is not.
    """

    def __init__(
        self, last_ms: dict[Series, int] | None = None, used: Iterable[Reading] = (), between: Between = lambda *_: ()
    ) -> None:
        self.last_ms: dict[Series, int] = dict(last_ms or {})
        self._recent: dict[Series, array[int]] = {}  # 8 bytes a time; as objects they took five times the memory
        self._given: dict[Series, list[int]] = {}
        self._ahead: dict[Series, set[int]] = {}
        self._between = between
        self._looked_up: tuple[float, float] = (-inf, inf)  # from when to when nothing that is known is missing
        self._latest_ms = 0  # the latest stamp before the clock was set back
        for series, time_ms, _ in used:
            self._remember(series, time_ms)
            if time_ms > self.last_ms.get(series, time_ms):
                self._ahead.setdefault(series, set()).add(time_ms)
                self._latest_ms, self._looked_up = max(self._latest_ms, time_ms), (inf, inf)

    @classmethod
    def restored(
        cls, kept: str | None, sealed: Callable[[], Iterable[Reading]], waiting: Sequence[Reading], between: Between
    ) -> UniqueTimes:
        """Those of a file: what was `packed` at the last seal, the latest readings sealed, what was accepted since; and
        all that is sealed between two times."""
        last_ms = _unpacked(kept)
        if last_ms is None:  # damaged, or of a file that was saved from: the latest that lie here tell it too
            last_ms = {}
            for series, time_ms, _ in chain(sealed(), waiting):
                last_ms[series] = max(time_ms, last_ms.get(series, time_ms))
        last_ms |= {reading.series: reading.time_ms for reading in waiting}
        return cls(last_ms, chain(sealed(), waiting), between)

    def packed(self) -> str:
        """The last time of each series."""
        return json.dumps([[*series, time_ms] for series, time_ms in self.last_ms.items()], separators=(",", ":"))

    def latest_ms(self) -> int:
        """The last time of all; 0 for none."""
        return max(self.last_ms.values(), default=0)

    def unique(self, reading: Reading) -> Reading:
        """The reading, at a time that no other of its series has; of an account, in its hour."""
        series, time_ms, _ = reading
        last = self.last_ms.get(series)
        if last is not None and time_ms <= last:
            if series.kind == hours.KIND and _is_of_an_hour_before(time_ms, last):
                while time_ms in self._recent.get(series, ()) or time_ms in self._given.get(series, ()):
                    time_ms -= 1  # not into the next hour
                self._given.setdefault(series, []).append(time_ms)
                return reading._replace(time_ms=time_ms)
            if last - time_ms > STEP_MS:
                self._step_back(series, time_ms)
            else:
                time_ms = last + 1
        if not self._looked_up[0] <= time_ms <= self._looked_up[1]:
            self._look_up(time_ms)
        ahead = self._ahead.get(series, ())
        while time_ms in ahead:
            time_ms += 1
        self.last_ms[series] = time_ms
        self._given.setdefault(series, []).append(time_ms)
        return reading if time_ms == reading.time_ms else reading._replace(time_ms=time_ms)

    def keep(self) -> None:
        """What was given is on the disk."""
        for series, times in self._given.items():
            for time_ms in times:
                self._remember(series, time_ms)
        self._given.clear()

    def take_back(self, last_ms: dict[Series, int]) -> None:
        """What was given is not on the disk: the last times are these again, and it may be given again."""
        self.last_ms = last_ms
        self._given.clear()

    def _remember(self, series: Series, time_ms: int) -> None:
        recent = self._recent.get(series)
        if recent is None:
            recent = self._recent[series] = array("q")
        recent.append(time_ms)
        if len(recent) >= KNOWN_MAX + FORGOTTEN_AT_ONCE:
            del recent[:FORGOTTEN_AT_ONCE]

    def _look_up(self, time_ms: int) -> None:
        """What was stamped ahead from this time on, as far as it lies in the file: memory may know its end alone."""
        until_ms = time_ms + SLICE_MS
        self._ahead = {series: {t for t in ahead if t >= time_ms} for series, ahead in self._ahead.items()}
        for series, stamp, _ in self._between(time_ms, until_ms):
            self._ahead.setdefault(series, set()).add(stamp)
        self._looked_up = time_ms, until_ms if until_ms <= self._latest_ms else inf

    def _step_back(self, series: Series, time_ms: int) -> None:
        if time_ms < self._looked_up[0] or self._looked_up[1] == inf:
            self._latest_ms = max(self._latest_ms, self.latest_ms())
            self._looked_up = inf, inf
        known = {*self._ahead.get(series, ()), *self._recent.get(series, ()), *self._given.get(series, ())}
        self._ahead[series] = set(sorted(stamp for stamp in known if stamp >= time_ms)[:KNOWN_MAX])


def _unpacked(text: str | None) -> dict[Series, int] | None:
    """The way back from `packed`; None when nothing was written, or the disk has changed it."""
    try:
        return {
            Series(sensor, kind, tuple((k, v) for k, v in tags), profile): int(time_ms)
            for sensor, kind, tags, profile, time_ms in json.loads(text or "")
        }
    except (ValueError, TypeError):
        return None


def _is_of_an_hour_before(time_ms: int, last_ms: int) -> bool:
    """One that was just closed; an account further back was told under a clock that has been set back since."""
    return 0 < last_ms // HOUR_MS - time_ms // HOUR_MS <= 2
