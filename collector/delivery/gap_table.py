"""The hours of `lamppost gaps` as lines of a terminal: a table, or two lines an hour where it does not fit. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from collector.delivery.gaps import Hour
from collector.questions.answer import Table, as_table

_FIGURES = ("accepted", "stored", "refused", "replaced", "missing", "s silent")


def lines(hours: Sequence[Hour], width: int) -> Iterator[str]:
    """What to print, in lines of at most `width` cells where that can be."""
    rows = [(*_place(hour), *_figures(hour), _why(hour)) for hour in hours]
    table = list(as_table(Table(("node", "sensor", "hour (UTC)", *_FIGURES, "cause"), rows), len(rows)))
    if all(len(line) <= width for line in table):
        yield from table
        return
    for hour in hours:
        yield "  ".join((*_place(hour), _why(hour))).rstrip()
        yield "  " + ", ".join(f"{n} {name}" for name, n in zip(_FIGURES, _figures(hour), strict=True) if n)


def _place(hour: Hour) -> tuple[str, str, str]:
    return hour.node, hour.sensor, datetime.fromtimestamp(hour.hour_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _figures(hour: Hour) -> tuple[int, ...]:
    return hour.accepted, hour.stored, hour.refused, hour.replaced, hour.missing, round(hour.silent_s)


def _why(hour: Hour) -> str:
    return " ".join([", ".join(hour.causes), "(hour goes on)" if hour.goes_on else ""]).strip()
