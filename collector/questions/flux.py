"""A `Select` in Flux, for people who query InfluxDB 2 themselves. Shown, not run: our own questions go as InfluxQL."""

from __future__ import annotations

import json

from collector.stores.line_protocol import key
from collector.stores.store import Select
from collector.zones import utc


def render(question: Select, bucket: str) -> str:
    """The Flux text; names are checked, values quoted as Flux strings."""
    steps = [f"from(bucket: {_text(bucket)})", _range(question), _any("_measurement", (question.measurement,))]
    steps.append(_any("_field", question.columns))
    steps += [_any(tag, (value,) if isinstance(value, str) else value) for tag, value in question.where.items()]
    groups = ", ".join(_text(key(tag)) for tag in question.group_by)
    if question.aggregate is not None:
        steps.append(f'group(columns: [{groups}{", " if groups else ""}"_field"])')
        steps.append(_reduced(question))
    steps.append(_pivot(question))
    steps.append(f"group(columns: [{groups}])")
    steps += [f"filter(fn: (r) => r.{key(name)} == {value})" for name, value in question.equals.items()]
    steps += [f"filter(fn: (r) => r.{key(name)} != {_text(text)})" for name, text in question.unless.items()]
    if _timed(question):
        steps.append(f'sort(columns: ["_time"]{", desc: true" if question.latest else ""})')
    limit = 1 if question.latest else question.limit
    if limit is not None:
        steps.append(f"limit(n: {limit})")
    return "\n  |> ".join(steps)


def _reduced(question: Select) -> str:
    if question.every_ms is not None:
        window = f"every: {question.every_ms}ms, fn: {question.aggregate}, createEmpty: false"
        return f'aggregateWindow({window}, timeSrc: "_start")'
    return f"{question.aggregate}()"


def _pivot(question: Select) -> str:
    place = [*(["_time"] if _timed(question) else []), *question.group_by]
    keys = ", ".join(_text(name) for name in place)
    return f'pivot(rowKey: [{keys}], columnKey: ["_field"], valueColumn: "_value")'


def _timed(question: Select) -> bool:
    """Whether rows of the answer have a time of their own."""
    return question.aggregate is None or question.every_ms is not None


def _range(question: Select) -> str:
    start = "0" if question.since_ms is None else utc(question.since_ms)
    stop = "" if question.until_ms is None else f", stop: {utc(question.until_ms)}"
    return f"range(start: {start}{stop})"


def _any(column: str, values: tuple[str, ...]) -> str:
    either = " or ".join(f"r.{key(column) if column[0] != '_' else column} == {_text(value)}" for value in values)
    return f"filter(fn: (r) => {either})"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("${", "\\${")
