"""A panel: what it shows and its question, in the two dialects that Grafana asks InfluxDB in. Pure.

    InfluxQL   InfluxDB 1, and InfluxDB 2 through a mapped database
    SQL        InfluxDB 3

`$node`, `$timeFilter`, `$__interval`, `$__timeFilter` and `$__dateBin` are Grafana's own words; it puts the dashboard's
choice in their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from collector.stores.line_protocol import key

Shape = Literal["timeseries", "stat", "table"]
Version = Literal["v1", "v2", "v3"]
UID: Final = {"v1": "lamppost-influx1", "v2": "lamppost-influx2", "v3": "lamppost-influx3"}
_SQL: Final = {"mean": "avg", "max": "max", "min": "min", "sum": "sum", "count": "count", "last": "last_value"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `fields` maps a stored field to its label; `by` names the tags that make separate lines.

    `how` folds what falls into one step of the chart, or the whole time of a stat or table. `chosen`: the dashboard's
    choice of stations narrows it down; so do the tags of `where`, and fields that hold the texts of `unless` are left
    out. `limits` are the steps at which the colour changes.
    """

    zh: str
    en: str
    shape: Shape
    measurement: str
    fields: dict[str, str]
    how: Literal["mean", "max", "min", "sum", "last", "count"] = "mean"
    by: tuple[str, ...] = ("node",)
    unit: str = "none"
    chosen: bool = True
    where: tuple[tuple[str, str], ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    limits: tuple[float, ...] = ()
    width: int = 12
    rows: bool = False  # a table of single rows, newest first, instead of one row a group

    def influxql(self) -> str:
        """The question for InfluxDB 1 and 2."""
        source = f'FROM "{key(self.measurement)}" WHERE {self._conditions("$timeFilter")}'
        groups = [f'"{key(tag)}"' for tag in self.by]
        if self.rows:
            columns = ", ".join(f'"{key(name)}" AS "{label}"' for name, label in self.fields.items())
            grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
            return f"SELECT {columns} {source}{grouped} ORDER BY time DESC LIMIT 200"
        columns = ", ".join(f'{self.how}("{key(name)}") AS "{label}"' for name, label in self.fields.items())
        timed = ["time($__interval)"] if self.shape == "timeseries" else []
        by = ", ".join([*timed, *groups])
        fill = " fill(none)" if timed else ""
        return f"SELECT {columns} {source}{' GROUP BY ' + by if by else ''}{fill}"

    def sql(self) -> str:
        """The question for InfluxDB 3."""
        source = f'FROM "{key(self.measurement)}" WHERE {self._conditions("$__timeFilter(time)")}'
        groups = [f'"{key(tag)}"' for tag in self.by]
        if self.rows:
            columns = ", ".join(["time", *groups, *(f'"{key(n)}" AS "{label}"' for n, label in self.fields.items())])
            return f"SELECT {columns} {source} ORDER BY time DESC LIMIT 200"
        columns = ", ".join(f'{self._folded(name)} AS "{label}"' for name, label in self.fields.items())
        timed = ["$__dateBin(time)"] if self.shape == "timeseries" else []
        shown = ", ".join([*(f"{step} AS time" for step in timed), *groups, columns])
        by = ", ".join([*timed, *groups])
        order = " ORDER BY time" if timed else ""
        return f"SELECT {shown} {source}{' GROUP BY ' + by if by else ''}{order}"

    def _folded(self, name: str) -> str:
        ordered = " ORDER BY time" if self.how == "last" else ""
        return f'{_SQL[self.how]}("{key(name)}"{ordered})'

    def _conditions(self, time: str) -> str:
        regex = time == "$timeFilter"
        chosen = ['"node" =~ /^$node$/' if regex else '"node" IN (${node:singlequote})'] if self.chosen else []
        told = [f"\"{key(tag)}\" = '{value}'" for tag, value in self.where]
        told += [f"\"{key(name)}\" <> '{text}'" for name, text in self.unless]
        return " AND ".join([*chosen, *told, time])

    def query(self, version: Version) -> dict[str, object]:
        """The question as Grafana's InfluxDB data source keeps it."""
        source = {"type": "influxdb", "uid": UID[version]}
        table = "table" if self.shape == "table" else "time_series"
        if version == "v3":
            return {"refId": "A", "datasource": source, "rawSql": self.sql(), "rawQuery": True, "format": table}
        alias = "$tag_" + " $tag_".join(self.by) + " $col" if self.by else "$col"
        asked = {"refId": "A", "datasource": source, "query": self.influxql(), "rawQuery": True, "resultFormat": table}
        return asked | ({"alias": alias} if table == "time_series" else {})
