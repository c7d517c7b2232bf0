"""The answer to a canned question as one table of rows, and its forms: for people, for spreadsheets, for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.stores.store import Select, Series
from collector.zones import iso
from wire.cells import width_of


class Table(NamedTuple):
    """Columns and rows, time first where the answer has one; an absent value is None."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def rows(question: Select, found: Sequence[Series], zone: ZoneInfo) -> Table:
    """Series joined into one table, by time and then by tags; the highest of each group by how high it is."""
    whole = question.aggregate is not None and question.every_ms is None  # one row a group, at no time of its own
    counted = ("readings",) if question.aggregate == "count" else question.columns
    columns = (*(() if whole else ("time",)), *question.group_by, *counted)
    told: list[tuple[Any, ...]] = []
    for series in found:
        tags = [series.tags.get(tag, "") for tag in question.group_by]
        told += [(time_ms, *tags, *map(_plain, cells)) for time_ms, *cells in series.rows]
    told.sort(key=lambda row: row[: 1 + len(question.group_by)])
    if whole and question.aggregate == "max":
        told.sort(key=lambda row: -row[-1])
    if whole:
        return Table(columns, [row[1:] for row in told])
    return Table(columns, [(_moment(time_ms, zone), *rest) for time_ms, *rest in told])


def _plain(cell: Any) -> Any:
    """12.0 as 12: one database says the one, another the other."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _moment(time_ms: int, zone: ZoneInfo) -> str:
    return iso(time_ms, zone, "milliseconds" if time_ms % 1000 else "seconds")


def as_table(table: Table, limit: int) -> Iterator[str]:
    """Aligned columns; numbers to the right; a column that nobody has is left out."""
    typical = _typical(table)
    told = [at for at, value in enumerate(typical) if value is not None]
    cells = [[_cell(row[at]) for at in told] for row in table.rows[:limit]]
    if not cells:
        return
    names = [table.columns[at] for at in told]
    widths = [max(width_of(name), *(width_of(row[at]) for row in cells)) for at, name in enumerate(names)]
    right = [isinstance(typical[at], int | float) for at in told]
    for row in [names, *cells]:
        yield "  ".join(_pad(cell, width, to) for cell, width, to in zip(row, widths, right, strict=True)).rstrip()


def as_csv(table: Table, limit: int) -> Iterator[str]:
    """RFC 4180 with the column names first; numbers exact."""
    for row in [table.columns, *table.rows[:limit]]:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(["" if cell is None else safe(cell) for cell in row])
        yield out.getvalue()


def as_json(table: Table, limit: int) -> Iterator[str]:
    """One object: columns and rows."""
    yield json.dumps({"columns": table.columns, "rows": table.rows[:limit]}, ensure_ascii=False)


FORMS: Final[dict[str, Callable[[Table, int], Iterator[str]]]] = {"table": as_table, "csv": as_csv, "json": as_json}


def safe(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; a sign alone is none, such as the - of an index of clean air."""
    is_formula = isinstance(cell, str) and len(cell) > 1 and cell[0] in "=+-@\t\r"
    return "'" + cell if is_formula else cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _typical(table: Table) -> list[Any]:
    """For each column the first value there is, or None."""
    return [next((row[at] for row in table.rows if row[at] is not None), None) for at in range(len(table.columns))]


def _pad(text: str, width: int, right: bool) -> str:
    gap = " " * (width - width_of(text))
    return gap + text if right else text + gap
