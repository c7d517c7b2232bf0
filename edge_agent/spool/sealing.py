"""Sealing: accepted rows become the blocks of a batch. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from edge_agent import hours
from edge_agent.reading import Reading, Series
from edge_agent.timeline import STEP_MS
from wire.batch import Block, Envelope, read, unpack
from wire.check import check
from wire.strictjson import loads

ROWS_PER_BATCH = 500
KNOWN_MAX = 4_096  # stamps of a series that are remembered: more than an hour of one a second
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

    InfluxDB keeps one of two equal identities; a stamp that is unique before acceptance loses none (rule R9). Times
    of a series rise, with two exceptions. A clock that was set back by more than `STEP_MS` is followed, or one second
    of a wrong time would spoil every time after it; what was stamped ahead is then stepped over, as far as it is known:
    the last `KNOWN_MAX` stamps of each series, and those in `used`. And the account of an hour may be older than that
    of a later hour: moved behind it, it would be taken for the later hour's.
    """

    def __init__(self, last_ms: dict[Series, int] | None = None, used: Iterable[Reading] = ()) -> None:
        self.last_ms: dict[Series, int] = dict(last_ms or {})
        self._recent: dict[Series, deque[int]] = {}
        self._ahead: dict[Series, set[int]] = {}
        for series, time_ms, _ in used:
            self._remember(series, time_ms)
            if time_ms > self.last_ms.get(series, time_ms):
                self._ahead.setdefault(series, set()).add(time_ms)

    def unique(self, reading: Reading) -> Reading:
        """The reading, at a time that no other of its series has; of an account, in its hour."""
        series, time_ms, _ = reading
        last = self.last_ms.get(series)
        if last is not None and time_ms <= last:
            if series.kind == hours.KIND and _is_of_an_hour_before(time_ms, last):
                return reading
            if last - time_ms > STEP_MS:
                self._step_back(series, time_ms)
            else:
                time_ms = last + 1
        ahead = self._ahead.get(series, ())
        while time_ms in ahead:
            time_ms += 1
        self.last_ms[series] = time_ms
        self._remember(series, time_ms)
        return reading if time_ms == reading.time_ms else reading._replace(time_ms=time_ms)

    def _remember(self, series: Series, time_ms: int) -> None:
        recent = self._recent.get(series)
        if recent is None:
            recent = self._recent[series] = deque(maxlen=KNOWN_MAX)
        recent.append(time_ms)

    def _step_back(self, series: Series, time_ms: int) -> None:
        known = {*self._ahead.get(series, ()), *self._recent.get(series, ())}
        self._ahead[series] = set(sorted(stamp for stamp in known if stamp >= time_ms)[:KNOWN_MAX])


def _is_of_an_hour_before(time_ms: int, last_ms: int) -> bool:
    """One that was just closed; an account further back was told under a clock that has been set back since."""
    return 0 < last_ms // hours.HOUR_MS - time_ms // hours.HOUR_MS <= 2
