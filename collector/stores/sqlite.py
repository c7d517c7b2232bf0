"""The embedded store: one SQLite file, for a demo, a single site, or a collector before its InfluxDB is set up.

Each measurement is a table keyed by series and time; a second write of the same identity fills in or replaces fields,
as InfluxDB does.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from collector.files.sqlite_file import Others, Readers, open_durable, unusable
from collector.stores.line_protocol import Unwritable, key
from collector.stores.store import Answer, Held, Later, Row, Select, Series, Store, Stored, StoreDown, Table, Tags
from common.named_file import NamedFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, measurement TEXT, tags TEXT, UNIQUE (measurement, tags));
"""
WORDS_MAX = 20
"""Of one tag; more are faster looked for in all that there are."""
_AGGREGATES = {"mean": "avg", "min": "min", "max": "max", "sum": "sum", "count": "count"}


class _Row(NamedTuple):
    measurement: str
    tags: Tags
    time_ns: int
    fields: tuple[str, ...]
    types: tuple[str, ...]
    values: tuple[Any, ...]


class Sqlite(Store):
    """One file. A commit is durable when `write` returns (WAL, synchronous FULL)."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._file: NamedFile | None = None
        self._readers = Readers(path)
        self._series: dict[tuple[str, Tags], int] = {}
        self._columns: dict[str, set[str]] = {}
        self._statements: dict[tuple[str, tuple[str, ...]], str] = {}
        self._others: Others | None = None

    def prepare(self) -> Answer:
        if self._writer is not None:
            return Stored()
        try:
            writer = open_durable(self._path, _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            return Held(unusable(self._path, error).line())
        try:
            self._learn(writer)
        except sqlite3.Error as error:
            writer.close()
            return Held(f"{self._path}: {error}")
        self._writer, self._others, self._file = writer, Others(writer), NamedFile(self._path)
        return Stored()

    def _learn(self, writer: sqlite3.Connection) -> None:
        self._series.clear()
        self._columns.clear()
        self._statements.clear()
        for series_id, measurement, tags in writer.execute("SELECT id, measurement, tags FROM series"):
            self._series[measurement, tuple((k, v) for k, v in json.loads(tags))] = series_id
        tables = writer.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'p_*'").fetchall()
        for (table,) in tables:  # also of measurements whose last station was forgotten
            self._columns[table[2:]] = {row[1] for row in writer.execute(f'PRAGMA table_info("{table}")')}

    def render(self, table: Table) -> list[Row]:
        key(table.measurement)
        names = list(table.columns)
        types = {name: _type(table, name) for name in names}
        columns = [
            column
            if name in table.whole or types[name] == "TEXT"
            else [None if v is None else float(v) for v in column]
            for name, column in table.columns.items()
        ]
        rows = []
        for time_ms, *values in zip(table.times_ms, *columns, strict=True):
            present = tuple(key(n) for n, v in zip(names, values, strict=True) if v is not None)
            rows.append(
                _Row(
                    table.measurement,
                    table.tags,
                    time_ms * 1_000_000 + table.sub_ns,
                    present,
                    tuple(types[n] for n in present),
                    tuple(v for v in values if v is not None),
                )
            )
        return rows

    def write(self, rows: Sequence[Row]) -> Answer:
        if self._writer is None:
            answer = self.prepare()
            if not isinstance(answer, Stored):
                return answer
        writer = self._writer
        assert writer is not None
        assert self._others is not None
        with self._lock:
            try:
                writer.execute("BEGIN IMMEDIATE")
                if self._others.have_written():  # a station forgotten, whose numbers the next get; or a new series
                    self._learn(writer)
                for row in rows:
                    writer.execute(self._statement(row), (self._series_id(row), row.time_ns, *row.values))
                writer.execute("COMMIT")
            except (sqlite3.Error, Unwritable, OverflowError) as error:
                with suppress(sqlite3.Error):  # a file that cannot be read says so once more
                    if writer.in_transaction:
                        writer.execute("ROLLBACK")
                self._others.may_have_written()
                if isinstance(error, sqlite3.OperationalError):
                    return Later(f"{self._path}: {error}")
                is_damaged = type(error) is sqlite3.DatabaseError
                return Held(unusable(self._path, error).line() if is_damaged else f"{self._path}: {error}")
        assert self._file is not None
        return Stored() if self._file.is_kept() else Held(self._file.loss)

    def _statement(self, row: _Row) -> str:
        known = self._statements.get((row.measurement, row.fields))
        if known is not None:
            return known
        assert self._writer is not None
        table = f'"p_{row.measurement}"'
        columns = self._columns.get(row.measurement)
        if columns is None:
            self._writer.execute(
                f"CREATE TABLE IF NOT EXISTS {table}"
                " (series INTEGER, time INTEGER, PRIMARY KEY (series, time)) WITHOUT ROWID"
            )
            columns = self._columns[row.measurement] = {"series", "time"}
        for name, kind in zip(row.fields, row.types, strict=True):
            if name not in columns:
                self._writer.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}')
                columns.add(name)
        names = "".join(f', "{name}"' for name in row.fields)
        marks = ", ?" * len(row.fields)
        renew = ", ".join(f'"{name}" = excluded."{name}"' for name in row.fields)
        statement = f"INSERT INTO {table} (series, time{names}) VALUES (?, ?{marks}) ON CONFLICT DO UPDATE SET {renew}"
        self._statements[row.measurement, row.fields] = statement
        return statement

    def _series_id(self, row: _Row) -> int:
        found = self._series.get((row.measurement, row.tags))
        if found is None:
            assert self._writer is not None
            cursor = self._writer.execute(
                "INSERT INTO series (measurement, tags) VALUES (?, ?)", (row.measurement, json.dumps(row.tags))
            )
            assert cursor.lastrowid is not None
            found = self._series[row.measurement, row.tags] = cursor.lastrowid
        return found

    def select(self, question: Select) -> list[Series]:
        try:
            with self._readers.one() as reader:
                return self._select(reader, question)
        except sqlite3.Error as error:
            raise StoreDown(f"{self._path}: {error}") from error

    def _select(self, reader: sqlite3.Connection, question: Select) -> list[Series]:
        groups: dict[tuple[str, ...], list[int]] = {}
        for series_id, tags in reader.execute(*_series_of(question)):
            found = dict(json.loads(tags))
            if all(found.get(k, "") in ((v,) if isinstance(v, str) else v) for k, v in question.where.items()):
                groups.setdefault(tuple(found.get(k, "") for k in question.group_by), []).append(series_id)
        known = {row[1] for row in reader.execute(f'PRAGMA table_info("p_{key(question.measurement)}")')}
        present = [name for name in question.columns if name in known]
        if not present or not known.issuperset((*question.equals, *question.unless)):
            return []
        out = []
        for values, ids in sorted(groups.items()):
            rows = _rows(reader, question, present, ids)
            if rows:
                out.append(Series(dict(zip(question.group_by, values, strict=True)), rows))
        return out

    def tables(self, most: int) -> Iterator[Table]:
        """All that the file holds, by series and time, at most so many rows in a table. Raises StoreDown."""
        try:
            with self._readers.one() as reader:
                for series_id, measurement, tags in reader.execute(
                    "SELECT id, measurement, tags FROM series"
                ).fetchall():
                    named = tuple((name, value) for name, value in json.loads(tags))
                    yield from _tables(reader, measurement, named, series_id, most)
        except sqlite3.Error as error:
            raise StoreDown(f"{self._path}: {error}") from error

    def extent(self) -> tuple[int, int]:
        """How many rows the file holds, and when its newest is of, in UTC milliseconds. Raises StoreDown."""
        try:
            with self._readers.one() as reader:
                reader.execute("SELECT 1 FROM series LIMIT 1")  # any other file holds none
                names = reader.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'p_*'"
                ).fetchall()
                found = [reader.execute(f'SELECT count(*), max(time) FROM "{name}"').fetchone() for (name,) in names]
        except sqlite3.Error as error:
            raise StoreDown(f"{self._path}: {error}") from error
        return sum(count for count, _ in found), max((newest or 0 for _, newest in found), default=0) // 1_000_000

    def remove(self, measurement: str) -> None:
        if self._writer is None:
            raise StoreDown(f"{self._path}: not open for writing")
        with self._lock:
            try:
                self._writer.execute(f'DELETE FROM "p_{key(measurement)}"')
            except sqlite3.Error as error:
                raise StoreDown(f"{self._path}: {error}") from error

    def keep_for(self, days: int | None) -> None:
        if days is not None:
            raise StoreDown("the embedded store keeps everything; use an InfluxDB where readings shall be forgotten")

    def close(self) -> None:
        self._readers.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _series_of(question: Select) -> tuple[str, list[str]]:
    """What to ask for the series of a measurement: of a city few more than are wanted, by their tags as written."""
    text, values = "SELECT id, tags FROM series WHERE measurement = ?", [question.measurement]
    for name, wanted in question.where.items():
        words = (wanted,) if isinstance(wanted, str) else wanted
        if all(words) and len(words) <= WORDS_MAX:  # what is not there is not written either
            text += f" AND ({' OR '.join(['instr(tags, ?)'] * len(words)) or '0'})"
            values += [json.dumps((name, word)) for word in words]
    return text, values


def _rows(reader: sqlite3.Connection, question: Select, present: list[str], ids: list[int]) -> list[list[Any]]:
    rows = [list(row) for row in reader.execute(*_rows_of(question, present, ids))]
    if question.aggregate is not None and question.every_ms is None:
        nothing = (None, 0) if question.aggregate == "count" else (None,)
        return rows if rows and any(value not in nothing for value in rows[0][1:]) else []
    return rows


def _rows_of(question: Select, present: list[str], ids: list[int]) -> tuple[str, list[Any]]:
    """What to ask for the rows of these series; of the columns those that are `present`."""
    where, values = _where(question, ids)
    columns = [_column(name, question) if name in present else "NULL" for name in question.columns]
    where.append("(" + " OR ".join(f'"{name}" IS NOT NULL' for name in present) + ")")
    every_ms, time, group, order = question.every_ms, "time / 1000000", "", "time"  # rows may share a millisecond
    if every_ms is not None:
        time, group, order = f"time / {every_ms * 1_000_000} * {every_ms}", " GROUP BY t", "t"
    down = " DESC" if question.descending or question.latest else ""
    limit = 1 if question.latest else question.limit
    text = f'SELECT {time} AS t, {", ".join(columns)} FROM "p_{question.measurement}" WHERE {" AND ".join(where)}'
    return f"{text}{group} ORDER BY {order}{down}" + ("" if limit is None else f" LIMIT {int(limit)}"), values


def _where(question: Select, ids: list[int]) -> tuple[list[str], list[Any]]:
    where, values = [f"series IN ({', '.join(map(str, ids))})"], list[Any]()  # a city has more than there may be marks
    for sign, wanted in (("=", question.equals), ("<>", question.unless)):
        where += [f'"{key(name)}" {sign} ?' for name in wanted]
        values += wanted.values()
    for sign, time_ms in ((">=", question.since_ms), ("<", question.until_ms)):
        if time_ms is not None:
            where.append(f"time {sign} ?")
            values.append(time_ms * 1_000_000)
    return where, values


def _tables(reader: sqlite3.Connection, measurement: str, tags: Tags, series_id: int, most: int) -> Iterator[Table]:
    """The rows of one series; those with a place of their own within a millisecond stand in tables of their own."""
    types = {row[1]: row[2] for row in reader.execute(f'PRAGMA table_info("p_{key(measurement)}")')}
    names = [name for name in types if name not in ("series", "time")]
    whole = frozenset(name for name in names if types[name] == "INTEGER")
    columns = "".join(f', "{name}"' for name in names)
    question = f'SELECT time{columns} FROM "p_{measurement}" WHERE series = ? AND time > ? ORDER BY time LIMIT ?'
    seen_ns = -(2**63)
    while rows := reader.execute(question, (series_id, seen_ns, most)).fetchall():
        seen_ns = rows[-1][0]
        for sub_ns, group in groupby(rows, lambda row: int(row[0] % 1_000_000)):
            times_ns, *found = zip(*group, strict=True)
            there = {
                name: list(column)
                for name, column in zip(names, found, strict=True)
                if column.count(None) < len(column)
            }
            yield Table(measurement, tags, [time_ns // 1_000_000 for time_ns in times_ns], there, whole, sub_ns)


def _column(name: str, question: Select) -> str:
    quoted = f'"{key(name)}"'
    if question.aggregate is None:
        return quoted
    if question.aggregate in ("first", "last"):
        raise ValueError("first and last are asked for with latest and limit")
    return f"{_AGGREGATES[question.aggregate]}({quoted})"


def _type(table: Table, name: str) -> str:
    if name in table.whole:
        return "INTEGER"
    return "TEXT" if any(type(value) is str for value in table.columns[name]) else "REAL"
