"""Sensors of a history that tell too seldom for an index: standards ask for 45 minutes of an hour, an archive has one.

An hour is looked at while its lines last; a file that jumps to and fro between hours looks scantier than it is.
"""

from __future__ import annotations

from collector.numbers.windows import VALID_MINUTES
from collector.opendata.history import History
from measures.index import INDEXED
from wire.times import HOUR_MS, MINUTE_MS


class Scanty:
    """Looks at the parts of a history, one after the other."""

    def __init__(self) -> None:
        self._hours: dict[str, tuple[int, set[int]]] = {}  # by sensor, the hour that lasts and its minutes
        self._most: dict[str, int] = {}

    def look(self, part: History) -> None:
        """Take the next part."""
        for line in part.lines:
            if INDEXED.isdisjoint(line.values):
                continue
            tags = dict(line.tags)
            sensor, hour = f"{tags['node']}/{tags['sensor']}", line.time_ms // HOUR_MS
            if sensor not in self._hours or self._hours[sensor][0] != hour:
                self._hours[sensor] = hour, set()
            minutes = self._hours[sensor][1]
            minutes.add(line.time_ms // MINUTE_MS)
            self._most[sensor] = max(len(minutes), self._most.get(sensor, 0))

    def sensors(self) -> list[str]:
        """Those of which no hour had enough minutes."""
        return sorted(sensor for sensor, most in self._most.items() if most < VALID_MINUTES)
