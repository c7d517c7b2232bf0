"""What no disk has taken yet: readings in memory, up to a limit, and by sensor what went beyond it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.reading import Reading
from edge_agent.spool import gap_records
from edge_agent.spool.gap_records import Loss
from edge_agent.timeline import FLOOR_MS

READINGS_MAX = 10_000


class Unwritten:
    """`readings` are the caller's to write, and to take out once the disk has them."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._lost: dict[str, Loss] = {}

    def keep(self, readings: list[Reading]) -> int:
        """Hold them. Beyond the limit the newest are lost; returns how many."""
        room = max(0, READINGS_MAX - len(self.readings))
        self.readings += readings[:room]
        lost = readings[room:]
        for reading in lost:
            self._lose(Loss(reading.series.sensor, 1, reading.time_ms, reading.time_ms))
        return len(lost)

    def losses(self) -> list[Loss]:
        """All of it as lost: it goes with its recorder, and the next one of this program tells of it."""
        told = [row for row in self.readings if gap_records.is_gap(row)]
        found = gap_records.losses(row for row in self.readings if not gap_records.is_gap(row))
        found += [
            Loss(row.series.sensor, int(row.values["lost_count"]), int(row.values["from_ms"]), int(row.values["to_ms"]))
            for row in told
        ]
        return [loss for loss in (*found, *self._lost.values()) if loss.rows]

    def hear_of(self, losses: Iterable[Loss]) -> None:
        """What went with the recorder before this one. Call before it restores."""
        for loss in losses:
            self._lose(loss)

    def move(self, by_ms: int) -> None:
        """What was stamped before there was a clock gets its true time."""
        self.readings = [row._replace(time_ms=row.time_ms + by_ms) for row in self.readings]
        for name, (sensor, rows, from_ms, to_ms) in self._lost.items():
            if from_ms < FLOOR_MS:  # the recorder before this one may have known the time
                self._lost[name] = Loss(sensor, rows, from_ms + by_ms, to_ms + by_ms)

    def gaps(self, now_ms: int) -> list[Reading]:
        """The gap records of what was lost, once the disk takes again."""
        if not self._lost or len(self.readings) >= READINGS_MAX // 2:
            return []
        losses, self._lost = self._lost, {}
        return [gap_records.record(loss, "disk-full", now_ms) for loss in losses.values()]

    def _lose(self, loss: Loss) -> None:
        known = self._lost.get(loss.sensor, loss._replace(rows=0))
        from_ms, to_ms = min(known.from_ms, loss.from_ms), max(known.to_ms, loss.to_ms)
        self._lost[loss.sensor] = Loss(loss.sensor, known.rows + loss.rows, from_ms, to_ms)
