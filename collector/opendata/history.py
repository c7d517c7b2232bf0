"""History: a file of readings, an export of ours or somebody's CSV or JSON lines, checked and made into tables. Pure.

The first line of a CSV that is no comment names the columns: `time` (with its offset), `node`, `sensor`, `site`, for
traffic `lane` and `direction`, then quantities by their names. JSON lines hold one object a reading with the same keys.
Flags that come along are kept; readings without flags get them as if an agent had sent them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from collector.numbers.quality import FAIL, PASS, SUSPECT
from collector.opendata import about
from collector.opendata.dataset import TEXTS, WHAT, WHOLE
from collector.stores.store import Table, Tags
from wire import numerals, strictjson
from wire.batch import CLOCKS
from wire.check import FUTURE_MS, TIME_MIN_MS
from wire.names import is_name, is_node
from wire.quantities import KINDS, QUANTITIES, nearest
from wire.traffic import DIRECTIONS

_PLACE: Final = ("node", "site", "sensor")
_IGNORED: Final = frozenset({"time", "masked", *_PLACE})
_FLAGS: Final = {"cq": tuple(CLOCKS.values()), "qc": (PASS, SUSPECT, FAIL)}
_OTHER_COMMA: Final = re.compile("[;\t|]")
_ROWS_SHOWN: Final = 20
_PART: Final = 50_000
_LARGEST: Final = 1e15
"""No quantity comes near; beyond it a database would refuse the row, or round it."""


class NotHistory(ValueError):
    """The file cannot be imported; the text names line, reason and cure."""


@dataclass(frozen=True, slots=True)
class Line:
    """One reading of the file: its line number, series and values."""

    number: int
    time_ms: int
    tags: Tags
    values: dict[str, Any]


@dataclass(slots=True)
class History:
    """A part of a file. `empty` counts rows without a value, such as masked ones: they say nothing, change nothing."""

    measurement: str
    lines: list[Line] = field(default_factory=list)
    empty: int = 0

    def tables(self) -> list[Table]:
        """One table a series, by time. A later line of the same time and series replaces an earlier one."""
        series: dict[Tags, dict[int, dict[str, Any]]] = {}
        for line in self.lines:
            series.setdefault(line.tags, {})[line.time_ms] = line.values
        return [_table(self.measurement, tags, rows) for tags, rows in sorted(series.items())]


def read_csv(lines: Iterable[str], now_ms: int, kind: str | None = None) -> Iterator[History]:
    """The readings of a CSV, some ten thousand at a time. Raises NotHistory with every wrong line, up to twenty."""
    told = _Lines(lines)
    rows = _filled_rows(told)
    header = next(rows, None)
    if header is None:
        raise NotHistory("no line names the columns")
    measurement = kind or _kind_of(told.comments, header)
    _check_columns(header, measurement, told.number)
    numbered = ((told.number, _named(header, row)) for row in rows)
    while part := list(islice(numbered, _PART)):
        yield _collect(measurement, part, now_ms)


def read_json_lines(lines: Iterable[str], now_ms: int, kind: str | None = None) -> Iterator[History]:
    """The readings of JSON lines, some ten thousand at a time. Raises NotHistory."""
    numbered = ((n, line.strip()) for n, line in enumerate(lines, start=1) if line.strip())
    while part := [(n, _object(n, line)) for n, line in islice(numbered, _PART)]:
        names = list(dict.fromkeys(name for _, row in part for name in row))
        measurement = kind or _kind_of([], names)
        _check_columns(names, measurement)
        yield _collect(measurement, part, now_ms)


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        found = strictjson.loads(line.encode())
    except strictjson.NotStrict as error:
        raise NotHistory(f"line {number}: {error}") from error
    return found


class _Lines:
    """The lines of a CSV without its `comments`. `number` is that of the last line, comments included."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.comments: list[str] = []
        self.number = 0
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            if line.startswith("#"):
                self.comments.append(line.lstrip("# ").strip())
            else:
                yield line


def _filled_rows(lines: _Lines) -> Iterator[list[str]]:
    try:
        yield from filter(None, csv.reader(lines))
    except csv.Error as error:
        raise NotHistory(f"line {lines.number}: {error}; is there a quote that nothing closes?") from error


def _kind_of(comments: list[str], names: list[str]) -> str:
    for line in comments:
        if line.startswith(about.MARK):
            return line.removeprefix(about.MARK).strip()
    kinds = {QUANTITIES[name].kind for name in names if name in QUANTITIES}
    if len(names) == 1 and (found := _OTHER_COMMA.search(names[0])):
        raise NotHistory(f"the columns are parted by {found[0]!r}; save it with commas, and with points in its numbers")
    if not kinds:
        raise NotHistory(f"no column is a quantity such as pm25_ugm3; there are {', '.join(names[:8])}")
    if len(kinds) > 1:
        of = {kind: [name for name in names if name in QUANTITIES and QUANTITIES[name].kind == kind] for kind in kinds}
        told = " and ".join(f"{kind} ({', '.join(of[kind])})" for kind in sorted(of))
        raise NotHistory(f"columns of {told}; make a file of each")
    return kinds.pop()


def _check_columns(names: list[str], measurement: str, number: int = 1) -> None:
    if measurement not in WHAT.values():
        raise NotHistory(f"{measurement} is no kind of reading; one of {', '.join(WHAT.values())}")
    kind = KINDS[measurement]
    known = (
        {q.name for q in QUANTITIES.values() if q.kind == measurement} | TEXTS | _FLAGS.keys() | _IGNORED | {*kind.tags}
    )
    missing = [name for name in ("time", *_PLACE, *kind.tags) if name not in names]
    if missing:
        raise NotHistory(f"line {number}: no column {', '.join(missing)}")
    for at, name in enumerate(names):
        if name in names[:at]:
            raise NotHistory(f"line {number}: the column {name} twice; leave one out")
        if name not in known:
            near = nearest(name, known)
            raise NotHistory(f"line {number}: unknown column {name}" + (f"; did you mean {near}?" if near else ""))


def _named(header: list[str], row: list[str]) -> Any:
    return dict(zip(header, row, strict=True)) if len(row) == len(header) else f"{len(row)} cells, not {len(header)}"


def _collect(measurement: str, rows: Iterable[tuple[int, Any]], now_ms: int) -> History:
    history, wrong = History(measurement), []
    for number, row in rows:
        try:
            line = _line(measurement, number, row, now_ms)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            if len(wrong) == _ROWS_SHOWN:
                break
            continue
        if line is None:
            history.empty += 1
        else:
            history.lines.append(line)
    if wrong:
        raise NotHistory("\n".join(wrong))
    return history


def _line(measurement: str, number: int, row: Any, now_ms: int) -> Line | None:
    if not isinstance(row, dict):
        raise ValueError(row if isinstance(row, str) else "not an object")
    time_ms = _time_ms(row.get("time"))
    if not TIME_MIN_MS <= time_ms <= now_ms + FUTURE_MS:
        raise ValueError(f"time {row['time']} is before 2020 or in the future")
    names = (*_PLACE, *KINDS[measurement].tags)
    tags = {name: _name(name, row.get(name)) for name in names}
    values = {
        name: _value(name, cell)
        for name, cell in row.items()
        if name not in _IGNORED and name not in tags and cell not in ("", None)
    }
    if not values.keys() - TEXTS - _FLAGS.keys() - {"duration_s"}:
        return None
    return Line(number, time_ms, tuple(sorted(tags.items())), values)


def _time_ms(text: Any) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"time {text!r} is no time; write 2026-03-01T08:00:00+08:00") from error
    if moment.tzinfo is None:
        raise ValueError(f"time {text} names no offset; write {text}+08:00")
    return round(moment.timestamp() * 1000)


def _name(column: str, value: Any) -> str:
    if not (is_node(value) if column == "node" else is_name(value)):
        raise ValueError(f"{column} {value!r} is no name of a-z, 0-9 and -")
    if column == "direction" and value not in DIRECTIONS:
        raise ValueError(f"direction {value!r} is none of {', '.join(sorted(DIRECTIONS))}")
    return str(value)


def _value(name: str, cell: Any) -> Any:
    if name in TEXTS:
        if not isinstance(cell, str):
            raise ValueError(f"{name} {cell!r} is no text")
        return cell
    whole = name in WHOLE
    try:
        value = (numerals.whole if whole else numerals.number)(cell) if isinstance(cell, str) else cell
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError(f"{name} {cell!r} is no number")
    if whole and value != int(value):
        raise ValueError(f"{name} {cell!r} is no whole number")
    if value not in (meant := _FLAGS.get(name, (value,))):
        raise ValueError(
            f"{name} {cell!r} is none of {', '.join(map(str, meant))}; of other flags leave the column out"
        )
    return int(value) if whole else float(value)


def _table(measurement: str, tags: Tags, rows: Mapping[int, Mapping[str, Any]]) -> Table:
    times = sorted(rows)
    names = dict.fromkeys(name for values in rows.values() for name in values)
    columns = {name: [rows[time_ms].get(name) for time_ms in times] for name in names}
    return Table(measurement, tags, times, columns, frozenset(WHOLE & columns.keys()))
