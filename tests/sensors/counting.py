"""How many frames were damaged on the line, and how many the agent's sensor counts: stub and Sensor, in memory.

The stub's line flips bits (`Faulty`); the agent's part is the true one, `Sensor`, on a clock of numbers. Reads come as
a quiet machine gives them, or `lumped`, as a busy one does: many frames in one read, so that no pause tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.sensors.sensor import Sensor
from firmware_stubs.faults import Fault
from firmware_stubs.faulty import Faulty
from firmware_stubs.stub import Stub
from tests.sensors.plausible import as_good, plausible
from tests.sensors.streams import PROFILES

STEP_S = 0.01


@dataclass(slots=True)
class Count:
    """What was done to the frames of one sensor, and what was made of it."""

    sent: int = 0
    spoilt: int = 0
    hidden: int = 0  # of those spoilt, what no receiver can tell
    counted: int = 0
    sound: int = 0


def count(name: str, stub: Stub, seed: str, seconds: float, fault: Fault, lump_s: float = 0.0) -> Count:
    """Run a stub on a bad line into a Sensor."""
    found = Count()

    def spoilt(t_s: float, frame: bytes, arrives: bytes) -> None:  # noqa: ARG001
        found.spoilt += 1
        found.hidden += plausible(name, arrives) or as_good(name, frame, arrives)

    def sent(t_s: float, frame: bytes, rows: object) -> None:  # noqa: ARG001
        found.sent += 1

    stub.sent, stub.spoilt = sent, spoilt
    sensor = Sensor(name, PROFILES[name])
    sensor.begin(0.0, 0.0)
    faulty = Faulty(seed, [fault])
    waiting, read_s = b"", 0.0
    for step in range(int(seconds / STEP_S)):
        t_s = step * STEP_S
        # the first seconds are sound, so that start-up commands are answered; so are the last, so that all is settled
        stub.faulty = faulty if 5.0 <= t_s < seconds - 5.0 else None
        waiting += stub.tick(t_s)
        if waiting and (t_s - read_s >= lump_s or sensor.poller.asked is not None):
            sensor.feed(waiting, int(t_s * 1000), t_s)
            waiting, read_s = b"", t_s
        if not waiting:
            sensor.late(t_s)
        for ask in sensor.poller.due(t_s):
            waiting += stub.receive(ask.data)
    sensor.late(seconds + 10)
    found.sound = sensor.frames
    found.counted = sum(number for reason, number in sensor.bad.items() if reason != "no_reply")
    return found
