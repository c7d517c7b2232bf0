"""Thinning: when the spool is full, the oldest rows become one-minute rows of their own measurements. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.reading import Reading, Series
from measures.averages import DIRECTIONS, mean_of
from measures.speed import merged_space_mean_kmh, merged_time_mean_kmh
from wire.quantities import agent_fields
from wire.times import MINUTE_MS

SUFFIX = "_1m"
_BY_VEHICLES = {"speed_tms_kmh": merged_time_mean_kmh, "speed_sms_kmh": merged_space_mean_kmh}


def thin(readings: Iterable[Reading]) -> tuple[list[Reading], list[Reading]]:
    """(one-minute rows of what can be thinned, rows that must go as they are: ledgers, gaps, thinned ones)."""
    minutes: dict[tuple[Series, int], list[Reading]] = {}
    others = []
    for reading in readings:
        if agent_fields(reading.series.kind + SUFFIX) is None:
            others.append(reading)
        else:
            minutes.setdefault((reading.series, reading.time_ms // MINUTE_MS * MINUTE_MS), []).append(reading)
    thinned = [
        Reading(series._replace(kind=series.kind + SUFFIX), start_ms, _stats(rows))
        for (series, start_ms), rows in sorted(minutes.items(), key=lambda item: item[0][1])
    ]
    return thinned, others


def _stats(rows: list[Reading]) -> dict[str, float | int]:
    values: dict[str, float | int] = {}
    for name in dict.fromkeys(name for row in rows for name in row.values):
        found = [row.values[name] for row in rows if name in row.values]
        mean = _mean(name, found, rows)
        if mean is not None:
            values[f"{name}_mean"] = round(mean, 4)
        if name not in DIRECTIONS:
            values |= {f"{name}_min": min(found), f"{name}_max": max(found)}
        values[f"{name}_n"] = len(found)
    return values


def _mean(name: str, found: list[float | int], rows: list[Reading]) -> float | None:
    """Of speeds by vehicles and of occupancy by time: intervals may be shorter than a minute."""
    if name in _BY_VEHICLES:
        counts = [int(row.values.get("count", 0)) for row in rows]
        speed = _BY_VEHICLES[name]([row.values.get(name) for row in rows], counts)
        if speed is not None:
            return speed
    if name == "occupancy_ratio":
        timed = [(row.values[name], row.values.get("duration_s", 0)) for row in rows if name in row.values]
        if seconds := sum(duration_s for _, duration_s in timed):
            return sum(ratio * duration_s for ratio, duration_s in timed) / seconds
    return mean_of(name, found)
