"""Geometry of a small time chart: lines or bars, ticks and a threshold, as numbers and path texts for a template."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

RING: Final = "m-1.2 0a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0-2.4 0"
_STEPS = (1, 2, 3, 4, 5, 6, 8, 10)  # halves of them, in tens, are whole
Points = Sequence[tuple[int, float]]


class Box(NamedTuple):
    """The picture's size and, inside it, the plot's edges, in units of its own."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


SMALL: Final = Box(360, 150, 34, 352, 10, 128)
"""A card's chart, and any chart on a phone."""
WIDE: Final = Box(760, 220, 40, 748, 12, 194)


class Frame(NamedTuple):
    """A span of time in a box; `ticks` are times with what is written there, by default round times of day."""

    since_ms: int
    until_ms: int
    box: Box = SMALL
    ticks: Sequence[tuple[int, str]] | None = None


class Tick(NamedTuple):
    """A place on an axis and what stands there; `text` instead of the value where somebody has written it."""

    at: float
    value: float
    text: str = ""


class Line(NamedTuple):
    """One series as a path; a lone point becomes a ring, for a dot as thick as the line is hardly to be seen."""

    label: str
    path: str
    end: tuple[float, float] | None


class Step(NamedTuple):
    """A part of the upright axis that belongs to one level, from the top down."""

    level: int
    y: float
    height: float


class Bar(NamedTuple):
    """One window; `hidden` stands for a count that may not be told and is drawn as high as the most it can be."""

    x: float
    y: float
    width: float
    height: float
    hidden: bool
    in_part: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs, in the units of its box. `clear` is the line below which an alert ends."""

    lines: tuple[Line, ...]
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    threshold: Tick | None = None
    clear: Tick | None = None
    steps: tuple[Step, ...] = ()
    box: Box = SMALL


class Scale(NamedTuple):
    """From time and value to a place in the box."""

    frame: Frame
    top: float

    def x(self, time_ms: float) -> float:
        since_ms, until_ms, box, _ = self.frame
        return round(box.left + (time_ms - since_ms) / (until_ms - since_ms) * (box.right - box.left), 1)

    def y(self, value: float) -> float:
        box = self.frame.box
        return round(box.bottom - max(value, 0.0) / self.top * (box.bottom - box.top), 1)


def lines(
    series: Sequence[tuple[str, Points]],
    frame: Frame,
    gap_ms: int,
    threshold: float | None = None,
    clear: float | None = None,
    levels: Sequence[float] = (),
) -> Chart:
    """A chart of (label, points); neighbours further apart than `gap_ms` are not joined.

    `levels` is where each level ends.
    """
    values = [value for _, points in series for _, value in points]
    values += [level for level in (threshold, clear) if level is not None]
    scale = Scale(frame, _top(max(values, default=0.0)))
    drawn = tuple(_line(label, points, scale, gap_ms) for label, points in series if points)
    raised, cleared = (None if level is None else Tick(scale.y(level), level) for level in (threshold, clear))
    steps = _level_steps(scale, levels)
    return Chart(drawn, (), _x_ticks(scale), _y_ticks(scale), raised, cleared, steps, frame.box)


def bars(
    windows: Sequence[tuple[int, float | None]],
    width_ms: int,
    frame: Frame,
    most: float,
    in_part: Collection[int] = (),
    before: Points = (),
) -> Chart:
    """A chart of one bar a window; None is a hidden value of at most `most`.

    `in_part` are the starts of windows that are not over, or were not counted from end to end. `before` is drawn as a
    line through the middles of its windows, such as the same hours a week ago.
    """
    values = [value for _, value in (*windows, *before) if value is not None]
    since_ms, until_ms, box, _ = frame
    scale = Scale(frame, max(_top(max(values, default=0.0)), _top(most)))
    drawn = []
    for start_ms, value in windows:
        left, right = scale.x(max(start_ms, since_ms)), scale.x(min(start_ms + width_ms, until_ms))
        y = scale.y(most if value is None else value)
        drawn.append(
            Bar(
                left,
                y,
                round(max(right - left - 2, 1), 1),
                round(box.bottom - y, 1),
                value is None,
                start_ms in in_part,
            )
        )
    middles = [(start_ms + width_ms // 2, value) for start_ms, value in before]
    middles = [point for point in middles if since_ms <= point[0] <= until_ms]
    line = (_line("", middles, scale, 2 * width_ms),) if middles else ()
    return Chart(line, tuple(drawn), _x_ticks(scale), _y_ticks(scale), box=box)


def _line(label: str, points: Sequence[tuple[int, float]], scale: Scale, gap_ms: int) -> Line:
    path, before = [], None
    for number, (time_ms, value) in enumerate(points):
        x, y = scale.x(time_ms), scale.y(value)
        joined = before is not None and time_ms - before <= gap_ms
        follows = number + 1 < len(points) and points[number + 1][0] - time_ms <= gap_ms
        path.append(f"L{x} {y}" if joined else f"M{x} {y}" if follows else f"M{x} {y}{RING}")
        before = time_ms
    return Line(label, "".join(path), (scale.x(points[-1][0]), scale.y(points[-1][1])))


def _top(highest: float) -> float:
    """The smallest round number that leaves a little room above `highest`; at least 10."""
    wanted = max(highest * 1.08, 10.0)
    power = 10.0 ** (len(str(int(wanted))) - 1)
    return next(step * power for step in _STEPS if step * power >= wanted)


def _x_ticks(scale: Scale) -> tuple[Tick, ...]:
    """Whole quarters of an hour, or two minutes in a short chart: round in every time zone of whole quarters."""
    since_ms, until_ms, box, given = scale.frame
    if given is None:
        span = until_ms - since_ms
        step = next((s for s in (2 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS) if span / s <= 6), DAY_MS)
        first = -(-since_ms // step) * step
        given = [(time_ms, "") for time_ms in range(first, until_ms + 1, step)]
    return tuple(
        Tick(scale.x(time_ms), time_ms, text)
        for time_ms, text in given
        if box.left + 12 <= scale.x(time_ms) <= box.right - 10
    )


def _y_ticks(scale: Scale) -> tuple[Tick, ...]:
    return tuple(Tick(scale.y(scale.top * part), scale.top * part) for part in (0, 0.5, 1))


def _level_steps(scale: Scale, ends: Sequence[float]) -> tuple[Step, ...]:
    """The levels that the axis reaches, each with its part of it; the last one is open."""
    steps, low = [], 0.0
    for number, end in enumerate((*ends, scale.top), start=1):
        high = min(end, scale.top) if number <= len(ends) else scale.top
        if high > low:
            steps.append(Step(number, scale.y(high), round(scale.y(low) - scale.y(high), 1)))
            low = high
    return tuple(steps) if ends else ()
