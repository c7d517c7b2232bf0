"""Gap records: what a node says of readings that it gives up or could not keep. Pure.

One row a sensor and run of sequences: from, to, how many. A reading is counted once, with the first of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from edge_agent.reading import Reading, Series
from edge_agent.spool.thinning import SUFFIX
from wire.quantities import agent_fields

KIND = "gap"
MERGED = "merged"
COUNTED = ("thinned", "dropped", "purged", MERGED)
"""The reasons of which there may be many."""


class Loss(NamedTuple):
    """What one sensor lost: how many rows, and from when to when."""

    sensor: str
    rows: int
    from_ms: int
    to_ms: int


def losses(readings: Iterable[Reading]) -> list[Loss]:
    """Per sensor, how many readings and over which time. Thinned rows and ledgers stand for readings counted before."""
    found: dict[str, list[Reading]] = {}
    for reading in readings:
        found.setdefault(reading.series.sensor, []).append(reading)
    return [
        Loss(
            sensor,
            sum(agent_fields(row.series.kind + SUFFIX) is not None for row in rows),
            min(row.time_ms for row in rows),
            max(row.time_ms for row in rows),
        )
        for sensor, rows in found.items()
    ]


def record(loss: Loss, reason: str, now_ms: int, from_seq: int = 0, to_seq: int = 0) -> Reading:
    """One row; sequences 0 when no batch was sealed of what is gone."""
    values: dict[str, float | int] = {"from_ms": loss.from_ms, "to_ms": loss.to_ms, "lost_count": loss.rows}
    series = Series(loss.sensor, KIND, (("reason", reason),))
    return Reading(series, now_ms, values | {"from_seq": from_seq, "to_seq": to_seq})


def damaged(rows: int, at_ms: int) -> Reading:
    """The row for so many readings that cannot be read any more."""
    return record(Loss("node", rows, at_ms, at_ms), "damaged", at_ms)


def of_batches(seqs: Iterable[int], reason: str, losses: list[Loss], now_ms: int) -> list[Reading]:
    """The rows that name batches which are no more, one a run of consecutive sequences and sensor."""
    rows = []
    for first, last in _runs((seq, seq) for seq in seqs):
        rows += [record(loss, reason, now_ms, first, last) for loss in losses]
        losses = [loss._replace(rows=0) for loss in losses]
    return rows


def before_the_time(readings: Iterable[Reading]) -> list[Reading]:
    """What stands for readings that are dropped before anybody knows their time: one row a sensor, with what was told
    of it before. Its times are since boot, as theirs were, and become true ones with those that stay (`moved`)."""
    rows = list(readings)
    found: dict[Series, list[Reading]] = {}
    for row in filter(is_gap, rows):
        found.setdefault(row.series, []).append(row)
    for loss in losses(row for row in rows if not is_gap(row)):
        row = record(loss, "dropped", loss.to_ms)
        found.setdefault(row.series, []).append(row)
    return [_sum(series, same, 0, 0) for series, same in found.items()]


def moved(row: Reading, by_ms: int) -> Reading:
    """A reading at its true time; what it says is lost moves with it."""
    span = {name: row.values[name] + by_ms for name in ("from_ms", "to_ms")} if is_gap(row) else {}
    return row._replace(time_ms=row.time_ms + by_ms, values=row.values | span)


def is_gap(row: Reading) -> bool:
    """Whether a row is one of these records."""
    return row.series.kind == KIND


def merged(seqs: list[int], rows: list[Reading], now_ms: int, unique: Callable[[Reading], Reading]) -> list[Reading]:
    """The rows of batches of gap records, with the numbers of these batches, as few rows: one a series and run.

    Every number of a run is gone, so each row may name the whole run. It stands at the time of the last that it is
    for: if that one was stored already, it takes its place.
    A run that none is for gets one of its own.
    """
    counted = [row for row in rows if dict(row.series.tags)["reason"] in COUNTED and row.values["from_seq"]]
    gone = [(int(row.values["from_seq"]), int(row.values["to_seq"])) for row in counted]
    found: dict[tuple[Series, int, int], list[Reading]] = {}
    for first, last in _runs([*gone, *((seq, seq) for seq in seqs)]):
        of_run = [row for row in counted if first <= row.values["from_seq"] <= last]
        for row in of_run or [unique(record(Loss("node", 0, now_ms, now_ms), MERGED, now_ms, first, last))]:
            found.setdefault((row.series, first, last), []).append(row)
    return [
        *(row for row in rows if row not in counted),
        *(_sum(series, same, first, last) for (series, first, last), same in found.items()),
    ]


def _sum(series: Series, rows: list[Reading], first: int, last: int) -> Reading:
    loss = Loss(
        series.sensor,
        int(sum(row.values["lost_count"] for row in rows)),
        int(min(row.values["from_ms"] for row in rows)),
        int(max(row.values["to_ms"] for row in rows)),
    )
    return record(loss, dict(series.tags)["reason"], max(row.time_ms for row in rows), first, last)


def _runs(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """First and last number of each run that the spans make together; a year's numbers are half a million."""
    runs: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
        else:
            runs.append((first, last))
    return runs
