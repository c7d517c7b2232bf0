"""Thinning: when the spool is full, the oldest rows become one-minute rows of their own measurements. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.reading import Reading, Series
from wire.quantities import agent_fields

MINUTE_MS = 60_000
SUFFIX = "_1m"


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
        values |= {
            f"{name}_mean": round(sum(found) / len(found), 4),
            f"{name}_min": min(found),
            f"{name}_max": max(found),
            f"{name}_n": len(found),
        }
    return values
