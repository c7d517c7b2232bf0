"""A reading: what one sensor said at one time, in the quantities of the wire."""

from __future__ import annotations

from typing import NamedTuple


class Series(NamedTuple):
    """What readings belong together: one sensor, one kind, one set of tags, one profile."""

    sensor: str
    kind: str
    tags: tuple[tuple[str, str], ...] = ()
    profile: str | None = None


class Reading(NamedTuple):
    """Values of one series at `time_ms`: UTC, or since boot while the clock is not trusted."""

    series: Series
    time_ms: int
    values: dict[str, float | int]
