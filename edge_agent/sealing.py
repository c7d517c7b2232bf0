"""Sealing: accepted rows become the blocks of a batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from edge_agent import hours
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
    envelope = read(loads(unpack(data))["node"], data)
    rows = []
    for block in check(envelope.blocks, _FOR_EVER_MS).blocks:
        series = Series(block.sensor, block.kind, tuple(block.tags.items()), block.profile)
        for row, time_ms in enumerate(block.times_ms):
            values = {name: column[row] for name, column in block.fields.items() if column[row] is not None}
            rows.append(Reading(series, time_ms, values))
    return rows, envelope


class Uniquifier:
    """No two readings of a series share a time: the second of one millisecond moves to the next free one.

    InfluxDB keeps one of two equal identities; a stamp that is unique before acceptance loses none (rule R9). Only the
    account of an hour may be older than that of a later hour: moved behind it, it would be taken for the later hour's.
    """

    def __init__(self, last_ms: dict[Series, int] | None = None) -> None:
        self.last_ms: dict[Series, int] = dict(last_ms or {})

    def unique(self, reading: Reading) -> Reading:
        """The reading, at a time later than any before it in its series; of an account, in its hour."""
        last = self.last_ms.get(reading.series)
        if last is not None and reading.time_ms <= last:
            if reading.series.kind == hours.KIND and reading.time_ms // hours.HOUR_MS < last // hours.HOUR_MS:
                return reading
            reading = reading._replace(time_ms=last + 1)
        self.last_ms[reading.series] = reading.time_ms
        return reading
