"""What every impersonator shares: a pure object that hears bytes and sends bytes, with physical inputs and a truth.

    stub.receive(data)   what the host wrote; returns what the device answers at once
    stub.tick(t_s)       what the device sends by itself up to time `t_s` (seconds of any clock that only goes forward)
    stub.next_s          when it will next want to send

Written from the datasheets, importing nothing of the agent: two readings of one page catch what one cannot. Whoever
wants to compare sets `stub.sent`, which is told every measurement frame with its time and the values it carries;
`stub.spoilt` is told of the frames that `stub.damage` has changed on their way, as they were and as they arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Row = dict[str, float]
Sent = Callable[[float, bytes, list[Row]], None]
Damage = Callable[[bytes], bytes]
"""What the line does to a frame (`firmware_stubs.faults`)."""
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

    def __init__(self, world: World | None = None) -> None:
        self.world: World = world or unknown
        self.sent: Sent = _nobody
        self.damage: Damage | None = None
        self.spoilt: Spoilt = _not_told
        self.t_s = 0.0
        self._inbox = bytearray()
        self._due_s: float | None = None
        self._started = False

    @property
    def next_s(self) -> float | None:
        """When `tick` will next have something; None while the device only answers."""
        return self._due_s if self._started else self.t_s

    def receive(self, data: bytes) -> bytes:
        """What the host wrote arrives; the answer goes back at once."""
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
            self._power_on(t_s)
        self.t_s = t_s
        out = b""
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
        arrives = frame if self.damage is None else self.damage(frame)
        if arrives == frame:
            self.sent(t_s, frame, rows)
        else:
            self.spoilt(t_s, frame, arrives)
        return arrives


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
    """A rounded 16-bit number as firmware shows it."""
    return int(clamp(round(value), 0, 0xFFFF))
