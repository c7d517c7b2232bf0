"""Rest: while no reading can change what a rule thinks, readings are kept and the windows are left alone.

Feeding a dozen windows costs more than all else that rules do, and on most days nothing comes near a level. So after
its windows were fed a reel asks each of them between which values the next readings may lie without moving its
statistic to a level, however they come. As long as they do, `recent` holds them; with the first that does not, or when
the time is over, they are fed as if they had come now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from collector.numbers.cells import extent
from collector.rules.plan import Watch
from collector.rules.recent import Columns
from collector.rules.track import Track
from collector.rules.window import ANY, NONE, Bounds, Window
from wire.times import MINUTE_MS

REST_MS = 5 * MINUTE_MS
"""How long a reel rests: its readings of so long are kept beside those of the lateness."""
ROWS_MOST = 2_000
"""Readings of one rest: of a series whose interval nobody told, and at most."""


class Rest(NamedTuple):
    """The windows know the readings up to `since_ms`. Those before `until_ms`, at most `room` of them, change nothing
    while each column is one of `columns`, and its values lie between its `bounds` if it has some."""

    since_ms: int
    until_ms: int
    room: int
    columns: frozenset[str]
    bounds: dict[str, Bounds]

    def holds(self, last_ms: int, rows: int, columns: Columns) -> bool:
        """Whether these columns, up to `last_ms`, with `rows` readings since the rest began, change nothing."""
        if last_ms >= self.until_ms or rows > self.room or not columns.keys() <= self.columns:
            return False
        for name, (least, most) in self.bounds.items():
            column = columns.get(name)
            if column is None:
                continue
            found = extent(column)
            if found is not None and not (least < found[0] and found[1] < most):
                return False
        return True


def rest(
    head_ms: int,
    interval_ms: int | None,
    watched: Iterable[tuple[Watch, Window, dict[str, Track]]],
) -> Rest | None:
    """The rest that begins at `head_ms`; None when some window is too near a level."""
    until_ms = head_ms + REST_MS
    room = min(ROWS_MOST, 2 * REST_MS // interval_ms + 2) if interval_ms else ROWS_MOST
    columns: set[str] = set()
    bounds: dict[str, Bounds] = {}
    for watch, window, tracks in watched:
        if window.is_unused:  # most sensors measure a part of what rules know: the first reading of another wakes
            continue
        columns.add(watch.column)
        band = watch.quiet_band(tracks) if tracks else watch.calm
        if band == ANY:
            continue
        found = window.leeway(band, until_ms, room)
        if found == NONE:
            narrow = watch.quiet_band(tracks, window.share_until(until_ms, room, interval_ms))
            found = NONE if narrow == band else window.leeway(narrow, until_ms, room)
        if not found[0] < found[1]:
            return None
        if found != ANY:
            least, most = bounds.get(watch.column, ANY)
            bounds[watch.column] = max(least, found[0]), min(most, found[1])
    return Rest(head_ms, until_ms, room, frozenset(columns), bounds)
