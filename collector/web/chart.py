"""Geometry of a small time chart: lines or bars, ticks and a threshold, as numbers and path texts for a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 360, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 352, 10, 128
_STEPS = (1, 2, 2.5, 5, 10)


class Tick(NamedTuple):
    """A place on an axis and what stands there."""

    at: float
    value: float


class Line(NamedTuple):
    """One series as a path; a lone point becomes a dot (a stroke of no length with round ends)."""

    label: str
    path: str
    end: tuple[float, float] | None


class Bar(NamedTuple):
    """One window; `hidden` stands for a count that may not be told and is drawn as high as the most it can be."""

    x: float
    y: float
    width: float
    height: float
    hidden: bool
    running: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs, in the units of a box of WIDTH by HEIGHT."""

    lines: tuple[Line, ...]
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    threshold: Tick | None = None


class Scale(NamedTuple):
    """From time and value to a place in the box."""

    since_ms: int
    until_ms: int
    top: float

    def x(self, time_ms: float) -> float:
        return round(LEFT + (time_ms - self.since_ms) / (self.until_ms - self.since_ms) * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        return round(BOTTOM - max(value, 0.0) / self.top * (BOTTOM - TOP), 1)


def lines(
    series: Sequence[tuple[str, Sequence[tuple[int, float]]]],
    since_ms: int,
    until_ms: int,
    gap_ms: int,
    threshold: float | None = None,
) -> Chart:
    """A chart of (label, points) over [since, until]; neighbours further apart than `gap_ms` are not joined."""
    values = [value for _, points in series for _, value in points]
    if threshold is not None:
        values.append(threshold)
    scale = Scale(since_ms, until_ms, _top(max(values, default=0.0)))
    drawn = tuple(_line(label, points, scale, gap_ms) for label, points in series if points)
    limit = Tick(scale.y(threshold), threshold) if threshold is not None else None
    return Chart(drawn, (), _x_ticks(scale), _y_ticks(scale), limit)


def bars(
    windows: Sequence[tuple[int, float | None]],
    width_ms: int,
    since_ms: int,
    until_ms: int,
    now_ms: int,
    most: float,
) -> Chart:
    """A chart of one bar a window; None is a hidden value of at most `most`, a window that is not over is `running`."""
    top = _top(max((value for _, value in windows if value is not None), default=0.0))
    scale = Scale(since_ms, until_ms, max(top, _top(most)))
    drawn = []
    for start_ms, value in windows:
        left, right = scale.x(max(start_ms, since_ms)), scale.x(min(start_ms + width_ms, until_ms))
        y = scale.y(most if value is None else value)
        drawn.append(
            Bar(
                left,
                y,
                round(max(right - left - 2, 1), 1),
                round(BOTTOM - y, 1),
                value is None,
                start_ms + width_ms > now_ms,
            )
        )
    return Chart((), tuple(drawn), _x_ticks(scale), _y_ticks(scale))


def _line(label: str, points: Sequence[tuple[int, float]], scale: Scale, gap_ms: int) -> Line:
    path, before = [], None
    for number, (time_ms, value) in enumerate(points):
        x, y = scale.x(time_ms), scale.y(value)
        joined = before is not None and time_ms - before <= gap_ms
        follows = number + 1 < len(points) and points[number + 1][0] - time_ms <= gap_ms
        path.append(f"L{x} {y}" if joined else f"M{x} {y}" if follows else f"M{x} {y}h0")
        before = time_ms
    return Line(label, "".join(path), (scale.x(points[-1][0]), scale.y(points[-1][1])))


def _top(highest: float) -> float:
    """The smallest round number that leaves a little room above `highest`; at least 10."""
    wanted = max(highest * 1.08, 10.0)
    power = 10.0 ** (len(str(int(wanted))) - 1)
    return next(step * power for step in _STEPS if step * power >= wanted)


def _x_ticks(scale: Scale) -> tuple[Tick, ...]:
    """Whole quarters of an hour, or two minutes in a short chart: round in every time zone of whole quarters."""
    span = scale.until_ms - scale.since_ms
    step = next((s for s in (120_000, 900_000, 3_600_000, 6 * 3_600_000) if span / s <= 6), 24 * 3_600_000)
    first = -(-scale.since_ms // step) * step
    return tuple(
        Tick(scale.x(time_ms), time_ms)
        for time_ms in range(first, scale.until_ms + 1, step)
        if LEFT + 12 <= scale.x(time_ms) <= RIGHT - 10
    )


def _y_ticks(scale: Scale) -> tuple[Tick, ...]:
    return tuple(Tick(scale.y(scale.top * part), scale.top * part) for part in (0, 0.5, 1))
