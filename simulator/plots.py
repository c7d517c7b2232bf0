"""Small SVG plots for reports: lines over a common axis. Text is the reader's own font; no script, no style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 38, 8, 24, 34
COLOURS = ("#1b6ca8", "#c2410c", "#3f7d20", "#6d28d9", "#555555")
DASHES = ("", "5 3", "2 2", "8 3 2 3", "1 3")


class Line(NamedTuple):
    """One line: its name in the legend and its values, None or NaN where it has a hole."""

    name: str
    values: Sequence[float | None]


def plot(title: str, labels: Sequence[str], lines: Sequence[Line], unit: str) -> str:
    """Lines over evenly spaced labels; lines differ by dash as well as by colour."""
    known = [v for line in lines for v in line.values if v is not None and not math.isnan(v)]
    bottom = min([0.0, *known])
    top = max([*known, bottom + 1e-9])
    step = _step(top - bottom)
    bottom, top = math.floor(bottom / step) * step, math.ceil(top / step) * step
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             f'font-size="9" role="img" aria-label="{escape(title)}">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             f'<text x="4" y="12" font-size="10" font-weight="bold">{escape(title)}</text>',
             f'<text x="{WIDTH - 4}" y="12" text-anchor="end" fill="#555">{escape(unit)}</text>']  # fmt: skip
    for tick in range(round((top - bottom) / step) + 1):
        value = bottom + tick * step
        y = _y(value, bottom, top)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 3}" y="{y + 3:.1f}" text-anchor="end" fill="#555">{value:g}</text>')
    every = max(1, math.ceil(len(labels) / 12))
    for at in range(0, len(labels), every):
        x = _x(at, len(labels))
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 11}" text-anchor="middle">{escape(labels[at])}</text>')
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % 5], DASHES[number % 5]
        style = f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"'
        parts.append(f'<path d="{_path(line.values, bottom, top)}" {style}/>')
        x = LEFT + number * (WIDTH - LEFT) / len(lines)
        parts.append(f'<path d="M{x:.0f} {HEIGHT - 8}h18" {style}/>')
        parts.append(f'<text x="{x + 22:.0f}" y="{HEIGHT - 5}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _path(values: Sequence[float | None], bottom: float, top: float) -> str:
    moves, pen = [], "M"
    for at, value in enumerate(values):
        if value is None or math.isnan(value):
            pen = "M"
            continue
        moves.append(f"{pen}{_x(at, len(values)):.1f} {_y(value, bottom, top):.1f}")
        pen = "L"
    return "".join(moves)


def _x(at: int, count: int) -> float:
    return LEFT + at * (WIDTH - LEFT - RIGHT) / max(1, count - 1)


def _y(value: float, bottom: float, top: float) -> float:
    return HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)


def _step(span: float) -> float:
    """A round step that divides the span into four or so."""
    rough = max(span, 1e-9) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in (power, 2 * power, 2.5 * power, 5 * power, 10 * power) if step >= rough * 0.999)
