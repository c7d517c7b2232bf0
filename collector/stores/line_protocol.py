"""InfluxDB line protocol: one escaper, one template per block, one line per row.

    air_quality,node=lp-0017,sensor=air-1,site=jianguo pm25_raw_ugm3=12,qc=1i 1790000000000000000

InfluxDB answers 204 to a field named `time`, to a measurement that starts with `#` and to invalid UTF-8, and stores
nothing of them: such names are refused here, before the write.
"""

from __future__ import annotations

import re
from typing import Any

from collector.stores.store import Table

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:@/-]+")


class Unwritable(ValueError):
    """A name or value that the database would lose or alter in silence."""


def lines(table: Table) -> list[bytes]:
    """One line per row, without line ends. Raises Unwritable."""
    head = key(table.measurement) + "".join(f",{key(k)}={tag(v)}" for k, v in table.tags if v != "") + " "
    head = head.replace("%", "%%")  # it becomes part of a template
    tail = f"{table.sub_ns:06d}"
    names = list(table.columns)
    columns = [_quoted(table.columns[name]) for name in names]
    if all(None not in column for column in columns):
        template = head + ",".join(_slot(name, table) for name in names) + " %d" + tail
        return [(template % row).encode() for row in zip(*columns, table.times_ms, strict=True)]
    return _with_gaps(head, tail, names, columns, table)


def _with_gaps(head: str, tail: str, names: list[str], columns: list[list[Any]], table: Table) -> list[bytes]:
    """Absent values are left out of their line; one template serves every row with the same gaps."""
    templates: dict[tuple[bool, ...], str] = {}
    out = []
    for time_ms, *values in zip(table.times_ms, *columns, strict=True):
        present = tuple(value is not None for value in values)
        template = templates.get(present)
        if template is None:
            slots = [_slot(name, table) for name, there in zip(names, present, strict=True) if there]
            template = templates[present] = head + ",".join(slots) + " %d" + tail
        out.append((template % (*(value for value in values if value is not None), time_ms)).encode())
    return out


def _slot(name: str, table: Table) -> str:
    checked = key(name)
    if name in table.whole:
        return checked + "=%di"
    return checked + "=%s"


def _quoted(column: list[Any]) -> list[Any]:
    """Texts become quoted; numbers stay, `%s` writes a float as its shortest exact decimal."""
    if any(type(value) is str for value in column):
        return [None if value is None else text(value) for value in column]
    return column


def key(name: str) -> str:
    """A measurement, tag or field name that the database keeps as it is. Raises Unwritable."""
    if not _KEY.fullmatch(name) or name == "time":
        raise Unwritable(f"{name!r} cannot be a name in the database")
    return name


def tag(value: str) -> str:
    """A tag value, escaped. Raises Unwritable for control characters and a trailing backslash."""
    if _PLAIN.fullmatch(value):
        return value
    if not value.isprintable() or value.endswith("\\"):
        raise Unwritable(f"{value!r} cannot be a tag")
    return value.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def text(value: str) -> str:
    """A text field in quotes. Raises Unwritable for control characters other than a line feed."""
    if not value.replace("\n", "").isprintable():
        raise Unwritable("a text with control characters")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
