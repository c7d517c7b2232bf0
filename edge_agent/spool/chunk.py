"""How readings lie in the spool between a commit and their sealing: one JSON text a commit.

[[sensor, kind, tags, profile, time_ms, values], ...]
"""

from __future__ import annotations

import json

from edge_agent.reading import Reading, Series


def dump(readings: list[Reading]) -> str:
    """The text of one commit's readings."""
    return json.dumps([[*r.series, r.time_ms, r.values] for r in readings], separators=(",", ":"))


def load(body: str) -> list[Reading] | None:
    """The way back from `dump`; None when the disk has changed what was written."""
    try:
        return [
            Reading(Series(sensor, kind, tuple((k, v) for k, v in tags), profile), time_ms, values)
            for sensor, kind, tags, profile, time_ms, values in json.loads(body)
        ]
    except (ValueError, TypeError):
        return None
