"""Vehicles as a card tells them: windows, and the hour that they make, fit for the public. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from collector.web.privacy import FEW, WINDOW_MS, Masked, mask, rough, told_until
from wire.times import HOUR_MS

Row = list[Any]
"""An interval of one lane: [time, count, heavy, speed, duration], and perhaps more."""
USUAL: Final = {"count": 3, "heavy_count": 2}
"""What a window counts as that hides so many in an hour of others: about as many as there are, as a rule."""
_AT: Final = {"count": 1, "heavy_count": 2}
_SPEED: Final = 3


class Window(NamedTuple):
    """Vehicles of all lanes in five minutes, and for how many seconds of them somebody counted."""

    start_ms: int
    told: Masked
    counted_s: float
    in_part: bool  # an interval or more is missing, and a tenth of the window


@dataclass(frozen=True, slots=True)
class Traffic:
    """Vehicles of all lanes over the last hour of whole windows, already fit for the public."""

    hour: Masked  # count, heavy_count, speed_tms_kmh, flow_vph
    windows: list[Window]
    latest_ms: int
    interval_ms: int = 0  # the longest; 0 where nobody says how long

    @property
    def minutes(self) -> int:
        """Of the hour, in which somebody counted; 0 where nobody says how long."""
        return round(sum(window.counted_s for window in self.windows) / 60)


def traffic(rows: list[Row], now_ms: int) -> Traffic | None:
    """Sum rows of [time, count, heavy, speed, duration] of all lanes, by window and over an hour; None without any.

    The hour is that of the windows told: one that moved with the clock would tell each interval that enters it.
    """
    counted = [row for row in rows if row[1] is not None]
    until_ms = told_until(now_ms)
    windows = by_window(row for row in counted if until_ms - HOUR_MS <= row[0] < until_ms)
    if not windows:
        return None
    latest_ms = max(row[0] + int(1000 * (row[4] or 0)) for row in counted)
    return Traffic(
        hour(windows),
        [_window(start_ms, some) for start_ms, some in sorted(windows.items())],
        min(latest_ms, now_ms),
        int(1000 * max(row[4] or 0 for row in counted)),
    )


def by_window(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Intervals by the beginning of the window that they are told in."""
    windows: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        windows[row[0] // WINDOW_MS * WINDOW_MS].append(row)
    return windows


def _window(start_ms: int, rows: list[Row]) -> Window:
    lengths = _lengths(rows)
    counted_s = sum(lengths)
    missing_s = WINDOW_MS / 1000 - counted_s if counted_s else 0.0  # nobody knows how long
    in_part = missing_s >= max(0.9 * max(lengths), WINDOW_MS / 10_000)  # intervals need not end where windows do
    return Window(start_ms, total(rows), counted_s, in_part)


def hour(windows: Mapping[int, list[Row]]) -> Masked:
    """An hour that goes on from window to window, each of which is told as well.

    Where most of them are told, twelve such hours in a row would tell what another hides, rounded as they are: there
    each that is hidden counts as the same few. Where most are hidden their sum gives none of them away.
    """
    hidden = {start_ms: total(rows).hidden for start_ms, rows in windows.items()}
    few = {name: {start for start, names in hidden.items() if name in names} for name in USUAL}
    rows: list[Row] = []
    for start_ms, found in windows.items():
        for name, starts in few.items():
            if start_ms in starts and 2 * len(starts) <= len(windows):
                found = _instead(found, name)
        rows += found
    return rough(total(rows))


def _instead(rows: list[Row], name: str) -> list[Row]:
    """A window's intervals with the usual number of what it hides; of hidden vehicles nobody knows the speed."""
    at, left, found = _AT[name], USUAL[name], []
    for row in rows:
        told = list(row)
        if row[at] is not None:
            told[at], left = left, 0
        if name == "count":
            told[_SPEED] = None
        found.append(told)
    return found


def total(rows: list[Row]) -> Masked:
    """Vehicles of several intervals as one row, masked."""
    return mask(summed(rows))


def summed(rows: list[Row]) -> dict[str, Any]:
    """Vehicles of several intervals as one row: counts summed, speed weighted by vehicles, flow over the time counted.

    The time counted is that of the intervals' starts, once each: two lanes counting side by side count one time. The
    speed of a few, such as the one vehicle that a radar saw beside a lane of a lidar's, is nearly that of one.
    """
    count = sum(row[1] for row in rows)
    heavy = [row[2] for row in rows if row[2] is not None]
    timed = [(row[1], row[3]) for row in rows if row[3] is not None and row[1]]
    vehicles = sum(number for number, _ in timed)
    seconds = sum(_lengths(rows))
    timed_count = sum(row[1] for row in rows if row[4])
    return {
        "count": count,
        "heavy_count": sum(heavy) if heavy else None,
        "speed_tms_kmh": sum(number * speed for number, speed in timed) / vehicles if vehicles >= FEW else None,
        "flow_vph": timed_count * 3600 / seconds if seconds else None,
    }


def _lengths(rows: list[Row]) -> list[float]:
    """Seconds of the intervals that rows of all lanes are of."""
    lengths: dict[int, float] = {}
    for row in rows:
        lengths[row[0]] = max(row[4] or 0, lengths.get(row[0], 0))
    return list(lengths.values())
