"""A measurement as InfluxDB 3 shows it, in DataFusion, the engine inside it: tags, fields and `time` as one table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import datafusion
import pyarrow

from collector.stores.store import Table


def context(measurement: str, tables: Iterable[Table], asked: Iterable[str]) -> datafusion.SessionContext:
    """An engine that holds the tables of one measurement; fields that are `asked` for and not stored are null."""
    found = [one for one in tables if one.measurement == measurement]
    names = {*asked, *(name for one in found for name in (*one.columns, *dict(one.tags)))}
    columns: dict[str, list[Any]] = defaultdict(list)
    for one in found:
        tags = dict(one.tags)
        for row, time_ms in enumerate(one.times_ms):
            columns["time"].append(time_ms * 1_000_000)
            for name in names:
                columns[name].append(tags.get(name, one.columns[name][row] if name in one.columns else None))
    arrays = {n: pyarrow.array(v, pyarrow.timestamp("ns") if n == "time" else None) for n, v in columns.items()}
    batch = pyarrow.RecordBatch.from_pydict(
        {n: a.cast(pyarrow.float64()) if a.type == pyarrow.null() else a for n, a in arrays.items()}
    )
    made = datafusion.SessionContext()
    made.register_record_batches(measurement, [[batch]])
    return made
