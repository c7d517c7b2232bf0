"""One sensor at its serial line: a stub that speaks, the agent's sensor that hears, and notes of what was meant."""

from __future__ import annotations

from typing import Any

from edge_agent.reading import Reading
from edge_agent.sensors.sensor import Sensor
from firmware_stubs.stub import Row, Stub
from simulator.notes import Key, Notes, SeriesOf
from simulator.world.clock import Clock
from simulator.world.street import Street
from simulator.world.wire_tap import WireTap
from wire.quantities import QUANTITIES

DETECTION = "detection"


class Line:
    """Carries bytes both ways at simulated time; `speak` and `write` give what the agent reads of them."""

    def __init__(self, node: str, site: str, name: str, stub: Stub, clock: Clock, notes: Notes, tap: WireTap) -> None:
        self.name, self.stub = name, stub
        self.swapped_to: Line | None = None
        self.street: Street | None = None  # of a radar: who knows when it will see something
        self.plugged = True
        self.keys: list[Key] = []
        self._node, self._site = node, site
        self._clock, self._notes, self._tap = clock, notes, tap
        stub.sent, stub.spoilt = self._sent, self._spoilt

    def speak(self, sensor: Sensor | None, now_ms: int, stamp_ms: int) -> list[Reading]:
        """Let the stub say what is due; what the agent reads of it. Without a sensor nobody listens."""
        data = self.stub.tick(self._clock.now_s)
        return self._arrive(data, sensor, now_ms, stamp_ms)

    def write(self, data: bytes, sensor: Sensor, now_ms: int, stamp_ms: int) -> list[Reading]:
        """The agent says something; the answer arrives at once."""
        return self._arrive(self.stub.receive(data), sensor, now_ms, stamp_ms)

    def unplug(self) -> None:
        """The plug is out: the sensor has no power."""
        if self.plugged:
            self.plugged = False
            self.stub.unplug()

    def excuse(self, cause: str) -> None:
        """What was said since the last look is lost, for a reason."""
        self._notes.excuse(self.keys, cause)
        self.keys = []

    def _arrive(self, data: bytes, sensor: Sensor | None, now_ms: int, stamp_ms: int) -> list[Reading]:
        if not data:
            return []
        self._tap.bytes_of(f"{self._node}/{self.name}", now_ms, data)
        if sensor is None:
            return []
        unfit = dict(sensor.unfit)
        readings = sensor.feed(data, stamp_ms, self._clock.now_s)
        for reason, count in sensor.unfit.items():
            if count > unfit.get(reason, 0):
                self.excuse(reason if reason in ("warming_up", "settling", "stale") else "unfit")
        return readings

    def _sent(self, _t_s: float, _frame: bytes, rows: list[Row]) -> None:
        for row in rows:
            for kind, values in by_kind(row).items():
                self.keys.append(self._notes.sent(self._series(kind), self._clock.now_ms, values))

    def _spoilt(self, _t_s: float, _frame: bytes, _arrives: bytes) -> None:
        """A damaged frame: that something was meant is noted, of the kind this sensor chiefly measures."""
        kind = self._kind
        if kind is not None:
            self._notes.sent(self._series(kind), self._clock.now_ms, None, "line")

    _kind: str | None = None

    def measures(self, kind: str) -> None:
        """What its profile says that it chiefly measures; a radar's damaged reports are nobody's reading."""
        self._kind = None if kind == DETECTION else kind

    def _series(self, kind: str) -> SeriesOf:
        return SeriesOf(self._node, self._site, self.name, kind)


def by_kind(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The values of a stub's row by the kind of measurement; what never leaves a device is left out."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in row.items():
        quantity = QUANTITIES.get(name)
        if quantity is not None and quantity.kind != DETECTION:
            found.setdefault(quantity.kind, {})[name] = value
    return found
