"""What every impersonator shares: a pure object that hears bytes and sends bytes, with physical inputs and a truth.

    stub.receive(data)   what the host wrote; returns what the device answers at once
    stub.tick(t_s)       what the device sends by itself up to time `t_s` (seconds of any clock that only goes forward)
    stub.next_s          when it will next want to send

Written from the datasheets, importing nothing of the agent: two readings of one page catch what one cannot. Whoever
wants to compare sets `stub.sent`, which is told every measurement frame with its time and the values it carries;
`stub.spoilt` is told of the frames that `stub.faulty` has changed on their way, as they were and as they arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from firmware_stubs.faulty import Faulty

Row = dict[str, float]
Sent = Callable[[float, bytes, list[Row]], None]
Spoilt = Callable[[float, bytes, bytes], None]
World = Callable[[float], dict[str, float]]
"""Physical truth at a time: `pm25_ugm3`, `temp_c`, `co2_ppm` ..."""
Targets = Callable[[float], list[dict[str, float]]]
"""What stands or moves before a radar at a time: `speed_kmh` (positive towards it), `range_m`, `angle_deg`."""

CATCH_UP_S = 5.0


class Line(NamedTuple):
    """The line settings the real device has."""

    baud: int
    parity: str = "none"
    bytesize: int = 8
    stopbits: int = 1


class Stub:
    """Base of the impersonators. A subclass says `line`, answers commands and makes frames."""

    line = Line(9600)
    checksum_at: int | None = -1
    """Where a byte of the checksum stands, counted from the end of a frame; None for a format that has none."""

    def __init__(self, world: World | None = None, targets: Targets | None = None) -> None:
        self._world: World = world or unknown
        self._targets: Targets = targets or nothing
        self.sent: Sent = _nobody
        self.faulty: Faulty | None = None
        self.spoilt: Spoilt = _not_told
        self.t_s = 0.0
        self.returned_s: float | None = None  # when it had power again after it was unplugged
        self._inbox = bytearray()
        self._due_s: float | None = None
        self._started = self._unplugged = False

    @property
    def next_s(self) -> float | None:
        """When `tick` will next have something; None while the device only answers."""
        if not self._started:
            return self.t_s
        held_s = self.faulty.next_s if self.faulty is not None else None
        return min((at_s for at_s in (self._due_s, held_s) if at_s is not None), default=None)

    def world(self, t_s: float) -> dict[str, float]:
        """What the sensor's element feels at that time."""
        return self._world(t_s) if self.faulty is None else self.faulty.feel(t_s, self._world(t_s))

    def targets(self, t_s: float) -> list[dict[str, float]]:
        """What a radar sees at that time."""
        return self._targets(t_s) if self.faulty is None else self.faulty.see(t_s, self._targets(t_s))

    def unplug(self) -> None:
        """The supply is gone; the next `tick` is a cold start."""
        self._started, self._unplugged, self._due_s = False, True, None
        self._inbox.clear()

    def receive(self, data: bytes) -> bytes:
        """What the host wrote arrives; the answer goes back at once."""
        if self.faulty is not None and self.faulty.silent(self.t_s):
            return b""
        self._inbox += data
        out = b""
        while self._inbox:
            used, answer = self._command(bytes(self._inbox))
            if used == 0:
                break
            del self._inbox[:used]
            out += answer
        del self._inbox[:-256]
        return out

    def tick(self, t_s: float) -> bytes:
        """Time goes on; returns what the device sends by itself until then."""
        if not self._started:
            self._started, self.t_s = True, t_s
            self.returned_s = t_s if self._unplugged else None
            self._power_on(t_s)
        self.t_s = t_s
        out = self._held(t_s)
        if self._due_s is not None and t_s - self._due_s > CATCH_UP_S:
            self._due_s = t_s  # the host was away; nobody has kept these frames
        while self._due_s is not None and self._due_s <= t_s:
            due_s = self._due_s
            self._due_s = None
            out += self._push(due_s)
        return out

    # What a device does

    def _power_on(self, t_s: float) -> None:
        """The supply came on: usually the first frame is due."""

    def _command(self, data: bytes) -> tuple[int, bytes]:
        """Take one command from the front of `data`: bytes used (0: wait for more) and the answer."""
        return len(data), b""

    def _push(self, t_s: float) -> bytes:  # noqa: ARG002
        """A frame is due: make it, and set `_due_s` for the next."""
        return b""

    def _measured(self, t_s: float, frame: bytes, rows: list[Row]) -> bytes:
        """Tell the truth of a measurement frame and pass it on, damaged if the line damages it."""
        rows = [{name: value for name, value in row.items() if value == value} for row in rows]  # NaN is no value
        if self.faulty is None:
            self.sent(t_s, frame, rows)
            return frame
        out = b""
        for one in self.faulty.arrive(t_s, frame, rows, self.line.baud, self.checksum_at):
            if isinstance(one, bytes):
                self.spoilt(t_s, frame, one)
                out += one
            else:
                self.sent(t_s, one.frame, one.rows)
                out += one.frame
        return out

    def _held(self, t_s: float) -> bytes:
        """Frames that a fault has kept back until now."""
        out = b""
        for held in self.faulty.due(t_s) if self.faulty is not None else ():
            self.sent(held.arrives_s, held.frame, held.rows)
            out += held.frame
        return out


def _nobody(t_s: float, frame: bytes, rows: list[Row]) -> None:
    """Nobody compares."""


def _not_told(t_s: float, frame: bytes, arrives: bytes) -> None:
    """Nobody counts damage."""


def unknown(t_s: float) -> dict[str, float]:  # noqa: ARG001
    """A world nobody described: every stub has an ordinary value of its own."""
    return {}


def nothing(t_s: float) -> list[dict[str, float]]:  # noqa: ARG001
    """An empty road."""
    return []


def clamp(value: float, low: float, high: float) -> float:
    """`value` within what the device can show."""
    return min(max(value, low), high)


def word(value: float) -> int:
    """A rounded 16-bit number as firmware shows it; all ones where the element gives nothing."""
    return 0xFFFF if value != value else int(clamp(round(value), 0, 0xFFFF))
