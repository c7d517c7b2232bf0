"""What may be stored of a batch: every block and row is checked, the smallest part that makes sense is refused.

A block is refused for unequal columns, `dt` that does not rise, an unknown kind or field, tags other than the kind's
own. A row is refused for a time out of bounds, a value of the wrong type, no value at all, or a time its series already
has. Values out of range are somebody else's business: they are flagged, never refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, NamedTuple

from wire import names
from wire.batch import Block, Span
from wire.quantities import KINDS, agent_fields, kind_of, nearest

TIME_MIN_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
FUTURE_MS = 10 * 60 * 1000
_KNOWN_BLOCK_KEYS = frozenset({"sensor", "kind", "profile", "tags", "t0", "dt", "fields"})
_NUMBERS = frozenset({int, float, type(None)})
_WHOLE = frozenset({int, type(None)})
_INT = frozenset({int})
_LIMIT = 2**63  # what a database's integer holds; a time beyond spoils its block
_FINITE = sys.float_info.max


class Refusal(NamedTuple):
    """One refused part: block number, row number (None for the whole block) and the reason."""

    block: int
    row: int | None
    reason: str


class Checked(NamedTuple):
    """The sound blocks, what was refused, and how many unknown keys were passed over.

    `origins` says for each sound block its number in the batch and the numbers of its rows there (None: all of them).
    """

    blocks: list[Block]
    origins: list[tuple[int, list[int] | None]]
    refusals: list[Refusal]
    unknown_keys: int


class _Bad(ValueError):
    """The block cannot be stored; the text says why."""


def check(raw_blocks: list[Any], now_ms: int, time_min_ms: int = TIME_MIN_MS) -> Checked:
    """Check the blocks of an envelope against the wire's rules at the collector's time `now_ms`.

    `time_min_ms` moves only in a replay of older data: no device of ours was built before 2020.
    """
    blocks: list[Block] = []
    origins: list[tuple[int, list[int] | None]] = []
    refusals: list[Refusal] = []
    unknown_keys = 0
    seen: dict[tuple[object, ...], set[int]] = {}
    for number, raw in enumerate(raw_blocks):
        try:
            block = _block(raw)
        except _Bad as bad:
            refusals.append(Refusal(number, None, str(bad)))
            continue
        unknown_keys += len(raw.keys() - _KNOWN_BLOCK_KEYS)
        series = (block.kind, block.sensor, *block.tags.items())
        bad_rows = _bad_rows(block, now_ms, time_min_ms, seen.get(series))
        keep: list[int] | None = None
        if bad_rows:
            refusals.extend(Refusal(number, row, reason) for row, reason in sorted(bad_rows.items()))
            keep = [row for row in range(len(block.times_ms)) if row not in bad_rows]
            block = _only(block, keep)
        if block.times_ms:
            origins.append((number, keep))
            seen.setdefault(series, set()).update(block.times_ms)
            blocks.append(block)
    return Checked(blocks, origins, refusals, unknown_keys)


def _block(raw: Any) -> Block:
    if not isinstance(raw, dict):
        raise _Bad("a block is an object")
    sensor, kind, profile = raw.get("sensor"), raw.get("kind"), raw.get("profile")
    fields = agent_fields(kind) if isinstance(kind, str) else None
    if fields is None:
        raise _Bad(f"unknown kind{_hint(kind, KINDS)}")
    if not isinstance(sensor, str) or not names.is_name(sensor):
        raise _Bad("sensor is not a name")
    if profile is not None and not names.is_profile(profile):
        raise _Bad("profile is not name@version")
    assert isinstance(kind, str)
    tags = _tags(kind, raw.get("tags", {}))
    times, step_ms = _times(raw.get("t0"), raw.get("dt"))
    columns = raw.get("fields")
    if not isinstance(columns, dict) or not columns:
        raise _Bad("fields is not an object of columns")
    for name, column in columns.items():
        if name not in fields:
            raise _Bad(f"unknown field{_hint(name, fields)}")
        if not isinstance(column, list) or len(column) != len(times):
            raise _Bad(f"the column {name} is not as long as dt")
    return Block(sensor, kind, times, columns, tags, profile, step_ms=step_ms)


def _tags(kind: str, tags: Any) -> dict[str, str]:
    known = kind_of(kind)
    assert known is not None
    if not isinstance(tags, dict) or not tags.keys() <= set(known.tags):
        raise _Bad("tags other than the kind's own")
    if not all(map(names.is_name, tags.values())):
        raise _Bad("a tag is not a name")
    return {key: tags[key] for key in known.tags if key in tags}


def _times(t0: Any, dt: Any) -> tuple[list[int], int | None]:
    if type(t0) is not int or not isinstance(dt, list) or not dt or set(map(type, dt)) != {int}:
        raise _Bad("t0 or dt is not of whole numbers")
    if abs(t0) >= _LIMIT or max(dt) >= _LIMIT:
        raise _Bad("t0 or dt is beyond any time")
    if dt[0] != 0:
        raise _Bad("dt[0] is not 0")
    later = dt[1:]
    step_ms = min(later, default=None)
    if step_ms is not None and step_ms < 1:
        raise _Bad("dt does not rise")
    return list(accumulate(later, initial=t0)), step_ms


def _bad_rows(block: Block, now_ms: int, time_min_ms: int, taken: set[int] | None) -> dict[int, str]:
    bad: dict[int, str] = {}
    times = block.times_ms
    if times[0] < time_min_ms or times[-1] > now_ms + FUTURE_MS:
        for row, time_ms in enumerate(times):
            if time_ms < time_min_ms:
                bad[row] = "clock: before 2020"
            elif time_ms > now_ms + FUTURE_MS:
                bad[row] = "clock: in the future"
    if taken:
        bad.update({row: "a second row of that time" for row, time_ms in enumerate(times) if time_ms in taken})
    fields = agent_fields(block.kind)
    assert fields is not None
    some_null = True
    for name, column in block.fields.items():
        span = _whole_span(column)
        if span is not None:
            some_null = False
            block.spans[name] = span
            continue
        types = set(map(type, column))
        some_null = some_null and type(None) in types
        sound, span = _scan(column, types, fields[name])
        if not sound:
            bad.update(_wrong(name, column, fields[name], _FINITE if block.kind in KINDS else _LIMIT))
        elif span is not None:
            block.spans[name] = span
    if some_null:
        for row, values in enumerate(zip(*block.fields.values(), strict=True)):
            if not any(value is not None for value in values):
                bad.setdefault(row, "no value")
    return bad


def _whole_span(column: list[Any]) -> Span | None:
    """The least and the largest of a column of nothing but whole numbers that can be stored; None for any other.

    A sum is whole only when all its parts are, or are truth values, which count as 0 and 1: to look at that takes a
    fourth of the time that looking at every type takes.
    """
    try:
        if type(sum(column)) is not int:
            return None
    except (TypeError, OverflowError):  # no number; a whole one beyond what a float holds
        return None
    least, most = min(column), max(column)
    if least <= 1 and set(map(type, column)) != _INT:
        return None
    return (least, most, True) if least > -_LIMIT and most < _LIMIT else None


def _scan(column: list[Any], types: set[type], whole: bool) -> tuple[bool, Span | None]:
    """Whether every value is a number that can be stored, and the least and the largest."""
    if not types <= (_WHOLE if whole else _NUMBERS):
        return False, None
    values = [value for value in column if value is not None] if type(None) in types else column
    if not values:
        return True, None
    low, high = min(values), max(values)
    return low > -_LIMIT and high < _LIMIT, (low, high, types == _INT)  # infinity fails here


def _wrong(name: str, column: list[Any], whole: bool, most: float) -> dict[int, str]:
    """Rows whose value is no finite number, or no whole one where it must be; 12.0 is the whole number 12.

    What is beyond any sensor is for the flags; not in minutes that were thinned (`most`), which nobody tests.
    """
    bad: dict[int, str] = {}
    for row, value in enumerate(column):
        if value is None:
            continue
        if type(value) not in (int, float) or not abs(value) <= most:
            bad[row] = f"{name} is not a finite number"
        elif whole and not (float(value).is_integer() and abs(value) < _LIMIT):
            bad[row] = f"{name} is not a whole number"
        elif whole or abs(value) >= _LIMIT:  # digits by the dozen fit no column
            column[row] = int(value) if whole else float(value)
    return bad


def _only(block: Block, keep: list[int]) -> Block:
    return Block(
        block.sensor,
        block.kind,
        [block.times_ms[row] for row in keep],
        {name: [column[row] for row in keep] for name, column in block.fields.items()},
        block.tags,
        block.profile,
    )


def _hint(word: object, known: Iterable[str]) -> str:
    if not isinstance(word, str) or not word.isprintable() or len(word) > 64:
        return ""
    close = nearest(word, known)
    return f" {word!r}" + (f", did you mean {close!r}?" if close else "")
