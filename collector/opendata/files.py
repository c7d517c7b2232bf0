"""Datasets as files: CSV, Parquet, or an archive of CSVs with README and licence. Written aside, then renamed."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from collector.opendata import about
from collector.opendata.dataset import TEXTS, WHOLE, Dataset, Row
from collector.zones import iso

Chunks = Iterable[list[Row]]
ROWS_A_GROUP = 100_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member of an archive: the same export is the same bytes


def write_csv(out: IO[str], dataset: Dataset, chunks: Chunks, zone: ZoneInfo) -> None:
    """Comment lines that describe it, the names of the columns, then a line a reading."""
    for line in about.lines(dataset, zone):
        out.write(f"# {line}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(about.columns(dataset))
    for rows in chunks:
        writer.writerows(_cells(dataset, row, zone) for row in rows)


def _cells(dataset: Dataset, row: Row, zone: ZoneInfo) -> list[Any]:
    time = iso(row.time_ms, zone, "milliseconds")
    masked = [" ".join(row.masked)] if dataset.masks else []
    return [time, *row.tags, *("" if value is None else value for value in row.values), *masked]


def write_archive(path: Path, parts: Sequence[tuple[Dataset, Chunks]], zone: ZoneInfo) -> None:
    """A ZIP with one CSV a dataset, README.md and LICENCE.txt."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("README.md", about.readme([dataset for dataset, _ in parts], zone)),
            ("LICENCE.txt", f"{about.LICENCE}\n{about.LICENCE_TEXT}"),
        ):
            archive.writestr(_member(name), text)
        for dataset, chunks in parts:
            with archive.open(_member(f"{dataset.measurement}.csv"), "w", force_zip64=True) as raw:
                out = io.TextIOWrapper(raw, "utf-8", newline="")
                write_csv(out, dataset, chunks, zone)
                out.flush()
                out.detach()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def write_parquet(path: Path, dataset: Dataset, chunks: Chunks, zone: ZoneInfo) -> None:
    """One table; the description stands in the schema's metadata under `lamppost`. Needs pyarrow."""
    import pyarrow
    import pyarrow.parquet

    types = {"time": pyarrow.timestamp("ms", zone.key), **dict.fromkeys(dataset.tags, pyarrow.string())}
    types |= {name: _arrow_type(pyarrow, name) for name in dataset.fields}
    if dataset.masks:
        types["masked"] = pyarrow.string()
    metadata = {"lamppost": json.dumps(list(about.lines(dataset, zone)), ensure_ascii=False)}
    schema = pyarrow.schema(list(types.items()), metadata)
    tables = (_arrow_table(pyarrow, dataset, rows, schema) for rows in chunks)
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(tables):
            writer.write_table(pyarrow.concat_tables(group))


def _arrow_table(pyarrow: Any, dataset: Dataset, rows: list[Row], schema: Any) -> Any:
    masked = [[" ".join(row.masked)] if dataset.masks else [] for row in rows]
    cells = [[row.time_ms, *row.tags, *row.values, *mask] for row, mask in zip(rows, masked, strict=True)]
    columns = zip(*cells, strict=True)
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def _groups(tables: Iterable[Any]) -> Iterator[list[Any]]:
    """Tables together that make a row group: each has a footer of its own, which a reader takes in before all else."""
    group: list[Any] = []
    for table in tables:
        group.append(table)
        if sum(map(len, group)) >= ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _arrow_type(pyarrow: Any, name: str) -> Any:
    if name in TEXTS:
        return pyarrow.string()
    return pyarrow.int64() if name in WHOLE else pyarrow.float64()


def counted(chunks: Chunks, seen: Callable[[int], None]) -> Iterator[list[Row]]:
    """The same chunks; `seen` is told how many rows each had."""
    for rows in chunks:
        yield rows
        seen(len(rows))
