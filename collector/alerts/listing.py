"""Firing alerts as lines of a terminal: a table where there is room, two lines each where there is not. Of more than
`MANY`, those of one rule or one station are told together, as a heap.

    many rows --> one heap for each rule that fires at three stations or more, or station where three rules fire
                  (severity, how many, the span of values and times, then the stations with their ids)
    the rest  --> rows, the worst first
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from collector.rules.rule import SEVERITIES
from collector.rules.words import reading
from wire.cells import padded, width_of
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

Row = dict[str, Any]

MANY: Final = 12
HEAP: Final = 3
STATES: Final = ("FIRING", "ACKED", "SILENT", "RESOLVED")
HEAD: Final = ("ID", "STATE", "SEV", "SINCE", "STATION", "RULE", "VALUE", "WHO")


def listing(rows: list[Row], now_ms: int, width: int = 10_000, each: bool = False) -> list[str]:
    """Lines no wider than `width`, Chinese names in their true width, and what to do next. `each`: no heaps."""
    rows = sorted(rows, key=_worst_first)
    heaps, rest = ([], rows) if each or len(rows) <= MANY else heaped(rows)
    table = _rows([_cells(row, now_ms) for row in rest], width) if rest else []
    said = [line for name, members in heaps for line in _heap(name, members, now_ms, width)]
    worse = rest and (not heaps or _worst_first(rest[0]) < _worst_first(heaps[0][1][0]))
    lines = [*table, *said] if worse else [*said, *table]
    return [*(_clip(line, width) for line in lines), *_foot(rows, width)]


def heaped(rows: list[Row]) -> tuple[list[tuple[str, list[Row]]], list[Row]]:
    """What belongs together: the same rule in the same state at several stations, or several at one station."""
    heaps: list[tuple[str, list[Row]]] = []
    for name_of in (lambda row: f"{row['rule']}", lambda row: row["station_zh"] or row["station"]):
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            found[row["state"], name_of(row)].append(row)
        together = [(name, members) for (_, name), members in found.items() if len(members) >= HEAP]
        heaps += together
        taken = {row["fingerprint"] for _, members in together for row in members}
        rows = [row for row in rows if row["fingerprint"] not in taken]
    return sorted(heaps, key=lambda heap: _worst_first(heap[1][0])), rows


def _worst_first(row: Row) -> tuple[int, int, str, int]:
    return STATES.index(row["state"]), -SEVERITIES.index(row["severity"]), row["node"], row["since_ms"]


def _heap(name: str, members: list[Row], now_ms: int, width: int) -> Iterable[str]:
    worst, one_rule = members[0], len({row["rule"] for row in members}) == 1
    ages = sorted(now_ms - row["since_ms"] for row in members)
    span = " to ".join(dict.fromkeys((age(ages[0]), age(ages[-1]))))
    values = sorted(row["value"] for row in members if row["value"] is not None)
    head = f"{name}  {worst['state']} {worst['severity']}"
    said = [_how_many(members, one_rule)]
    if one_rule and values:
        low_high = " to ".join(dict.fromkeys((reading(values[0]), reading(values[-1]))))
        said.append(f"{_when(worst)} {low_high} {worst['unit']} ({worst['limit']})".replace("  ", " "))
    said.append(f"since {span}")
    whole = f"{head}  {', '.join(said)}"
    yield from [whole] if width_of(whole) <= width else [head, *_wrapped(said, width)]
    shared = _shared_end([row["station"] for row in members]) if one_rule else ""
    parts = []
    for row in members:
        where = row["station"].removesuffix(shared) if one_rule else " ".join((row["rule"], _value(row))).strip(" -")
        parts.append(f"{row['id']} {where}" + (f" {reading(row['value'])}" if one_rule and values else ""))
    yield from _wrapped(parts, width)


def _how_many(members: list[Row], one_rule: bool) -> str:
    stations = len({row["node"] for row in members})
    return f"{stations} stations" if one_rule and stations == len(members) else f"{len(members)} alerts"


def _shared_end(places: list[str]) -> str:
    """The words, such as ` air-1`, with which all of them end."""
    ends = [place.partition(" ")[2].split(" ")[1:] for place in places]
    shared = ""
    for words in zip(*(reversed(each) for each in ends), strict=False):
        if len(set(words)) > 1:
            break
        shared = f" {words[0]}{shared}"
    return shared


def _wrapped(parts: list[str], width: int) -> Iterable[str]:
    line = ""
    for part in parts:
        if line and width_of(line) + width_of(part) + 5 > width:
            yield f"  {line},"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    yield f"  {line}"


def _cells(row: Row, now_ms: int) -> tuple[str, ...]:
    state = row["state"] + ("~" if row["flapping"] else "")
    return (
        row["id"], state, row["severity"], age(now_ms - row["since_ms"]), row["station"], row["rule"], _value(row),
        row["who"],
    )  # fmt: skip


def _value(row: Row) -> str:
    if row["value"] is None:
        return "-"
    unit = row["unit"] if row["unit"] == "%" or not row["unit"] else f" {row['unit']}"
    value = f"{_when(row)} {reading(row['value'])}{unit}"
    return f"{value} ({row['limit']})" if row["limit"] else value


def _when(row: Row) -> str:
    """A value is that of the change which was told, and not of now."""
    return "ended at" if row["state"] == "RESOLVED" else "began at"


def _rows(cells: list[tuple[str, ...]], width: int) -> list[str]:
    """A table; who has an alert goes below it where there is no room beside it, and so does the rule."""
    widths = [max(map(width_of, column)) for column in zip(HEAD, *cells, strict=True)]
    if sum(widths) + 2 * len(widths) - 2 <= width:
        return [_line(line, widths) for line in (HEAD, *cells)]
    lines: list[str] = []
    if sum(widths[:-1]) + 2 * len(widths) - 4 <= width:
        lines.append(_line(HEAD[:-1], widths[:-1]))
        for *line, who in cells:
            lines += [_line(line, widths[:-1]), *([f"  {who}"] if who != "-" else [])]
        return lines
    for name, state, severity, since, place, rule, value, who in cells:
        lines.append(f"{name}  {state}  {severity}  {since}  {place}")
        lines += [f"  {part}" for part in (f"{rule}  {value}".removesuffix("  -"), who) if part != "-"]
    return lines


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "  ".join(padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _foot(rows: list[Row], width: int) -> list[str]:
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    firing = f"{len(rows) - counts['RESOLVED']} firing:"
    of_these = f"{counts['FIRING']} open, {counts['ACKED']} acknowledged, {counts['SILENT']} silenced."
    told = [f"{firing} {of_these}"] if len(firing) + len(of_these) < width else [firing, f"  {of_these}"]
    hint = _hint(rows, width)
    if hint is not None and len(told) == 1 and len(told[0]) + len(hint) + 5 <= width:
        told = [f"{told[0]}     {hint}"]
    elif hint is not None:
        told.append(hint)
    return ["~ flapping; told again when it is calm", *told] if any(row["flapping"] for row in rows) else told


def _hint(rows: list[Row], width: int) -> str | None:
    """How to acknowledge the worst that is open, and all of its rule where that fires at many stations."""
    open_ones = [row for row in rows if row["state"] == "FIRING"]
    if not open_ones:
        return None
    one, rule = (
        f'lamppost alerts ack {name} -m "..."' for name in (open_ones[0]["id"], f"rule={open_ones[0]['rule']}")
    )
    is_many = sum(row["rule"] == open_ones[0]["rule"] for row in open_ones) > MANY
    return rule if is_many and len(rule) <= width else one


def age(age_ms: int) -> str:
    """How long ago, in one unit."""
    for unit, ms in (("d", DAY_MS), ("h", HOUR_MS), ("min", MINUTE_MS)):
        if age_ms >= 2 * ms or (unit == "min" and age_ms >= ms):
            return f"{age_ms // ms} {unit}"
    return f"{max(0, age_ms) // 1000} s"


def _clip(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    kept, used = "", 1
    for sign in text:
        used += width_of(sign)
        if used > width:
            break
        kept += sign
    return kept.rstrip() + "…"
