"""A `Select` in the SQL of InfluxDB 3 (DataFusion), for people who query it themselves."""

from __future__ import annotations

from collector.stores.line_protocol import key
from collector.stores.store import Select
from collector.zones import utc

_FUNCTIONS = {"mean": "avg", "min": "min", "max": "max", "sum": "sum", "count": "count"}


def render(question: Select) -> str:
    """The SQL text; names are checked and quoted, values escaped."""
    groups = [f'"{key(tag)}"' for tag in question.group_by]
    source = f'"{key(question.measurement)}"{_where(question)}'
    if question.latest:
        inner = ", ".join([*groups, "time", *(f'"{key(name)}"' for name in question.columns)])
        over = f"PARTITION BY {', '.join(groups)} " if groups else ""
        ranked = f"SELECT {inner}, row_number() OVER ({over}ORDER BY time DESC) AS place FROM {source}"
        outer = ", ".join(["time", *groups, *(f'"{key(name)}"' for name in question.columns)])
        return f"SELECT {outer} FROM ({ranked}) AS newest WHERE place = 1" + _order([*groups])
    if question.aggregate is None:
        columns = ", ".join(["time", *groups, *(f'"{key(name)}"' for name in question.columns)])
        return f"SELECT {columns} FROM {source}" + _order([*groups, "time"]) + _limit(question)
    return _aggregated(question, groups, source)


def _aggregated(question: Select, groups: list[str], source: str) -> str:
    function = _FUNCTIONS[question.aggregate or "mean"]
    values = [f'{function}("{key(name)}") AS "{name}"' for name in question.columns]
    if question.every_ms is None:
        by = " GROUP BY " + ", ".join(groups) if groups else ""
        return f"SELECT {', '.join([*groups, *values])} FROM {source}{by}" + _order(groups) + _limit(question)
    bin_ = f"date_bin(INTERVAL '{question.every_ms // 1000} seconds', time)"
    by = " GROUP BY " + ", ".join([*groups, bin_])
    text = f"SELECT {', '.join([f'{bin_} AS time', *groups, *values])} FROM {source}{by}"
    return text + _order([*groups, "time"]) + _limit(question)


def _where(question: Select) -> str:
    """Rows that hold anything of what is asked for: others would be newest rows, or groups, of nothing but nulls."""
    conditions = ["(" + " OR ".join(f'"{key(name)}" IS NOT NULL' for name in question.columns) + ")"]
    for tag, value in question.where.items():
        values = (value,) if isinstance(value, str) else value
        listed = ", ".join(map(_text, values))
        conditions.append(f'"{key(tag)}" IN ({listed})')
    conditions += [f'"{key(name)}" = {int(value)}' for name, value in question.equals.items()]
    conditions += [f'"{key(name)}" <> {_text(text)}' for name, text in question.unless.items()]
    if question.since_ms is not None:
        conditions.append(f"time >= '{utc(question.since_ms)}'")
    if question.until_ms is not None:
        conditions.append(f"time < '{utc(question.until_ms)}'")
    return " WHERE " + " AND ".join(conditions)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _order(columns: list[str]) -> str:
    return " ORDER BY " + ", ".join(columns) if columns else ""


def _limit(question: Select) -> str:
    return "" if question.limit is None else f" LIMIT {int(question.limit)}"
