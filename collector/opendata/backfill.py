"""Backfill: history into the database, row by row idempotent, accounted for in the ledger, its windows computed anew.

What the file does not say of a reading is made as of an agent's: flags, and of raw values the corrected ones. Rows that
the database had already are written again and change nothing; the others stand in the batch ledger under a spool of the
file's own digest, so that the audit still adds up. Nobody is paged for the past: rules never see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from collector.delivery import ledger
from collector.delivery.halving import put
from collector.numbers import flags
from collector.numbers.calibration import Calibrations
from collector.numbers.derive import LEDGER
from collector.numbers.quality import Quality, worst
from collector.numbers.reporting import Reporting, ReportingOf
from collector.numbers.window_book import WindowBook
from collector.opendata.history import History
from collector.stores.store import Row, Select, Store, Table
from wire.batch import Block

ROWS_PER_WRITE = 4_000
_BESIDE = frozenset({"cal_id", "cq", "qc", flags.COLUMN})


class Written(NamedTuple):
    """What one write did: rows that are new, rows that were there, and those the database refused, with the reason."""

    new: int
    known: int
    refused: list[str]


class Making(NamedTuple):
    """Of what flags and corrected values are made."""

    quality: Quality
    calibrations: Calibrations
    reporting: ReportingOf


class Account(NamedTuple):
    """Under what the new rows stand in the ledger: the file's digest as spool, and when they were brought in."""

    spool: str
    now_ms: int


def backfill(store: Store, book: WindowBook, making: Making, history: History, account: Account) -> Iterator[Written]:
    """Write a history, some thousand rows at a time. Raises StoreDown; doing it again is harmless."""
    for whole in history.tables():
        reporting = making.reporting(dict(whole.tags)["node"])
        corrected = _corrected(whole, making.calibrations, reporting)
        for table in _parts(_flagged(whole, making.quality, corrected)):
            yield _write(store, table, account)
            book.owe([table], reporting.zone)


def _parts(table: Table) -> Iterator[Table]:
    for first in range(0, len(table.times_ms), ROWS_PER_WRITE):
        end = first + ROWS_PER_WRITE
        columns = {name: column[first:end] for name, column in table.columns.items()}
        yield table._replace(times_ms=table.times_ms[first:end], columns=columns)


def _corrected(table: Table, calibrations: Calibrations, reporting: Reporting) -> dict[str, list[Any]]:
    """The columns that an agent's raw values have beside them; none where the file has corrected values itself."""
    tags, columns = dict(table.tags), table.columns
    raw = {name: column for name, column in columns.items() if name not in _BESIDE}
    made = calibrations.derive(tags["node"], tags.get("sensor", ""), table.times_ms, raw, reporting)
    return {} if made.keys() & columns.keys() else made


def _flagged(table: Table, quality: Quality, corrected: Mapping[str, list[Any]]) -> Table:
    """Every row that the file gave no flag gets one, a clock quality and its corrected values; what it gave stays."""
    columns, none = dict(table.columns), [None] * len(table.times_ms)
    tags = dict(table.tags)
    given = columns.get("qc", none)
    if None in given:
        fields = {name: column for name, column in columns.items() if name not in _BESIDE}
        own = {name: value for name, value in tags.items() if name in ("lane", "direction")}
        codes = quality.codes(Block(tags["sensor"], table.measurement, table.times_ms, fields, own))
        columns["qc"] = _filled(given, given, worst(codes, len(given)))
        columns |= {name: _filled(given, none, made) for name, made in corrected.items()}
        if codes is not None:
            columns[flags.COLUMN] = _filled(given, columns.get(flags.COLUMN, none), codes)
    cq = columns.get("cq", none)
    columns["cq"] = _filled(cq, cq, [0] * len(cq))
    return table._replace(columns=columns, whole=table.whole | {"cq", "qc"})


def _filled(given: list[Any], theirs: list[Any], ours: Sequence[Any]) -> list[Any]:
    """Their cell in rows where a flag was given, else ours."""
    return [own if flag is None else their for flag, their, own in zip(given, theirs, ours, strict=True)]


def _write(store: Store, table: Table, account: Account) -> Written:
    had = _times(store, table)
    new = sum(time_ms not in had for time_ms in table.times_ms)
    node = dict(table.tags)["node"]
    seq = ledger.highest(store, node, account.spool) + 1 if new else 0
    refused = put(store, [*_ledger_row(store, node, account, seq, new), *store.render(table)])
    if refused and new:
        put(store, _ledger_row(store, node, account, seq, new, len(refused)))
    return Written(new - len(refused), len(table.times_ms) - new, refused)


def _times(store: Store, table: Table) -> set[int]:
    """The times at which the series has rows already."""
    where: dict[str, str | tuple[str, ...]] = dict(table.tags)
    question = Select(table.measurement, ("cq",), table.times_ms[0], table.times_ms[-1] + 1, where)
    return {row[0] for series in store.select(question) for row in series.rows}


def _ledger_row(store: Store, node: str, account: Account, seq: int, rows: int, refused: int = 0) -> list[Row]:
    """The batch ledger's row of one write; none when nothing is new."""
    if not rows:
        return []
    columns: dict[str, list[Any]] = {"seq": [seq], "rows": [rows], "quarantined": [refused], "digest": [account.spool]}
    tags = (("node", node), ("spool", account.spool))
    whole = frozenset({"seq", "rows", "quarantined"})
    return store.render(Table(LEDGER, tags, [account.now_ms], columns, whole, seq))
