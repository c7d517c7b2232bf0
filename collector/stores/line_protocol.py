"""InfluxDB line protocol: one escaper, one template per block, one line per row.

    air_quality,node=lp-0017,sensor=air-1,site=jianguo pm25_raw_ugm3=12,qc=1i 1790000000000000000

InfluxDB answers 204 to a field named `time`, to a measurement that starts with `#` and to invalid UTF-8, and stores
nothing of them: such names are refused here, before the write.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from collector.stores.store import Table, Tags
from wire.batch import Span

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:@/-]+")
_LOST = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_as_json: Final = msgspec.json.Encoder().encode
_INT: Final = {int}
_UNKNOWN: Final[Span] = (0, 0, False)


class Unwritable(ValueError):
    """A name or value that the database would lose or alter in silence."""


def lines(table: Table) -> list[bytes]:
    """One line per row, without line ends. Raises Unwritable.

    What is the same in every row (flags, mostly) stands in the template; only what differs is written by row.
    """
    if len(table.times_ms) == 1:
        return [_line(table)]
    constant: list[bytes] = []
    slots: list[bytes] = []
    cells: list[list[Any]] = []
    has_gaps = False
    for name, column in table.columns.items():
        least, most, is_int = table.spans.get(name, _UNKNOWN)
        if not (least == most if is_int else _is_constant(column)):
            types = _INT if is_int else set(map(type, column))
            has_gaps = has_gaps or type(None) in types
            is_digits = types == _INT or name in table.whole
            slots.append(_slot(name, name in table.whole, types == _INT))
            cells.append(column if is_digits else _quoted(column) if str in types else _decimals(column))
        elif column[0] is not None:
            constant.append(_constant(name, name in table.whole, column[0]))
    head = _head(table.measurement, table.tags).encode()
    tail = b" %%d%06d" % table.sub_ns
    if has_gaps:
        return _with_gaps(head, tail, constant, slots, cells, table.times_ms)
    template = head + b",".join(slots + constant) + tail
    return list(map(template.__mod__, zip(*cells, table.times_ms, strict=True)))


def _line(table: Table) -> bytes:
    """A single row, as roll-ups and ledger have it: thousands of them share their fields."""
    cells = {name: column[0] for name, column in table.columns.items() if column[0] is not None}
    values = [text(value) if type(value) is str else value for value in cells.values()]
    line = _template(tuple(cells), table.whole) % (*values, table.times_ms[0], table.sub_ns)
    return (_head(table.measurement, table.tags) % () + line).encode()


@lru_cache(4096)
def _template(names: tuple[str, ...], whole: frozenset[str]) -> str:
    return ",".join(key(name) + ("=%di" if name in whole else "=%s") for name in names) + " %d%06d"


def _with_gaps(
    head: bytes, tail: bytes, constant: list[bytes], slots: list[bytes], cells: list[list[Any]], times_ms: list[int]
) -> list[bytes]:
    """Absent values are left out of their line; one template serves every row with the same gaps."""
    templates: dict[tuple[bool, ...], bytes] = {}
    out = []
    for time_ms, *values in zip(times_ms, *cells, strict=True):
        present = tuple(value is not None for value in values)
        template = templates.get(present)
        if template is None:
            there = [slot for slot, is_there in zip(slots, present, strict=True) if is_there]
            template = templates[present] = head + b",".join(there + constant) + tail
        out.append(template % (*(value for value in values if value is not None), time_ms))
    return out


@lru_cache(4096)
def _slot(name: str, is_whole: bool, is_int: bool) -> bytes:
    return (key(name) + ("=%di" if is_whole else "=%d" if is_int else "=%b")).encode()


@lru_cache(4096, typed=True)
def _constant(name: str, is_whole: bool, value: Any) -> bytes:
    """What stands in every row alike, as a part of a template."""
    cell = value if is_whole else _quoted([value])[0] if type(value) is str else _decimals([value])[0]
    line: bytes = _slot(name, is_whole, False) % cell
    return line.replace(b"%", b"%%")


def _is_constant(column: list[Any]) -> bool:
    return bool(column) and column[0] == column[-1] and column.count(column[0]) == len(column)


def _decimals(column: list[Any]) -> list[Any]:
    """Numbers as their shortest exact decimals, written all at once: by row that takes five times as long."""
    texts = _as_json(column)[1:-1].split(b",")
    if b"null" not in texts:
        return texts
    return [None if value is None else text for value, text in zip(column, texts, strict=True)]


def _quoted(column: list[Any]) -> list[Any]:
    """A column of texts, of which there are few different ones."""
    quoted = {value: text(value).encode() for value in set(column) - {None}}
    return [quoted.get(value) for value in column]


def _head(measurement: str, tags: Tags) -> str:
    """Measurement and tags, as a part of a template."""
    head = key(measurement) + "".join(f",{key(k)}={tag(v)}" for k, v in tags if v != "") + " "
    return head.replace("%", "%%")


@lru_cache(4096)
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
    """A text field in quotes. Raises Unwritable for control characters other than a line feed, and for no Unicode."""
    if _LOST.search(value):
        raise Unwritable("a text with control characters")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
