"""The report as lines for a terminal of 60 columns, with sparklines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from collector.report.summary import Hours, StationReport
from collector.web.levels import called as called_level
from collector.zones import clock
from measures.index import OF_QUANTITY
from wire.quantities import QUANTITIES
from wire.times import HOUR_MS

_DATE: Final = "%Y-%m-%d"
_BARS: Final = "▁▂▃▄▅▆▇█"
_DAY_HOURS_MAX: Final = 25  # when clocks go back
_WEEK_BARS: Final = 21  # of a week thirds of days; more find no room


def lines(reports: Sequence[StationReport], since_ms: int, until_ms: int, zone: ZoneInfo) -> Iterator[str]:
    """A block a station; a blank in a sparkline is an hour without a value."""
    yield f"{clock(since_ms, zone, _DATE)} to {clock(until_ms - 1, zone, _DATE)}, {zone.key}"
    if not reports:
        yield "no station has a whole hour in this time; readings of the present hour: lamppost query run air-latest"
    yield from _units({name for report in reports for name in report.air})
    for report in reports:
        share = "" if report.percent is None else f"  {report.percent}% complete"
        yield f"\n{report.node}{share}"
        for name, sensors in report.air.items():
            yield from _air(_called(name), sensors, since_ms, until_ms, zone)
        if report.vehicles:
            points = [(time_ms, float(count or 0)) for time_ms, count in report.vehicles]
            yield f"  {'vehicles':<8} {report.vehicles_total:6d}  {sparkline(points, since_ms, until_ms)}"
        yield from _what_else(report, zone)
        if not (report.air or report.vehicles):
            yield "  no air and no traffic was measured"


def _air(called: str, sensors: list[Hours], since_ms: int, until_ms: int, zone: ZoneInfo) -> Iterator[str]:
    """A line a sensor, under its name where there are several."""
    for hours in sensors:
        at_ms, top = hours.highest
        when = clock(at_ms, zone, "%H:%M" if _is_day(since_ms, until_ms) else "%d. %H:%M")
        if len(sensors) > 1:
            yield f"  {called} {hours.label}"
        most = hours.figure(top) if top < 10 else f"{top:.0f}"
        begin = f"  {'' if len(sensors) > 1 else called:<8} {hours.figure(hours.mean):>6}"
        yield f"{begin}  {sparkline(hours.points, since_ms, until_ms)}  max {most} {when}"


def _what_else(report: StationReport, zone: ZoneInfo) -> Iterator[str]:
    """Indices, what was done there, and which rules have called people."""
    for index in report.indices:
        _, word = called_level(index.standard, index.level, index.category)
        said = word if index.value is None else f"{index.value} {word}"
        yield f"  {clock(index.day_ms, zone, _DATE)}  {index.standard} {index.edition}: {said}"
    for done in report.changes:
        yield f"  {clock(done.time_ms, zone, '%d. %H:%M')}  {done.what}{', ' if done.en else ''}{done.en}"
    if report.alerts:
        rules = ", ".join(sorted({alert["rule"] for alert in report.alerts}))
        yield f"  {report.fired} alert{'s' * (report.fired != 1)}: {rules}"


def _units(names: Iterable[str]) -> Iterator[str]:
    """One line a unit: beside each number they would not fit."""
    told: dict[str, list[str]] = {}
    for name in sorted(names, key=list(QUANTITIES).index):
        told.setdefault(QUANTITIES[name].unit, []).append(_called(name))
    for unit, those in told.items():
        yield f"{', '.join(those)} in {unit}"


def _called(name: str) -> str:
    """A quantity in few letters: PM2.5, CO2."""
    return OF_QUANTITY[name][0] if name in OF_QUANTITY else name.partition("_")[0].upper()


def sparkline(points: Sequence[tuple[int, float]], since_ms: int, until_ms: int) -> str:
    """Bars from 0 to the highest: the hours of a day, else 21 of the span; each is the highest of its stretch."""
    width = max(1, -(-(until_ms - since_ms) // HOUR_MS)) if _is_day(since_ms, until_ms) else _WEEK_BARS
    cells: list[float | None] = [None] * width
    for time_ms, value in points:
        at = min(width - 1, (time_ms - since_ms) * width // (until_ms - since_ms))
        known = cells[at]
        cells[at] = value if known is None else max(known, value)
    top = max((value for value in cells if value is not None), default=0.0) or 1.0
    return "".join(" " if value is None else _BARS[min(7, int(max(value, 0.0) / top * 8))] for value in cells)


def _is_day(since_ms: int, until_ms: int) -> bool:
    return until_ms - since_ms <= _DAY_HOURS_MAX * HOUR_MS
