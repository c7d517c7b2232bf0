"""The windows that are open now: readings at the head of their series fill a minute and an hour in memory. Pure.

A window is *whole* when every reading it holds came in order through here. Only whole windows are closed from memory;
of any other it is said when its hour is due to be computed from the database. A window that began before its series
was first seen here cannot be whole: an earlier life of the collector may have stored a part of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from collector.numbers import flags
from collector.numbers.means import Means
from collector.numbers.window_book import LIVE, Key
from collector.numbers.windows import (
    Fold,
    fold,
    has_minutes,
    hour_of,
    minute,
    with_completeness,
)
from collector.stores.store import Table
from wire.check import FUTURE_MS
from wire.times import HOUR_MS, MINUTE_MS

Windows = dict[int, dict[str, Any]]
"""Start of window to its fields."""

GRACE_MS: Final = 2 * MINUTE_MS
"""How long after its end an hour waits for readings that are on their way; as long as the rules wait."""
SETTLE_MS: Final = 15_000
"""How long after a late reading its hour is computed anew: more of them follow."""
FORGET_MS: Final = 26 * HOUR_MS


class _Open:
    """The open minute and hour of one series, seen since `since_ms`; hours before `done_ms` are closed.

    `is_entered`: the book says that the hour is owed to the database.
    """

    __slots__ = (
        "done_ms",
        "hour",
        "hour_ms",
        "is_entered",
        "last_ms",
        "minute",
        "minute_ms",
        "since_ms",
        "touched_ms",
        "whole",
    )

    def __init__(self, now_ms: int) -> None:
        self.since_ms = now_ms
        self.touched_ms = now_ms
        self.last_ms = 0
        self.done_ms = 0
        self.minute: Means | None = None
        self.minute_ms = 0
        self.hour: Fold | None = None
        self.hour_ms = 0
        self.whole = False
        self.is_entered = False


class OpenWindows:
    """All open windows. `minutes` and `hours` hold what was closed, `due` when the other hours are to be computed."""

    def __init__(self, zone_of: Callable[[Key], ZoneInfo]) -> None:
        self.minutes: dict[Key, Windows] = defaultdict(dict)
        self.hours: dict[Key, Windows] = defaultdict(dict)
        self.due: dict[tuple[Key, int], int] = {}
        self._zone_of = zone_of
        self._open: dict[Key, _Open] = {}

    def take(self, table: Table, now_ms: int) -> None:
        """Readings of one series, times rising, that are in the database."""
        key = (table.measurement, table.tags)
        open_ = self._open.get(key)
        if open_ is None:
            open_ = self._open[key] = _Open(now_ms)
        open_.since_ms, open_.touched_ms = min(open_.since_ms, now_ms), now_ms  # the clock may have been ahead
        times = table.times_ms
        first = bisect_right(times, open_.last_ms)
        if first:
            self.late(key, times[:first], now_ms)
        if first == len(times):
            return
        columns = without_failed(table.columns)
        while first < len(times):
            first = self._fill(key, open_, columns, times, first, now_ms)
        open_.last_ms = times[-1]

    def late(self, key: Key, times_ms: Iterable[int], now_ms: int) -> None:
        """Readings that are not at the head of their series, or have changed: their hours are due anew."""
        zone = self._zone_of(key)
        for hour_ms in {hour_of(time_ms, zone) for time_ms in times_ms}:
            self.due[key, hour_ms] = now_ms + SETTLE_MS
            self.spoil(key, hour_ms)

    def spoil(self, key: Key, hour_ms: int) -> None:
        """What memory holds of this hour is not what the database holds: it is not to be closed from memory."""
        closed = self.hours.get(key)
        if closed is not None and closed.pop(hour_ms, None) is not None and not closed:
            del self.hours[key]
        open_ = self._open.get(key)
        if open_ is not None and open_.hour is not None and open_.hour_ms == hour_ms:
            open_.whole = False
            open_.minute = None

    def computed(self, key: Key, hour_ms: int) -> None:
        """This hour, which is over, stands in the database as far as it came; a backlog of it may go on."""
        open_ = self._open.get(key)
        if open_ is not None and open_.hour_ms == hour_ms:
            open_.is_entered = False

    def close_idle(self, now_ms: int) -> list[Key]:
        """Close hours that are over although no later reading came; returns the series that are forgotten."""
        forgotten = []
        for key, open_ in self._open.items():
            open_.touched_ms = min(open_.touched_ms, now_ms)
            silent_ms = now_ms - open_.touched_ms
            if open_.hour is not None and silent_ms >= SETTLE_MS and now_ms >= open_.hour_ms + HOUR_MS + GRACE_MS:
                self._close_hour(key, open_)
            if open_.hour is None and silent_ms >= FORGET_MS:
                forgotten.append(key)
        for key in forgotten:
            del self._open[key]
        return forgotten

    def _fill(
        self, key: Key, open_: _Open, columns: dict[str, list[Any]], times: list[int], first: int, now_ms: int
    ) -> int:
        """Put the rows of one minute (of traffic: of one hour) into the open window; returns the row behind them."""
        time_ms = times[first]
        if open_.hour is None or time_ms >= open_.hour_ms + HOUR_MS:
            self._close_hour(key, open_)
            self._open_hour(key, open_, time_ms)
        elif not open_.is_entered:
            self.due[key, open_.hour_ms], open_.is_entered = now_ms + SETTLE_MS, True
        assert open_.hour is not None
        if not has_minutes(key[0]):
            end = bisect_left(times, open_.hour_ms + HOUR_MS, first)
            open_.hour.readings(columns, first, end)
            return end
        if time_ms >= open_.minute_ms + MINUTE_MS:
            self._close_minute(key, open_)
            open_.minute_ms = time_ms - time_ms % MINUTE_MS
            is_whole = open_.minute_ms >= max(open_.since_ms, open_.done_ms)
            open_.minute = minute(key[0]) if is_whole else None
        end = bisect_left(times, open_.minute_ms + MINUTE_MS, first)
        if open_.minute is not None:
            open_.minute.readings(columns, first, end)
        return end

    def _open_hour(self, key: Key, open_: _Open, time_ms: int) -> None:
        open_.hour, open_.hour_ms = fold(key[0]), hour_of(time_ms, self._zone_of(key))
        open_.whole = open_.hour_ms >= max(open_.since_ms + FUTURE_MS, open_.done_ms)
        self.due[key, open_.hour_ms] = LIVE if open_.whole else open_.hour_ms + HOUR_MS + GRACE_MS
        open_.is_entered = True

    def _close_minute(self, key: Key, open_: _Open) -> None:
        if open_.minute is not None:
            fields = self.minutes[key][open_.minute_ms] = open_.minute.fields()
            if isinstance(open_.hour, Means):
                open_.hour.minute(open_.minute, fields)
        open_.minute = None

    def _close_hour(self, key: Key, open_: _Open) -> None:
        """The open hour is over: whole, it is closed from memory; else it is due from the database."""
        if open_.hour is None:
            return
        self._close_minute(key, open_)
        if open_.whole:
            self.hours[key][open_.hour_ms] = hour_fields(key[0], open_.hour)
        else:
            self.due[key, open_.hour_ms] = 0
        open_.done_ms = open_.hour_ms + HOUR_MS
        open_.hour = None


def hour_fields(kind: str, hour: Fold) -> dict[str, Any]:
    """What is stored of an hour."""
    return with_completeness(kind, hour.fields(), hour.n, HOUR_MS, MINUTE_MS)


def without_failed(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The columns with None where a field failed; suspect values stay."""
    failed = flags.rows_of(columns.get(flags.COLUMN))
    if not failed:
        return columns
    out = dict(columns)
    for name, rows in failed.items():
        if name in out:
            out[name] = [None if row in rows else value for row, value in enumerate(out[name])]
    return out
