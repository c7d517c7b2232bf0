"""The sensors of one serial line, and whose turn it is. Pure; whoever waits holds the clock.

Mostly one sensor has a line of its own. On RS-485 several may share a pair of wires: each answers to its own address,
and while one is asked the others keep silent (MODBUS over Serial Line V1.02, 2.1). So what is heard is the answer of
the one that was asked last.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from device_profiles.profile import Serial
    from edge_agent.sensors.polling import Ask
    from edge_agent.sensors.sensor import Sensor

QUIET_CHARACTERS, BITS_MAX = 3.5, 11  # between two frames (V1.02, 2.5.1.1)
QUIET_S = 0.02  # slow transceivers let go of the line later than the standard wants
DEAD_AFTER = 3  # questions without an answer
REST = 9  # times as long as it was waited for in vain: one that is dead takes a tenth of the line at most


class Bus:
    """Gives each of the sensors its turn. `speaker` is who was asked last."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self.speaker = sensors[0]
        self._turns = deque(sensors)
        self._shared = len(sensors) > 1
        self._quiet_s = quiet_s(self.speaker.profile.serial) if self._shared else 0.0
        self._free_s = self._asked_s = 0.0
        self._in_vain: Counter[Sensor] = Counter()
        self._rests_until_s: dict[Sensor, float] = {}

    def begin(self, now_s: float, powered_s: float | None = None) -> None:
        """The port was opened; the sensors have had power since `powered_s` at least, else from now on."""
        self._in_vain.clear()
        self._rests_until_s.clear()
        for sensor in self._turns:
            sensor.begin(now_s, powered_s)

    def due(self, now_s: float) -> list[Ask]:
        """What to write now, at most one command: to the one whose turn it is, when nobody's answer is waited for."""
        for sensor in self._turns:
            self._see_whether_late(sensor, now_s)
        if self._shared and (now_s < self._free_s or self._is_asked):
            return []
        for sensor in self._turns:
            resting = now_s < self._rests_until_s.get(sensor, now_s)
            if not resting and (asks := sensor.poller.due(now_s)):
                self.speaker, self._asked_s, self._free_s = sensor, now_s, now_s + self._quiet_s
                self._turns.remove(sensor)
                self._turns.append(sensor)
                return asks
        return []

    def heard(self, was_asked: bool, now_s: float) -> bool:
        """The speaker was fed; True when it was asked and has answered: another may be asked."""
        self._free_s = now_s + self._quiet_s
        if not was_asked or self._is_asked:
            return False
        del self._in_vain[self.speaker]
        return True

    @property
    def next_s(self) -> float | None:
        """When `due` will next have something to say; None when never."""
        if self._shared and self._is_asked:
            return self.speaker.poller.next_s
        free_s = self._free_s if self._shared else 0.0
        times = [
            max(next_s, free_s, self._rests_until_s.get(sensor, 0.0))
            for sensor in self._turns
            if (next_s := sensor.poller.next_s) is not None
        ]
        return min(times, default=None)

    @property
    def _is_asked(self) -> bool:
        return self.speaker.poller.asked is not None

    def _see_whether_late(self, sensor: Sensor, now_s: float) -> None:
        asked = sensor.poller.asked
        sensor.late(now_s)
        if asked is None or sensor.poller.asked is not None:
            return
        self._in_vain[sensor] += 1
        if self._shared and self._in_vain[sensor] >= DEAD_AFTER:
            self._rests_until_s[sensor] = now_s + REST * (now_s - self._asked_s)


def quiet_s(line: Serial) -> float:
    """How long a shared line must be silent between two frames."""
    return max(QUIET_S, QUIET_CHARACTERS * BITS_MAX / line.baud)


def why_apart(one: Sensor, other: Sensor) -> str | None:
    """Why two sensors cannot share a line, in words; None when they can."""
    return _why_alone(one) or _why_alone(other) or _why_unlike(one, other)


def _why_alone(sensor: Sensor) -> str | None:
    if not sensor.poller.asks:
        return f"{sensor.name} speaks without being asked"
    option = sensor.profile.options.get("address")
    if option is None:
        return f"{sensor.name} has no address"
    if option.default in option.anybody:
        return f"all answer to address {option.default} of {sensor.name}, give it one of its own in options"
    return None


def _why_unlike(one: Sensor, other: Sensor) -> str | None:
    mine, theirs = one.profile, other.profile
    if mine.options["address"].default == theirs.options["address"].default:
        return f"{one.name} has the same address {mine.options['address'].default}"
    if mine.serial != theirs.serial:
        return f"{one.name} speaks {mine.serial.told} and {other.name} {theirs.serial.told}, one line has one speed"
    return None
