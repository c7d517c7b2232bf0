"""Sealing: accepted rows become the blocks of a batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from edge_agent.reading import Reading, Series
from wire.batch import Block, Envelope, read, unpack
from wire.check import check
from wire.strictjson import loads

ROWS_PER_BATCH = 500
_FOR_EVER_MS = 2**53


def blocks(readings: Iterable[Reading]) -> list[Block]:
    """One block a series, rows in the order of their times; a value a row lacks is None."""
    rows: dict[Series, list[Reading]] = {}
    for reading in readings:
        rows.setdefault(reading.series, []).append(reading)
    return [_block(series, sorted(found, key=lambda r: r.time_ms)) for series, found in rows.items()]


def portions(rows: list[Reading]) -> Iterator[list[Reading]]:
    """Rows in parts that fit a batch."""
    for start in range(0, len(rows), ROWS_PER_BATCH):
        yield rows[start : start + ROWS_PER_BATCH]


def _block(series: Series, rows: list[Reading]) -> Block:
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    columns: dict[str, list[Any]] = {name: [row.values.get(name) for row in rows] for name in names}
    return Block(series.sensor, series.kind, [row.time_ms for row in rows], columns, dict(series.tags), series.profile)


def readings_of(data: bytes) -> tuple[list[Reading], Envelope]:
    """The rows of bytes that were sealed here, with their envelope: the way back from `blocks`."""
    raw = loads(unpack(data))
    envelope = read(raw["node"], data, lambda _: raw)
    rows = []
    for block in check(envelope.blocks, _FOR_EVER_MS).blocks:
        series = Series(block.sensor, block.kind, tuple(block.tags.items()), block.profile)
        for row, time_ms in enumerate(block.times_ms):
            values = {name: column[row] for name, column in block.fields.items() if column[row] is not None}
            rows.append(Reading(series, time_ms, values))
    return rows, envelope
