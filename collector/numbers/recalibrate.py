"""Recalibration: stored raw values get the corrected values of the records now in force, and their windows are due.

Raw values and old records stay. What is rewritten are the corrected columns and `cal_id` of each row; the hours of
those rows are entered in the book of windows, so that the collector computes minutes, hours, days and indices anew.

A row to which a record gives no value, as a formula does without humidity, is left as it is: a database takes no value
back, and the one of before must not stand under the new name.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from collector.numbers.calibration import FITTED_ON, HUMIDITY, Calibrations, derived_name
from collector.numbers.means import stat_fields
from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import MINUTES
from collector.stores.store import Select, Store, Stored, StoreDown, Table, Tags
from wire.quantities import DERIVED
from wire.times import HOUR_MS

_READ = (*DERIVED, *(name for name, _ in FITTED_ON.values()))
ROWS_PER_WRITE = 5_000
Columns = dict[str, list[Any]]


class Rewritten(NamedTuple):
    """What a run changed: rows of one sensor in one hour; `left` is how many were left as they were."""

    node: str
    sensor: str
    hour_ms: int
    rows: int
    left: int


def rewrite(
    store: Store,
    book: WindowBook,
    calibrations: Calibrations,
    reporting: ReportingOf,
    sensors: list[tuple[str, str]],
    span: tuple[int, int],
) -> Iterator[Rewritten]:
    """Rewrite the sensors (node, sensor) over a span of UTC milliseconds, hour by hour. Raises StoreDown."""
    for (node, sensor), suffix in product(sensors, ("", MINUTES)):
        for hour_ms in _hours_with_data(store, node, sensor, suffix, span):
            rows = left = 0
            for table, beside in _tables(store, calibrations, reporting, (node, sensor), suffix, hour_ms, span):
                left += beside
                if table.times_ms:
                    _write(store, table)
                    book.owe([table], reporting(node).zone)
                    rows += len(table.times_ms)
            if rows or left:
                yield Rewritten(node, sensor, hour_ms, rows, left)


def _raw_fields(suffix: str) -> tuple[str, ...]:
    if not suffix:
        return (*_READ, HUMIDITY)
    return (*(field for name in _READ for field in stat_fields(name)), HUMIDITY + "_mean")


def _hours_with_data(store: Store, node: str, sensor: str, suffix: str, span: tuple[int, int]) -> list[int]:
    """Starts of the hours of UTC in which the sensor has rows: so much is done at a time, wherever the station is."""
    where: dict[str, str | tuple[str, ...]] = {"node": node, "sensor": sensor}
    names = tuple(raw + ("_n" if suffix else "") for raw in DERIVED)
    question = Select("air_quality" + suffix, names, *span, where, aggregate="count", every_ms=HOUR_MS)
    return sorted({row[0] for series in store.select(question) for row in series.rows})


def _tables(
    store: Store,
    calibrations: Calibrations,
    reporting: ReportingOf,
    of: tuple[str, str],
    suffix: str,
    hour_ms: int,
    span: tuple[int, int],
) -> Iterator[tuple[Table, int]]:
    """The corrected columns of one hour, a table a site, and how many rows are left as they are."""
    node, sensor = of
    names = _raw_fields(suffix)
    where: dict[str, str | tuple[str, ...]] = {"node": node, "sensor": sensor}
    since_ms, until_ms = max(hour_ms, span[0]), min(hour_ms + HOUR_MS, span[1])
    for series in store.select(Select("air_quality" + suffix, names, since_ms, until_ms, where, ("site",))):
        columns: Columns = {}
        for at, name in enumerate(names, start=1):
            column = [row[at] for row in series.rows]
            if any(value is not None for value in column):
                columns[name] = column
        times = [row[0] for row in series.rows]
        made = calibrations.derive(node, sensor, times, columns, reporting(node)) if times else {}
        if made:
            tags: Tags = tuple(sorted({"site": series.tags["site"], "node": node, "sensor": sensor}.items()))
            whole = frozenset(name for name in made if name.endswith("_n"))
            rows = _with_values(columns, made, len(times))
            kept = {name: [column[row] for row in rows] for name, column in made.items()}
            table = Table("air_quality" + suffix, tags, [times[row] for row in rows], kept, whole)
            yield table, len(times) - len(rows)


def _with_values(raw: Columns, made: Columns, count: int) -> list[int]:
    """The rows in which every raw value has a corrected one."""
    twins = [(column, made[target]) for name, column in raw.items() if (target := derived_name(name)) is not None]
    return [row for row in range(count) if all(a[row] is None or b[row] is not None for a, b in twins)]


def _write(store: Store, table: Table) -> None:
    rows = store.render(table)
    for first in range(0, len(rows), ROWS_PER_WRITE):
        answer = store.write(rows[first : first + ROWS_PER_WRITE])
        if not isinstance(answer, Stored):
            raise StoreDown(answer.reason)
