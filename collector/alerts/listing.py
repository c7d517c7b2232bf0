"""Firing alerts as lines of a terminal: a table where there is room, two lines each where there is not. Of more than
`MANY`, those of one rule or one station are told together, as a heap.

    many rows --> one heap for each rule that fires at three stations or more, or station where three rules fire
                  (severity, how many, the span of values and times, then the stations with their ids)
    the rest  --> rows, the worst first
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import starmap
from typing import Any, Final

from collector.rules.alert_words import BEGAN_AT, SEVERITY_WORDS, STATE_WORDS
from collector.rules.rule import SEVERITIES
from collector.rules.words import reading
from wire.both import Both, Language, in_language, joined, same, zh
from wire.cells import padded, width_of
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

Row = dict[str, Any]
Say = Callable[[str], str]

MANY: Final = 12
HEAP: Final = 3
STATES: Final = ("FIRING", "ACKED", "SILENT", "RESOLVED")
_HEAD: Final = tuple(
    starmap(
        Both,
        (
            ("ID", "编号"),
            ("STATE", "状态"),
            ("SEV", "级别"),
            ("SINCE", "持续"),
            ("STATION", "站点"),
            ("RULE", "规则"),
            ("VALUE", "数值"),
            ("WHO", "处理人"),
        ),
    )
)
_STATE: Final = {
    "FIRING": Both("FIRING", zh(STATE_WORDS["firing"])),
    "ACKED": Both("ACKED", zh(STATE_WORDS["acked"])),
    "SILENT": Both("SILENT", zh(STATE_WORDS["silenced"])),
    "RESOLVED": Both("RESOLVED", zh(STATE_WORDS["resolved"])),
}


def listing(
    rows: list[Row], now_ms: int, width: int = 10_000, each: bool = False, language: Language = "en"
) -> list[str]:
    """Lines no wider than `width`, Chinese names in their true width, and what to do next. `each`: no heaps."""
    say = partial(in_language, language=language)
    rows = sorted(rows, key=_worst_first)
    heaps, rest = ([], rows) if each or len(rows) <= MANY else heaped(rows)
    head, *cells = [tuple(map(say, line)) for line in (_HEAD, *(_cells(row, now_ms) for row in rest))]
    table = _rows(head, cells, width) if rest else []
    said = [line for name, members in heaps for line in _heap(name, members, now_ms, width, say)]
    worse = rest and (not heaps or _worst_first(rest[0]) < _worst_first(heaps[0][1][0]))
    lines = [*table, *said] if worse else [*said, *table]
    return [*(_clip(line, width) for line in lines), *_foot(rows, width, say)]


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


def _heap(name: str, members: list[Row], now_ms: int, width: int, say: Say) -> Iterable[str]:
    worst, one_rule = members[0], len({row["rule"] for row in members}) == 1
    ages = sorted(now_ms - row["since_ms"] for row in members)
    span = _from_to(age(ages[0]), age(ages[-1]))
    values = sorted(row["value"] for row in members if row["value"] is not None)
    head = f"{name}  {say(_STATE[worst['state']])} {say(_severity(worst))}"
    parts = [_how_many(members, one_rule)]
    if one_rule and values:
        low_high, unit, limit = (
            _from_to(same(reading(values[0])), same(reading(values[-1]))),
            worst["unit"],
            worst["limit"],
        )
        when = _when(worst)
        text = Both(f"{when} {low_high} {unit} ({limit})", f"{zh(when)} {zh(low_high)} {unit}（阈值 {limit}）")
        parts.append(Both(text.replace("  ", " "), zh(text).replace("  ", " ")))
    parts.append(Both(f"since {span}", f"已 {zh(span)}"))
    said = list(map(say, parts))
    comma = say(Both(", ", "，"))
    whole = f"{head}  {comma.join(said)}"
    yield from [whole] if width_of(whole) <= width else [head, *_wrapped(said, width, comma)]
    shared = _shared_end([row["station"] for row in members]) if one_rule else ""
    each = []
    for row in members:
        where = row["station"].removesuffix(shared) if one_rule else f"{row['rule']} {say(_value(row))}".strip(" -")
        each.append(f"{row['id']} {where}" + (f" {reading(row['value'])}" if one_rule and values else ""))
    yield from _wrapped(each, width)


def _from_to(least: Both, most: Both) -> Both:
    to = Both(" to ", " 至 ") if least[-1].isdigit() else Both(" to ", "至 ")  # no gap between Chinese signs
    return least if least == most else joined("", [least, to, most])


def _how_many(members: list[Row], one_rule: bool) -> Both:
    stations, alerts = len({row["node"] for row in members}), len(members)
    if one_rule and stations == alerts:
        return Both(f"{stations} stations", f"{stations} 个站点")
    return Both(f"{alerts} alerts", f"{alerts} 条告警")


def _severity(row: Row) -> Both:
    return SEVERITY_WORDS[row["severity"]]


def _shared_end(places: list[str]) -> str:
    """The words, such as ` air-1`, with which all of them end."""
    ends = [place.partition(" ")[2].split(" ")[1:] for place in places]
    shared = ""
    for words in zip(*(reversed(each) for each in ends), strict=False):
        if len(set(words)) > 1:
            break
        shared = f" {words[0]}{shared}"
    return shared


def _wrapped(parts: list[str], width: int, comma: str = ", ") -> Iterable[str]:
    line = ""
    for part in parts:
        if line and width_of(line) + width_of(part) + 5 > width:
            yield f"  {line}{comma.rstrip()}"
            line = part
        else:
            line = f"{line}{comma}{part}" if line else part
    yield f"  {line}"


def _cells(row: Row, now_ms: int) -> tuple[str, ...]:
    state = joined("", [_STATE[row["state"]], "~" if row["flapping"] else ""])
    return (
        row["id"], state, _severity(row), age(now_ms - row["since_ms"]), row["station"], row["rule"], _value(row),
        row["who"],
    )  # fmt: skip


def _value(row: Row) -> Both:
    if row["value"] is None:
        return same("-")
    unit, limit, when = (
        row["unit"] if row["unit"] == "%" or not row["unit"] else f" {row['unit']}",
        row["limit"],
        _when(row),
    )
    value = f"{reading(row['value'])}{unit}"
    if not limit:
        return Both(f"{when} {value}", f"{zh(when)} {value}")
    return Both(f"{when} {value} ({limit})", f"{zh(when)} {value}（阈值 {limit}）")


def _when(row: Row) -> Both:
    """A value is that of the change which was told, and not of now."""
    return Both("ended at", "解除时") if row["state"] == "RESOLVED" else BEGAN_AT


def _rows(head: tuple[str, ...], cells: list[tuple[str, ...]], width: int) -> list[str]:
    """A table; who has an alert goes below it where there is no room beside it, and so does the rule."""
    widths = [max(map(width_of, column)) for column in zip(head, *cells, strict=True)]
    if sum(widths) + 2 * len(widths) - 2 <= width:
        return [_line(line, widths) for line in (head, *cells)]
    lines: list[str] = []
    if sum(widths[:-1]) + 2 * len(widths) - 4 <= width:
        lines.append(_line(head[:-1], widths[:-1]))
        for *line, who in cells:
            lines += [_line(line, widths[:-1]), *([f"  {who}"] if who != "-" else [])]
        return lines
    for name, state, severity, since, place, rule, value, who in cells:
        lines.append(f"{name}  {state}  {severity}  {since}  {place}")
        lines += [f"  {part}" for part in (f"{rule}  {value}".removesuffix("  -"), who) if part != "-"]
    return lines


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "  ".join(padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _foot(rows: list[Row], width: int, say: Say) -> list[str]:
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    count, free, acked, quiet = (len(rows) - counts["RESOLVED"], counts["FIRING"], counts["ACKED"], counts["SILENT"])
    firing = say(Both(f"{count} firing:", f"告警中 {count} 条："))
    of_these = say(
        Both(
            f"{free} open, {acked} acknowledged, {quiet} silenced.",
            f"待处理 {free}，已确认 {acked}，已静默 {quiet}。",
        )
    )
    told = (
        [firing + say(Both(" ", "")) + of_these] if width_of(firing + of_these) < width else [firing, f"  {of_these}"]
    )
    hint = _hint(rows, width)
    if hint is not None and len(told) == 1 and width_of(told[0] + hint) + 5 <= width:
        told = [f"{told[0]}     {hint}"]
    elif hint is not None:
        told.append(hint)
    flapping = say(Both("~ flapping; told again when it is calm", "~ 反复触发，平静后再通知"))
    return [flapping, *told] if any(row["flapping"] for row in rows) else told


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


def age(age_ms: int) -> Both:
    """How long ago, in one unit."""
    for unit, ms in ((Both("d", "天"), DAY_MS), (Both("h", "小时"), HOUR_MS), (Both("min", "分钟"), MINUTE_MS)):
        if age_ms >= 2 * ms or (unit == "min" and age_ms >= ms):
            return joined(" ", [f"{age_ms // ms}", unit])
    return joined(" ", [f"{max(0, age_ms) // 1000}", Both("s", "秒")])


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
